/** Own duty: who has what of a desk now, by when, and what is left to the next shift. */

import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { query, session } from "../api";
import { command } from "../commands";
import { city } from "../names";
import { ListNames } from "../parts/bar";
import { Field, Select } from "../parts/field";
import { Mark } from "../parts/mark";
import { AgeOf, Due } from "../parts/when";
import { filters, setFilter, to } from "../route";
import { mayCommand, Region } from "../store";
import { clock, countdown, now, number, percent } from "../time";
import type { Desk, Line, Lines, Row } from "../types";
import { language, say, t, word } from "../words";

/** As many as the server gives at once, and as a command may be about. */
const MOST = 1_000;
const AT_ONCE = 200;
type Rows = { rows: Row[]; as_of_ms?: number };
type Sheet = { en: string; zh: string; as_of_ms?: number };

/** The desk that the address names, or the reader's own. */
const deskOf = (): string => filters.value.get("desk") ?? session.value?.desks[0] ?? "";

export function DutyPage() {
  const [lines, shelved, sheet] = useMemo(
    () => [
      new Region<Lines>(() => `/api/incidents?${query({ open: 1, desk: deskOf(), limit: MOST })}`, (change) => change.kind === "incident" || change.kind === "command"),
      new Region<Rows>(() => "/api/shelvings", (change) => change.kind === "shelving"),
      new Region<Sheet>(() => `/api/handover?${query({ desk: deskOf() })}`, (change) => change.kind === "incident" || change.kind === "shelving"),
    ] as const,
    [],
  );
  useEffect(() => {
    const stops = [lines.open(), shelved.open(), sheet.open()];
    return () => stops.forEach((stop) => stop());
  }, []);
  const open = lines.data.value;
  const mine = (open?.incidents ?? []).filter((line) => line.owner === session.value?.user);
  return (
    <article class="lists duty">
      <h1>{t("list.duty")} <AgeOf region={lines} /></h1>
      <ListNames now="duty" />
      <OwnDesk />
      {!open && <p>{t("state.loading")}</p>}
      {open && <Owned lines={open.incidents} />}
      {open?.more && <p class="facts">{t("duty.more", { n: number(open.incidents.length) })}</p>}
      <HandOver mine={mine} />
      <Shelved rows={shelved.data.value?.rows ?? []} />
      {sheet.data.value && <details><summary>{t("duty.sheet")}</summary><pre class="sheet">{sheet.data.value[language.value]}</pre></details>}
    </article>
  );
}

/** Which desk, who is on duty there, and how it is loaded. */
function OwnDesk() {
  const known = city.data.value?.desks ?? [];
  const own = new Set(session.value?.desks ?? []);
  const named = known.filter((desk) => own.size === 0 || own.has(desk.name) || desk.name === deskOf());
  const desk = known.find((one) => one.name === deskOf());
  return (
    <div class="own">
      <Select label={t("duty.desk")} value={deskOf()} options={[["", t("duty.every")], ...named.map((one): [string, string] => [one.name, say(one.title)])]} put={(name) => setFilter("desk", name)} />
      {desk && <Load desk={desk} />}
    </div>
  );
}

function Load({ desk }: { desk: Desk }) {
  return (
    <p>
      <b>{t("bar.on_duty", { who: desk.on_duty.join(t("unwatched.and")) || t("duty.nobody") })}</b>
      {` · ${t("bar.load_of", { n: desk.notices_10min, budget: number(desk.budget) })} ${t("bar.load")}`}
      {desk.watched !== null && ` · ${percent(desk.watched)} ${t("bar.watched")}`}
      {desk.blind > 0 && ` · ${t("bar.blind", { n: desk.blind })}`}
      {desk.flood && <> · <b>{t("bar.flood")}</b></>}
    </p>
  );
}

/** What the reader has, what nobody has, then what each of the others has. */
function Owned({ lines }: { lines: Line[] }) {
  const me = session.value?.user ?? "";
  const owners = [...new Set([me, "", ...lines.map((line) => line.owner).sort()])];
  const due = lines.flatMap((line) => line.due_ms ?? []);
  const counts = { n: number(lines.length), unacknowledged: number(lines.filter((line) => !line.acknowledged).length), overdue: number(due.filter((ms) => ms < now.value).length) };
  return (
    <>
      <p><b>{t("duty.counts", counts)}</b>{due.length > 0 && ` · ${t("duty.next")} ${countdown(Math.min(...due))}`}</p>
      {owners.map((owner) => <Of key={owner} name={owner === me ? t("duty.mine") : owner ? t("duty.of", { who: owner }) : t("duty.unowned")} lines={lines.filter((line) => line.owner === owner)} />)}
    </>
  );
}

const FIRST = 30;

function Of({ name, lines }: { name: string; lines: Line[] }) {
  const most = useSignal(FIRST);
  if (lines.length === 0) return null;
  return (
    <section aria-label={name}>
      <h2>{name} <small>{number(lines.length)}</small></h2>
      <ul class="plain">
        {lines.slice(0, most.value).map((line) => (
          <li key={line.id}>
            <Mark colour={line.colour} unacknowledged={!line.acknowledged && !line.shelved} hatched={line.shelved || line.drill} />
            <a href={to("incident", line.id)}>{say(line.title)}</a>
            <span class="state">{word("ticket", line.ticket_state)}</span>
            <Due line={line} />
          </li>
        ))}
      </ul>
      {lines.length > most.value && <button type="button" onClick={() => (most.value = lines.length)}>{t("need.more")}</button>}
    </section>
  );
}

/** All that the reader has goes to somebody else, as the shift ends. */
function HandOver({ mine }: { mine: Line[] }) {
  const whom = useSignal("");
  const me = session.value;
  if (mine.length === 0 || !me?.may.includes("assign")) return null;
  const send = (event: Event) => {
    event.preventDefault();
    const owner = whom.value.trim();
    if (!owner || owner === me.user) return;
    const ids = mine.map((line) => line.id);
    for (let at = 0; at < ids.length; at += AT_ONCE) void command("assign", ids.slice(at, at + AT_ONCE), { owner, reason: t("duty.handed") }, ids.length === 1 ? mine[0]?.revision : undefined);
    whom.value = "";
  };
  return (
    <form class="own" onSubmit={send} aria-label={t("duty.hand_over")}>
      <Field label={t("duty.to")}><input required maxLength={256} value={whom.value} onInput={(event) => (whom.value = event.currentTarget.value)} /></Field>
      <button type="submit" class="primary" disabled={!mayCommand()}>{t("duty.hand_over")} ({number(mine.length)})</button>
    </form>
  );
}

/** What stays silent, the next one to speak again first. */
function Shelved({ rows }: { rows: Row[] }) {
  if (rows.length === 0) return null;
  const soon = [...rows].sort((a, b) => Number(a.until_ms) - Number(b.until_ms));
  return (
    <section aria-label={t("duty.shelved")}>
      <h2>{t("duty.shelved")} <small>{number(rows.length)}</small></h2>
      <ul class="plain">{soon.slice(0, FIRST).map((row) => <li key={String(row.channel)}><a href={to("channel", String(row.lifeline), String(row.channel))}>{String(row.channel)}</a> <span>{t("duty.shelved_until", { clock: clock(Number(row.until_ms)), by: String(row.by), reason: String(row.reason) })}</span></li>)}</ul>
    </section>
  );
}
