/** How lifelines recovered: all of them in the last days, or from one incident; worked out when somebody looks. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ask, query, Refused } from "../api";
import { titleOf } from "../names";
import { ListNames } from "../parts/bar";
import { Curve, shares } from "../parts/curve";
import { filters, setFilter, to } from "../route";
import { ago, clock, number, span } from "../time";
import { PHASES, type LifelineRecovery, type Pair, type Recovery } from "../types";
import { say, t, word } from "../words";

const DAYS = [1, 7, 30, 90];
const AGAIN_MS = 60_000;

export function RecoveryPage({ incident }: { incident: string }) {
  const found = useSignal<Recovery | null>(null);
  const failed = useSignal("");
  const turn = useSignal(0);
  const days = Number(filters.value.get("days")) || 1;
  const address = incident ? `/api/recovery/${encodeURIComponent(incident)}` : `/api/recovery?${query({ days })}`;
  useEffect(() => {
    found.value = null;
  }, [address]);
  useEffect(() => {
    let gone = false;
    failed.value = "";
    ask<Recovery>(address).then(
      (told) => { if (!gone) found.value = told; },
      (error: unknown) => { if (!gone) failed.value = error instanceof Refused ? error.code : "network"; },
    );
    const timer = window.setTimeout(() => (turn.value += 1), AGAIN_MS);
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [address, turn.value]);
  const told = found.value;
  return (
    <article class="lists recovery">
      <h1>{t("list.recovery")}{incident && told && <> · {say(told.title)} <small>{t(told.over ? "recovery.over" : "recovery.lasts")}</small></>}</h1>
      <ListNames now="recovery" />
      <div class="ranges" role="group" aria-label={t("recovery.range")}>
        {incident
          ? <><a class="button" href={to("incident", incident)}>{t("recovery.open")}</a> <a class="button" href="/lists/recovery">{t("recovery.all")}</a></>
          : DAYS.map((one) => <button key={one} type="button" aria-pressed={days === one} onClick={() => setFilter("days", String(one))}>{t("recovery.days", { n: one })}</button>)}
        <button type="button" onClick={() => (turn.value += 1)}>{t("recovery.again")}</button>
      </div>
      {failed.value && <p class="wrong" role="status">{t("state.failed", { why: word("error", failed.value) })}</p>}
      {!told && !failed.value && <p>{t("recovery.reading")}</p>}
      {told && <Told told={told} />}
    </article>
  );
}

function Told({ told }: { told: Recovery }) {
  const period = { from: clock(told.begins_ms), until: clock(told.ends_ms) };
  return (
    <>
      <p class="facts">{t("recovery.known", { clock: clock(told.ends_ms), ago: ago(told.ends_ms) })} {told.lifelines.length > 0 && t("recovery.how")}</p>
      {told.lifelines.length === 0 && <p class="empty">{t("recovery.none", period)}</p>}
      {told.lifelines.map((one) => <OneLifeline key={one.lifeline} one={one} told={told} />)}
      {told.incidents.length > 0 && <Incidents told={told} />}
      {told.dependent && <p>{t("recovery.dependent", { share: shares(told.dependent) })}</p>}
      {told.second_feeds.map((one) => <p key={`${one.parent} ${one.child}`}>{t("recovery.second", { child: one.child, parent: one.parent, n: both(one.saved_minutes) })}</p>)}
      {told.unplaced > 0 && <p class="facts">{t("recovery.unplaced", { n: number(told.unplaced) })}</p>}
      {told.unlisted > 0 && <p class="facts">{t("recovery.unlisted", { n: number(told.unlisted) })}</p>}
    </>
  );
}

const whole = (value: number): string => number(Math.round(value));

function both([low, high]: Pair): string {
  return whole(low) === whole(high) ? whole(low) : t("recovery.both", { low: whole(low), high: whole(high) });
}

function OneLifeline({ one, told }: { one: LifelineRecovery; told: Recovery }) {
  const phases = PHASES.filter((phase) => phase in one.before);
  return (
    <section aria-label={titleOf("lifeline", one.lifeline)} data-lifeline={one.lifeline}>
      <h2>{titleOf("lifeline", one.lifeline)} <small>{t(`recovery.${one.unit}`, { n: number(one.of) })}</small></h2>
      <p class="facts"><b>{t("recovery.now", { share: shares(one.now) })}</b> · {t("recovery.lowest", { share: shares(one.lowest) })} · {t(`recovery.lost_${one.unit}`, { n: both(one.lost_minutes) })} · {back(one, told)}</p>
      <Curve of={one} told={told} />
      {phases.length > 0 && (
        <div class="table">
          <table>
            <thead><tr><th scope="col">{t("recovery.before")}</th>{phases.map((phase) => <th key={phase} scope="col">{t(`recovery.before_${phase}`)}</th>)}</tr></thead>
            <tbody><tr><th scope="row">{titleOf("lifeline", one.lifeline)}</th>{phases.map((phase) => <td key={phase} data-label={t(`recovery.before_${phase}`)}><Before share={one.before[phase]} ms={told.moments_ms[phase]} event={told.moments_ms.event} what={t(`recovery.moment_${phase}`)} /></td>)}</tr></tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function Before({ share, ms, event, what }: { share: Pair | null | undefined; ms: number | undefined; event: number | undefined; what: string }) {
  if (!share) return <>{t("recovery.not_yet")}</>;
  return <><b>{shares(share)}</b> {ms !== undefined && event !== undefined && <small>{t("recovery.after", { what, span: span(ms - event) })}</small>}</>;
}

/** When service came back: at the latest, with what was blind as lost; or without counting that. */
function back({ restored_ms: [worst, best] }: LifelineRecovery, told: Recovery): string {
  const event = told.moments_ms.event;
  if (worst !== null) return event === undefined ? t("recovery.back_at", { clock: clock(worst) }) : t("recovery.back", { clock: clock(worst), span: span(worst - event) });
  return best === null ? t("recovery.not_back") : t("recovery.back_some", { clock: clock(best) });
}

function Incidents({ told }: { told: Recovery }) {
  const units = new Map(told.lifelines.map((one) => [one.lifeline, one.unit]));
  return (
    <section>
      <h2>{t("recovery.incidents")}</h2>
      <ul class="plain">
        {told.incidents.map((one) => (
          <li key={`${one.incident} ${one.lifeline}`}>
            {one.incident ? <a href={to("lists", "recovery", one.incident)}>{say(one.title)}</a> : <span>{t("recovery.no_incident")}</span>}
            <span>{titleOf("lifeline", one.lifeline)} · {t(`recovery.minutes_${units.get(one.lifeline) ?? "people"}`, { n: whole(one.lost_minutes) })}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
