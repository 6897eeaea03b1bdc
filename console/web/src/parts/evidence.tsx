/** Members of an incident: what was measured, and what is normal. */

import { useSignal } from "@preact/signals";
import { to } from "../route";
import { number, parse } from "../time";
import type { Alarm, IncidentPage } from "../types";
import { say, t, word } from "../words";
import { Mark } from "./mark";
import { Readings } from "./readings";
import { When } from "./when";

const SHOWN = 30;
const PLOTS = 4;

/** Rule of what a person found: there is no channel behind it. */
const REPORT = "report";
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

/** Readings around the onset; of the first members at once, of the others for who asks. */
function Plot({ alarm, open }: { alarm: Alarm; open: boolean }) {
  const shown = useSignal(open && alarm.observed !== null);
  if (alarm.rule.name === REPORT) return null;
  if (!shown.value) return <button type="button" onClick={() => (shown.value = true)}>{t("readings.show")}</button>;
  return <Readings lifeline={alarm.lifeline} channel={alarm.channel} alarms={[alarm]} at={parse(alarm.onset)} height={130} />;
}

export function Evidence({ page }: { page: IncidentPage }) {
  const most = useSignal(SHOWN);
  const members = new Map(page.incident.situation.members.map((member) => [member.alarm, member]));
  return (
    <section class="evidence" aria-labelledby="evidence">
      <h2 id="evidence">{t("incident.evidence")}</h2>
      <ul>
        {page.alarms.slice(0, most.value).map(({ alarm }, index) => (
          <li key={alarm.id}>
            <p><Mark colour={alarm.colour} hatched={page.line.drill} /> <a href={to("channel", alarm.lifeline, alarm.channel)}>{say(alarm.say)}</a></p>
            <Measured alarm={alarm} />
            <p class="facts"><When ms={parse(alarm.onset)} /> · {word("why", members.get(alarm.id)?.why.how ?? "")} · {t("incident.rule", { name: alarm.rule.name, at: alarm.rule.at })}</p>
            <Plot alarm={alarm} open={index < PLOTS} />
          </li>
        ))}
      </ul>
      {page.alarms.length > most.value && <button type="button" onClick={() => (most.value = page.alarms.length)}>{t("incident.more_members", { n: page.alarms.length - most.value })}</button>}
    </section>
  );
}
