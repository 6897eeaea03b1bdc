/** A trend of what a channel measured, read from the log when somebody looks at it. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ask, query, Refused } from "../api";
import { reasonsOf } from "../series";
import { clock, number, parse } from "../time";
import type { Alarm, Readings as Read } from "../types";
import { t, word } from "../words";
import { Trend } from "./trend";

type Props = { lifeline: string; channel: string; alarms: Alarm[]; at: number | null; height: number; ranges?: number[] };
const MINUTES = 60;
const REFUSED_SHOWN = 5;

export function Readings({ lifeline, channel, alarms, at, height, ranges = [] }: Props) {
  const found = useSignal<Read | null>(null);
  const failed = useSignal("");
  const minutes = useSignal(MINUTES);
  const turn = useSignal(0);
  useEffect(() => {
    let gone = false;
    failed.value = "";
    const address = `/api/readings/${encodeURIComponent(lifeline)}/${encodeURIComponent(channel)}?${query({ minutes: minutes.value, at: at ?? undefined })}`;
    ask<Read>(address).then(
      (read) => { if (!gone) found.value = read; },
      (error: unknown) => { if (!gone) failed.value = error instanceof Refused ? error.code : "network"; },
    );
    return () => { gone = true; };
  }, [lifeline, channel, at, minutes.value, turn.value]);
  const again = <button type="button" onClick={() => (turn.value += 1)}>{t("readings.again")}</button>;
  return (
    <div class="readings">
      {ranges.length > 0 && (
        <div class="ranges" role="group" aria-label={t("readings.range")}>
          {ranges.map((range) => <button key={range} type="button" aria-pressed={minutes.value === range} onClick={() => (minutes.value = range)}>{nameOf(range)}</button>)}
          {again}
        </div>
      )}
      {failed.value && <p class="wrong" role="status">{t("state.failed", { why: word("error", failed.value) })} {ranges.length === 0 && again}</p>}
      {!found.value && !failed.value && <p>{t("readings.reading")}</p>}
      {found.value && <Drawn read={found.value} alarms={alarms} height={height} />}
    </div>
  );
}

const DAY = 1_440;
const nameOf = (minutes: number): string => (minutes < 120 ? t("span.min", { n: minutes }) : minutes <= DAY ? t("readings.hours", { n: minutes / 60 }) : t("readings.days", { n: minutes / DAY }));

function Drawn({ read, alarms, height }: { read: Read; alarms: Alarm[]; height: number }) {
  const rang = alarms.flatMap((alarm) => parse(alarm.onset) ?? []);
  const limits = read.thresholds;
  return (
    <>
      <Trend readings={read} alarms={alarms} rang={rang} height={height} />
      <p class="facts">
        {read.times_ms.length > 0 ? t("readings.count", { n: number(read.times_ms.length), from: clock(read.begin_ms), until: clock(read.end_ms) }) : t("readings.none", { from: clock(read.begin_ms), until: clock(read.end_ms) })}
        {read.looks > 0 && ` ${t("readings.looks", { n: number(read.looks) })}`}
        {read.log_begins_ms !== null && ` ${t("readings.begins", { clock: clock(read.log_begins_ms) })}`}
        {read.cut && ` ${t("readings.cut", { from: clock(read.from_ms ?? read.begin_ms), until: clock(read.until_ms ?? read.end_ms) })}`}
      </p>
      {limits.length > 0 && <p class="facts">{t("readings.limits")} {limits.map((limit) => `${t(`side.${limit.side}`, { value: number(limit.value) })} ${t(`colour.${limit.colour}`)}`).join(" · ")} <code>{`${limits[0]?.file.split("/").slice(-2).join("/")}:${limits[0]?.line}`}</code></p>}
      <RefusedOnes read={read} />
    </>
  );
}

function RefusedOnes({ read }: { read: Read }) {
  if (read.refused.length === 0) return null;
  return (
    <details>
      <summary>{t("readings.refused", { n: read.refused.length })} {reasonsOf(read).map(([reason, n]) => `${word("refused", reason)} ${n}`).join(" · ")}</summary>
      <ul class="plain">
        {read.refused.slice(-REFUSED_SHOWN).reverse().map((one) => (
          <li key={`${one.time_ms} ${one.reason}`}><span>{one.value === null ? "–" : `${number(one.value)} ${read.unit}`} · {word("refused", one.reason)}</span> <time>{clock(one.time_ms)}</time></li>
        ))}
      </ul>
    </details>
  );
}
