/** An incident: what happened and to whom, its cause, its evidence, what to do, what was done. */

import { useEffect, useLayoutEffect, useMemo } from "preact/hooks";
import { command, actionName, type Action } from "../commands";
import { membersOf, pageIncident } from "../keys";
import { titleOf } from "../names";
import { CauseGraph } from "../parts/graph";
import { Evidence } from "../parts/evidence";
import { asked, stepsOf } from "../parts/form";
import { give } from "../parts/give";
import { Mark } from "../parts/mark";
import { Timeline } from "../parts/timeline";
import { AgeOf, Due } from "../parts/when";
import { filters, to } from "../route";
import { mayCommand, Region } from "../store";
import { ago, clock, number, parse, percent } from "../time";
import type { Cause, Incident, IncidentPage as Page } from "../types";
import { say, t, word } from "../words";

function FirstLine({ page }: { page: Page }) {
  const { line, incident } = page;
  const { impact, where } = incident.situation;
  const place = [titleOf("district", where.district), where.street, where.neighbourhood].filter(Boolean).join(" ");
  return (
    <header class="first">
      <Mark colour={line.colour} unacknowledged={!line.acknowledged && !line.shelved} hatched={line.shelved || line.drill} />
      <div>
        <h1>{say(line.title)}</h1>
        <p>
          {place} · {line.onset_ms !== null && t("incident.since", { clock: clock(line.onset_ms), ago: ago(line.onset_ms) })} · {t("incident.affected", { now: number(impact.people), hour: number(impact.in_60_min) })}
          {impact.critical.length > 0 && <> · <b>{t("incident.critical", { who: impact.critical.join(", ") })}</b></>}
          {line.life_safety && <em>{t("line.life")}</em>}
          {line.drill && <em>{t("line.drill")}</em>}
          {line.shelved && <em>{t("line.shelved")}</em>}
        </p>
      </div>
      <Due line={line} />
    </header>
  );
}

const note = (id: string, text: string) => void command("comment", [id], { reason: text });

function CausePart({ incident, drill }: { incident: Incident; drill: boolean }) {
  const { root, alternatives, next } = incident.situation;
  const alternative = (cause: Cause) => (
    <li key={cause.asset}>
      <span>{say(cause.hypothesis)} <small>{percent(cause.weight)}</small></span>
      <button type="button" disabled={!mayCommand()} onClick={() => note(incident.id, `${t("incident.not_this")}: ${cause.asset}`)}>{t("incident.not_this")}</button>
    </li>
  );
  return (
    <section aria-labelledby="cause">
      <h2 id="cause">{t("incident.cause")}</h2>
      <p>{root ? <>{say(root.hypothesis)} <small>{percent(root.weight)}</small></> : t("incident.no_root")}</p>
      <CauseGraph incident={incident} drill={drill} />
      {alternatives.length > 0 && <details><summary>{t("incident.alternatives")} ({alternatives.length})</summary><ul class="plain">{alternatives.map(alternative)}</ul></details>}
      {next.length > 0 && (
        <>
          <h3>{t("incident.next")}</h3>
          <ul class="plain">
            {next.map((loss) => <li key={loss.asset}>{t("incident.next_line", { asset: loss.asset, earliest: at(loss.earliest), latest: at(loss.latest), share: percent(loss.probability), n: number(loss.people) })}</li>)}
          </ul>
        </>
      )}
    </section>
  );
}

const at = (text: string): string => {
  const ms = parse(text);
  return ms === null ? "" : clock(ms);
};

/** A step is done once somebody has noted it. */
const MARK = "✓ ";

function Do({ page }: { page: Page }) {
  const { incident, line } = page;
  const { ticket, clocks } = incident;
  const noted = new Set(ticket.history.filter((step) => step.what === "comment").map((step) => step.reason ?? ""));
  const sheet = page.alarms.find(({ alarm }) => alarm.id === incident.situation.root?.alarm) ?? page.alarms[0];
  return (
    <section aria-labelledby="do">
      <h2 id="do">{t("incident.do")}</h2>
      <dl>
        <dt>{t("incident.owner")}</dt>
        <dd>{line.owner || t("line.nobody")} {line.joint.length > 0 && t("incident.joint", { who: line.joint.join(", ") })}</dd>
        <dt>{t("incident.state")}</dt>
        <dd>{word("ticket", line.ticket_state)} · {line.acknowledged ? t("line.acknowledged_by", { who: line.acknowledged_by }) : t("line.unacknowledged")}</dd>
      </dl>
      {sheet && (
        <>
          <h3>{t("incident.steps", { procedure: sheet.alarm.respond.procedure })}</h3>
          <ul class="steps">
            {sheet.alarm.respond.first.map((step) => (
              <li key={step}><label><input type="checkbox" checked={noted.has(MARK + step)} disabled={noted.has(MARK + step) || !mayCommand()} onChange={() => note(line.id, MARK + step)} /> {step}</label></li>
            ))}
          </ul>
        </>
      )}
      <div class="buttons">
        {LESS_USED.filter((action) => page.may.includes(action)).map((action) => <button key={action} type="button" disabled={!mayCommand()} onClick={() => press(page, action)}>{actionName(action)}</button>)}
      </div>
      {clocks.length > 0 && (
        <>
          <h3>{t("incident.clocks")}</h3>
          <ul class="plain">
            {clocks.map((one) => (
              <li key={one.desk}>{t("incident.clock", { desk: titleOf("desk", one.desk), clock: at(one.acknowledge_by), next: titleOf("desk", one.escalates_to) })}{one.fired && <b> {t("incident.fired", { clock: at(one.fired) })}</b>}</li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

const LESS_USED: Action[] = ["confirm", "reset", "verdict", "report", "maintenance"];
const AT_ONCE: Action[] = ["acknowledge", "confirm", "reset"];

function press(page: Page, action: Action): void {
  const root = page.incident.situation.root ?? page.incident.situation.members[0];
  if (action === "report") give({ kind: action, line: page.line, lifeline: root?.lifeline, asset: root?.asset });
  else if (action === "maintenance") give({ kind: action, assets: membersOf(page) });
  else if (AT_ONCE.includes(action)) void command(action, [page.line.id], {}, page.line.revision);
  else asked.value = { action, line: page.line, page };
}

/** At most five, the most likely next one first. */
function actionsOf(page: Page): Action[] {
  const may = new Set(page.may);
  const wanted: Action[] = page.line.acknowledged ? ["advance", "assign", "shelve", "comment", "close"] : ["acknowledge", "dispatch", "assign", "shelve", "comment"];
  return wanted.filter((action) => may.has(action) && (action !== "advance" || stepsOf(page).length > 0) && (action !== "close" || page.next.includes("closed")));
}

function ActionBar({ page }: { page: Page }) {
  return (
    <div class="actions">
      {actionsOf(page).map((action, index) => <button key={action} type="button" class={index === 0 ? "primary" : ""} disabled={!mayCommand()} onClick={() => press(page, action)}>{actionName(action)}</button>)}
    </div>
  );
}

export function IncidentPage({ id }: { id: string }) {
  const region = useMemo(
    () => new Region<Page>(() => `/api/incidents/${encodeURIComponent(id)}`, (change) => change.id === id || change.incident === id),
    [id],
  );
  useEffect(() => region.open(), [region]);
  const page = region.data.value;
  // Before it is painted: a key may be pressed as soon as the page is seen.
  useLayoutEffect(() => {
    pageIncident.value = page;
    const form = asked.peek();
    if (page && form?.line.id === page.line.id) asked.value = { ...form, line: page.line, page };
    if (page && filters.value.get("do") === "shelve" && !asked.value) asked.value = { action: "shelve", line: page.line, page };
    return () => (pageIncident.value = null);
  }, [page]);
  if (!page) return <p class="empty">{region.failed.value ? <AgeOf region={region} /> : t("state.loading")}</p>;
  return (
    <article class="incident">
      <FirstLine page={page} />
      <AgeOf region={region} />
      <p class="facts"><a href={to("lists", "recovery", id)}>{t("list.recovery")}</a></p>
      <div class="parts">
        <div class="column">
          <CausePart incident={page.incident} drill={page.line.drill} />
          <Evidence page={page} />
        </div>
        <div class="column">
          <Do page={page} />
          <Timeline entries={page.timeline} />
        </div>
      </div>
      <ActionBar page={page} />
    </article>
  );
}
