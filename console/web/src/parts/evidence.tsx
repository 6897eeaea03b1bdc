/** Members of an incident: what was measured, and what is normal. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ask } from "../api";
import { to } from "../route";
import { number, parse } from "../time";
import type { Alarm, ChannelPage, IncidentPage, Readings } from "../types";
import { say, t, word } from "../words";
import { Mark } from "./mark";
import { Trend } from "./trend";
import { When } from "./when";

const SHOWN = 30;
const PLOTS = 4;

const GAUGE = 240;

/** The measured value as a mark on a scale, with the normal band on it. */
function Gauge({ value, low, high }: { value: number; low: number; high: number }) {
  const spread = Math.max(high - low, Math.abs(high) * 0.01, 1e-9);
  const from = Math.min(low, value) - spread / 2;
  const scale = GAUGE / (Math.max(high, value) + spread / 2 - from);
  return (
    <svg class="gauge" width={GAUGE} height="12" aria-hidden="true">
      <rect class="field" y="4" width={GAUGE} height="4" />
      <rect class="near" x={(low - from) * scale} y="2" width={Math.max(2, (high - low) * scale)} height="8" />
      <rect class="far" x={(value - from) * scale - 1.5} width="3" height="12" />
    </svg>
  );
}

/** The measured value with its unit, against what is normal. */
function Measured({ alarm }: { alarm: Alarm }) {
  if (alarm.observed === null) return null;
  const [low, high] = [alarm.band[0] ?? null, alarm.band[1] ?? null];
  return (
    <p class="measured">
      <b>{number(alarm.observed)} {alarm.unit}</b>{" "}
      {low !== null || high !== null
        ? t("incident.band", { low: low === null ? "−∞" : number(low), high: high === null ? "∞" : number(high) })
        : alarm.expected !== null && t("incident.expected", { value: number(alarm.expected) })}
      {low !== null && high !== null && <Gauge value={alarm.observed} low={low} high={high} />}
    </p>
  );
}

function Plot({ alarm }: { alarm: Alarm }) {
  const readings = useSignal<Readings | null>(null);
  useEffect(() => {
    let gone = false;
    ask<ChannelPage>(`/api/channels/${encodeURIComponent(alarm.lifeline)}/${encodeURIComponent(alarm.channel)}`).then((page) => { if (!gone) readings.value = page.readings; }, () => undefined);
    return () => { gone = true; };
  }, [alarm.lifeline, alarm.channel]);
  const onset = parse(alarm.onset);
  return readings.value && <Trend readings={readings.value} unit={alarm.unit} rang={onset === null ? [] : [onset]} height={130} />;
}

export function Evidence({ page }: { page: IncidentPage }) {
  const members = new Map(page.incident.situation.members.map((member) => [member.alarm, member]));
  return (
    <section class="evidence" aria-labelledby="evidence">
      <h2 id="evidence">{t("incident.evidence")}</h2>
      <ul>
        {page.alarms.slice(0, SHOWN).map(({ alarm }, index) => (
          <li key={alarm.id}>
            <p><Mark colour={alarm.colour} /> <a href={to("channel", alarm.lifeline, alarm.channel)}>{say(alarm.say)}</a></p>
            <Measured alarm={alarm} />
            <p class="facts"><When ms={parse(alarm.onset)} /> · {word("why", members.get(alarm.id)?.why.how ?? "")} · {t("incident.rule", { name: alarm.rule.name, at: alarm.rule.at })}</p>
            {index < PLOTS && <Plot alarm={alarm} />}
          </li>
        ))}
      </ul>
      {page.line.alarms > SHOWN && <p>{t("incident.more_members", { n: page.line.alarms - SHOWN })}</p>}
    </section>
  );
}
