/** Forms of what is no answer to an incident: a finding, a work order, a drill, the shelving of a channel. */

import { effect, signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { ask, query, serverNow, session } from "../api";
import { actionName, command, type Fields } from "../commands";
import { city } from "../names";
import { COLOURS, type Assets, type Colour, type Line, type Order } from "../types";
import { say, t } from "../words";
import { meant, typed } from "../zone";
import { Buttons, Field, Select } from "./field";
import { asked } from "./form";

export type Given = "report" | "maintenance" | "drill" | "shelve";
/** What somebody is filling in, and what is known of it beforehand. */
export type Wanted = { kind: Given; line?: Line; lifeline?: string; asset?: string; assets?: string[]; order?: Order; channel?: string; causes?: string[] };
export const wanted = signal<Wanted | null>(null);
effect(() => {
  if (asked.value) wanted.value = null;
});

const HOUR = 3_600_000;
const close = (): void => void (wanted.value = null);

/** Whether the person's role lets them give it; some things only where it holds for the whole city. */
export function mayGive(kind: Given, line?: Line): boolean {
  const who = session.value;
  if (!who?.may.includes(kind)) return false;
  return kind !== "report" || line !== undefined || who.districts.length === 0;
}

export function give(given: Wanted): void {
  if (!mayGive(given.kind, given.line)) return;
  asked.value = null;
  wanted.value = given;
}

/** A form that is sent, with the keyboard in the first field that is empty. */
function Form({ kind, about, send, children }: { kind: Given; about: string; send: () => void; children: preact.ComponentChildren }) {
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    const fields = [...(form.current?.querySelectorAll<HTMLInputElement>("input, select") ?? [])];
    (fields.find((field) => !field.value) ?? fields[0])?.focus();
  }, []);
  const submit = (event: Event) => {
    event.preventDefault();
    send();
  };
  return (
    <form class="action" ref={form} onSubmit={submit} aria-label={actionName(kind)}>
      <h3>{about}</h3>
      {children}
      <Buttons cancel={close} />
    </form>
  );
}

function Text({ label, value, put, list }: { label: string; value: string; put: (value: string) => void; list?: string }) {
  return <Field label={label}><input required maxLength={2_000} list={list} value={value} onInput={(event) => put(event.currentTarget.value)} /></Field>;
}

/** Names of assets to choose from; any other may be typed. */
function AssetNames({ id, lifeline, whole }: { id: string; lifeline: string; whole: boolean }) {
  const found = useSignal<string[]>([]);
  useEffect(() => {
    let gone = false;
    ask<Assets>(`/api/assets?${query({ lifeline })}`).then(({ assets }) => { if (!gone) found.value = assets.map((one) => one.id); }, () => undefined);
    return () => { gone = true; };
  }, [lifeline]);
  return <datalist id={id}>{found.value.map((name) => <option key={name} value={whole ? name : short(name, lifeline)} />)}</datalist>;
}

/** An asset within its lifeline: a report names both apart. */
const short = (asset: string, lifeline: string): string => (asset.startsWith(`${lifeline}.`) ? asset.slice(lifeline.length + 1) : asset);

function ReportForm({ line, lifeline: at, asset: of }: Wanted) {
  const lifelines = city.data.value?.lifelines ?? [];
  const lifeline = useSignal(at ?? line?.lifelines[0] ?? lifelines[0]?.name ?? "");
  const asset = useSignal(short(of ?? "", lifeline.value));
  const colour = useSignal<Colour>(line && line.colour !== "clear" ? line.colour : "yellow");
  const found = useSignal("");
  const send = () => {
    const fields = { lifeline: lifeline.value, asset: asset.value.trim(), colour: colour.value, reason: found.value.trim() };
    if (!fields.asset || !fields.reason) return;
    close();
    void command("report", [line?.id ?? ""], fields, line?.revision);
  };
  const about = line ? t("act.which", { what: actionName("report"), title: say(line.title) }) : t("give.report");
  return (
    <Form kind="report" about={about} send={send}>
      <Select label={t("col.lifeline")} value={lifeline.value} options={lifelines.map((one) => [one.name, say(one.title)])} put={(value) => (lifeline.value = value)} />
      <Text label={t("give.asset")} value={asset.value} put={(value) => (asset.value = value)} list="assets" />
      <AssetNames id="assets" lifeline={lifeline.value} whole={false} />
      <Select label={t("col.colour")} value={colour.value} options={COLOURS.map((one) => [one, t(`colour.${one}`)])} put={(value) => (colour.value = value as Colour)} />
      <Text label={t("give.found")} value={found.value} put={(value) => (found.value = value)} />
    </Form>
  );
}

const listed = (text: string): string[] => text.split(/[\s,，、;；]+/).filter(Boolean);

function OrderForm({ assets: of, order: given }: Wanted) {
  const name = useSignal(given?.order ?? "");
  const assets = useSignal(given?.assets ?? (of ?? []).join(", "));
  const area = useSignal(given?.area ?? session.value?.districts[0] ?? "");
  const begins = useSignal(typed(given?.begins_ms ?? serverNow()));
  const ends = useSignal(typed(given?.ends_ms ?? serverNow() + 4 * HOUR));
  const reason = useSignal(given?.reason ?? "");
  const wrong = useSignal(false);
  const own = session.value?.districts ?? [];
  const places = (city.data.value?.districts ?? []).filter((one) => own.length === 0 || own.includes(one.name));
  const everywhere: [string, string][] = own.length === 0 ? [["", t("need.all")]] : [];
  const send = () => {
    const [from, until] = [meant(begins.value), meant(ends.value)];
    wrong.value = from === null || until === null || until <= from || until <= serverNow();
    if (wrong.value || from === null || until === null) return;
    close();
    void command("maintenance", [""], order(name.value.trim(), assets.value, area.value, from, until, reason.value.trim()));
  };
  return (
    <Form kind="maintenance" about={t("give.maintenance")} send={send}>
      <Text label={t("row.order")} value={name.value} put={(value) => (name.value = value)} />
      <Text label={t("give.assets")} value={assets.value} put={(value) => (assets.value = value)} list="assets" />
      <AssetNames id="assets" lifeline="" whole={true} />
      <Select label={t("row.area")} value={area.value} options={[...everywhere, ...places.map((one): [string, string] => [one.name, say(one.title)])]} put={(value) => (area.value = value)} />
      <Field label={t("row.begins_ms")}><input type="datetime-local" required value={begins.value} onInput={(event) => (begins.value = event.currentTarget.value)} /></Field>
      <Field label={t("row.ends_ms")}><input type="datetime-local" required value={ends.value} onInput={(event) => (ends.value = event.currentTarget.value)} /></Field>
      <Text label={t("act.reason")} value={reason.value} put={(value) => (reason.value = value)} />
      {wrong.value && <p class="wrong" role="alert">{t("give.window")}</p>}
    </Form>
  );
}

const order = (name: string, assets: string, area: string, begins: number, ends: number, reason: string): Fields => ({ order: name, assets: listed(assets), area, begins, ends, reason });

/** An order is withdrawn by one of the same name that ends where it begins. */
export function withdraw(given: Order): void {
  const again = () => void command("maintenance", [""], order(given.order, given.assets, given.area, given.begins_ms, given.ends_ms, given.reason));
  void command("maintenance", [""], order(given.order, given.assets, given.area, given.begins_ms, given.begins_ms, t("give.withdraw")), undefined, again);
}

function DrillForm() {
  const reason = useSignal("");
  const on = !city.data.value?.drill;
  const send = () => {
    close();
    void command("drill", [""], { on, reason: reason.value.trim() });
  };
  return (
    <Form kind="drill" about={t(on ? "give.drill_on" : "give.drill_off")} send={send}>
      <Text label={t("act.reason")} value={reason.value} put={(value) => (reason.value = value)} />
    </Form>
  );
}

const MINUTE = 60_000;
const TIMES = [30, 60, 120, 480];

function ShelveForm({ channel = "", causes = [] }: Wanted) {
  const minutes = useSignal(60);
  const reason = useSignal("");
  const send = () => {
    if (!reason.value.trim()) return;
    close();
    void command("shelve", [channel], { reason: reason.value.trim(), until: serverNow() + minutes.value * MINUTE }, undefined, () => void command("unshelve", [channel], { reason: t("act.undo") }));
  };
  return (
    <Form kind="shelve" about={t("act.which", { what: actionName("shelve"), title: channel })} send={send}>
      <Text label={t("act.reason")} value={reason.value} put={(value) => (reason.value = value)} list="causes" />
      <datalist id="causes">{causes.map((cause) => <option key={cause} value={cause} />)}</datalist>
      <Select label={t("act.for")} value={String(minutes.value)} options={TIMES.map((time) => [String(time), time < 60 ? t("span.min", { n: time }) : t("span.h", { n: time / 60, m: 0 })])} put={(value) => (minutes.value = Number(value))} />
    </Form>
  );
}

export function GiveForm(given: Wanted) {
  if (given.kind === "shelve") return <ShelveForm {...given} />;
  if (given.kind === "report") return <ReportForm {...given} />;
  return given.kind === "maintenance" ? <OrderForm {...given} /> : <DrillForm />;
}
