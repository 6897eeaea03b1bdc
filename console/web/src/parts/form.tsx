/** The form of an action, beside the line that it is about; it asks no more than it must. */

import { signal, useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { type Action, actionName, command, type Fields } from "../commands";
import { serverNow } from "../api";
import type { IncidentPage, Line } from "../types";
import { say, t, word } from "../words";
import type { Key } from "../words/en";
import { Buttons, Field } from "./field";

export type Asked = { action: Action; line: Line; page: IncidentPage | null };
/** The action that somebody is filling in. */
export const asked = signal<Asked | null>(null);

const MINUTE = 60_000;
const TIMES = [30, 60, 120, 480];
const VERDICTS = ["true", "false", "test", "maintenance", "duplicate", "unknown"];
const BY_TIME = ["parked", "extended"];
const WITH_REASON = ["returned", ...BY_TIME];

/** States that a ticket may be brought to; closing has a form of its own. */
export const stepsOf = (page: IncidentPage | null): string[] => (page?.next ?? []).filter((state) => state !== "closed");

/** Causes that the rules themselves name, to choose from. */
const causes = (page: IncidentPage | null): string[] => [...new Set((page?.alarms ?? []).map(({ alarm }) => alarm.cause).filter(Boolean))];

export function ActionForm({ action, line, page }: Asked) {
  const channels = [...new Set((page?.incident.situation.members ?? []).map((member) => member.channel))];
  const states = stepsOf(page);
  const opened = useRef(line).current;
  const changed = opened.ticket_state !== line.ticket_state || opened.owner !== line.owner;
  const value = useSignal(action === "advance" ? (states[0] ?? "") : action === "close" || action === "verdict" ? "true" : action === "shelve" ? (channels[0] ?? "") : "");
  const reason = useSignal("");
  const minutes = useSignal(60);
  const wanting = useSignal(false);
  const timed = action === "shelve" || (action === "advance" && BY_TIME.includes(value.value));
  const mustReason = action === "shelve" || action === "comment" || (action === "advance" && WITH_REASON.includes(value.value));
  const form = useRef<HTMLFormElement>(null);
  // What must be typed comes first; a channel is mostly the only one.
  useEffect(() => form.current?.querySelector<HTMLElement>(action === "shelve" ? "input" : "input, select")?.focus(), []);
  // The page is read anew below an open form: what is not possible any more is not sent.
  useLayoutEffect(() => {
    if (action === "advance" && !states.includes(value.value)) value.value = states[0] ?? "";
  }, [page]);
  const close = () => (asked.value = null);
  const send = (event: Event) => {
    event.preventDefault();
    if (mustReason && !reason.value.trim()) return void (wanting.value = true);
    close();
    submit({ action, line, page }, value.value, reason.value.trim(), timed ? serverNow() + minutes.value * MINUTE : undefined);
  };
  return (
    <form class="action" ref={form} onSubmit={send} aria-label={actionName(action)}>
      <h3>{t("act.which", { what: actionName(action), title: say(line.title) })}</h3>
      {changed && <p role="status">{t("act.changed", { state: word("ticket", line.ticket_state), who: line.owner || t("line.nobody") })}</p>}
      {action === "assign" && <Field label={t("act.owner")}><input required value={value.value} onInput={(event) => (value.value = event.currentTarget.value)} /></Field>}
      {action === "advance" && <Field label={t("act.to")}><select value={value.value} onChange={(event) => (value.value = event.currentTarget.value)}>{states.map((state) => <option key={state} value={state}>{word("ticket", state)}</option>)}</select></Field>}
      {(action === "close" || action === "verdict") && <Field label={t("act.verdict")}><select value={value.value} onChange={(event) => (value.value = event.currentTarget.value)}>{VERDICTS.map((verdict) => <option key={verdict} value={verdict}>{t(`verdict.${verdict}` as Key)}</option>)}</select></Field>}
      {action === "shelve" && <Field label={t("act.channel")}><select value={value.value} onChange={(event) => (value.value = event.currentTarget.value)}>{channels.map((channel) => <option key={channel}>{channel}</option>)}</select></Field>}
      {timed && <Field label={t(action === "shelve" ? "act.for" : "act.until")}><select value={minutes.value} onChange={(event) => (minutes.value = Number(event.currentTarget.value))}>{TIMES.map((time) => <option key={time} value={time}>{time < 60 ? t("span.min", { n: time }) : t("span.h", { n: time / 60, m: 0 })}</option>)}</select></Field>}
      <Field label={t(action === "comment" ? "act.text" : "act.reason")}>
        <input list="causes" maxLength={2_000} value={reason.value} onInput={(event) => { reason.value = event.currentTarget.value; wanting.value = false; }} />
      </Field>
      <datalist id="causes">{causes(page).map((cause) => <option key={cause} value={cause} />)}</datalist>
      {wanting.value && <p class="wrong" role="alert">{t("act.needs_reason")}</p>}
      <Buttons cancel={close} />
    </form>
  );
}

function submit({ action, line }: Asked, value: string, reason: string, until: number | undefined): void {
  const given: Fields = { reason: reason || undefined, until };
  if (action === "assign") given.owner = value;
  if (action === "advance") given.to = value;
  if (action === "close" || action === "verdict") given.verdict = value;
  const target = action === "shelve" ? value : line.id;
  const undo = {
    assign: line.owner ? () => void command("assign", [line.id], { owner: line.owner }) : null,
    shelve: () => void command("unshelve", [value], { reason: t("act.undo") }),
  }[action as string];
  void command(action, [target], given, action === "shelve" ? undefined : line.revision, undo ?? null);
}
