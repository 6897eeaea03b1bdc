/** The list of incidents on the page: which are shown, which one the keyboard is at, which are selected.

Nothing moves under a hand: while somebody reads or types, rows stay where they are and what is new waits. */

import { computed, effect, signal } from "@preact/signals";
import { ask, query } from "./api";
import { filters, path } from "./route";
import { asked } from "./parts/form";
import { wanted } from "./parts/give";
import { Region } from "./store";
import type { Line, Lines } from "./types";
import { say } from "./words";

/** Rows asked for at first, and the most that the server gives at once. */
const FIRST = 200;
const PAGE = 1_000;

export const limit = signal(FIRST);
export const focused = signal("");
export const selected = signal<ReadonlySet<string>>(new Set());
/** Somebody reads (has scrolled, points at the list) or types. */
export const reading = signal(false);
/** The lifeline or district that the page is about. */
const scope = computed(() => {
  const [kind = "", name = ""] = path.value;
  return kind === "lifeline" || kind === "district" ? { [kind]: name } : {};
});

const FIELDS = ["desk", "lifeline", "district", "colour"] as const;
export const incidents = new Region<Lines>(
  () => {
    const asked = Object.fromEntries(FIELDS.map((name) => [name, filters.value.get(name) ?? ""]));
    return `/api/incidents?${query({ open: 1, ...asked, ...scope.value, limit: limit.value })}`;
  },
  (change) => change.kind === "incident" || change.kind === "command",
  readPages,
);

async function readPages(address: string): Promise<Lines> {
  const url = new URL(address, location.origin);
  const wanted = Number(url.searchParams.get("limit"));
  const incidents: Line[] = [];
  for (;;) {
    url.searchParams.set("limit", String(Math.min(PAGE, wanted - incidents.length)));
    url.searchParams.set("after", incidents.at(-1)?.id ?? "");
    const page = await ask<Lines>(url.pathname + url.search);
    incidents.push(...page.incidents);
    if (!page.more || incidents.length >= wanted) return { ...page, incidents };
  }
}

const order = signal<string[]>([]);
const byId = computed(() => new Map((incidents.data.value?.incidents ?? []).map((line) => [line.id, line])));
let ordered = "";

effect(() => {
  const ids = [...byId.value.keys()];
  const view = incidents.from.value.replace(/limit=\d+/, "");
  const still = ordered === view && (reading.value || asked.value !== null || wanted.value !== null);
  ordered = view;
  order.value = still ? followed(order.peek(), ids) : ids;
});

/** What is shown, and below it what comes behind it by now. */
function followed(shown: string[], ids: string[]): string[] {
  const known = new Set(shown);
  const last = ids.findLastIndex((id) => known.has(id));
  return [...shown, ...ids.slice(last + 1)];
}

export const rows = computed<Line[]>(() => {
  const wanted = (filters.value.get("q") ?? "").toLowerCase();
  const shown = order.value.flatMap((id) => byId.value.get(id) ?? []);
  return wanted ? shown.filter((line) => `${say(line.title)} ${line.owner} ${line.id} ${line.district}`.toLowerCase().includes(wanted)) : shown;
});

export const waiting = computed(() => {
  const shown = new Set(order.value);
  return [...byId.value.keys()].filter((id) => !shown.has(id)).length;
});

export const showNew = (): void => void (order.value = [...byId.value.keys()]);
export const more = (): void => {
  if (incidents.data.value?.more) limit.value = Math.ceil((limit.value + 1) / PAGE) * PAGE;
};

export function toggle(id: string): void {
  const next = new Set(selected.value);
  if (!next.delete(id)) next.add(id);
  selected.value = next;
}

export const focusedLine = computed(() => rows.value.find((line) => line.id === focused.value) ?? null);

export function move(by: 1 | -1): void {
  const at = rows.value.findIndex((line) => line.id === focused.value);
  const next = rows.value[Math.min(rows.value.length - 1, Math.max(0, at < 0 ? 0 : at + by))];
  if (next) focused.value = next.id;
}
