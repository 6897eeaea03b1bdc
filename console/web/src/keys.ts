/** Keys; each of them has a button on the page. */

import { signal } from "@preact/signals";
import { session } from "./api";
import { acknowledge, type Action } from "./commands";
import { focused, focusedLine, move, toggle } from "./list";
import { asked } from "./parts/form";
import { give, wanted, type Given } from "./parts/give";
import { go, path, to } from "./route";
import { mayCommand } from "./store";
import type { IncidentPage, Line } from "./types";

export const helpOpen = signal(false);
/** The incident that the page is about, if it is about one. */
export const pageIncident = signal<IncidentPage | null>(null);

const current = (): Line | null => pageIncident.value?.line ?? (path.value[0] === "incident" ? null : focusedLine.value);

function start(action: Action): void {
  const line = current();
  if (!line || !session.value?.may.includes(action)) return;
  if (action === "shelve" && !pageIncident.value) return go(`${to("incident", line.id)}?do=shelve`);
  asked.value = { action, line, page: pageIncident.value };
}

/** What is no answer: a finding or a work order is about what the page is about. */
function startGiving(kind: Given): void {
  const page = pageIncident.value;
  const root = page?.incident.situation.root ?? page?.incident.situation.members[0];
  give({ kind, line: page?.line, lifeline: root?.lifeline, asset: root?.asset, assets: page ? membersOf(page) : undefined });
}

/** Assets of an incident, each with its lifeline. */
export const membersOf = (page: IncidentPage): string[] =>
  [...new Set(page.incident.situation.members.map(({ lifeline, asset }) => (asset.startsWith(`${lifeline}.`) ? asset : `${lifeline}.${asset}`)))];

const KEYS: Record<string, () => void> = {
  j: () => move(1),
  k: () => move(-1),
  Enter: () => focused.value && path.value[0] !== "incident" && go(to("incident", focused.value)),
  a: () => {
    const line = current();
    if (line && !line.acknowledged && mayCommand() && session.value?.may.includes("acknowledge")) void acknowledge([line]);
  },
  d: () => start("dispatch"),
  s: () => (path.value[0] === "channel" ? document.getElementById("shelve")?.click() : start("shelve")),
  r: () => startGiving("report"),
  w: () => startGiving("maintenance"),
  D: () => startGiving("drill"),
  x: () => focused.value && toggle(focused.value),
  "/": () => document.getElementById("filter")?.focus(),
  "?": () => (helpOpen.value = !helpOpen.value),
};

function escape(target: HTMLElement): void {
  if (asked.value) asked.value = null;
  else if (wanted.value) wanted.value = null;
  else if (helpOpen.value) helpOpen.value = false;
  else if (target.matches("input")) target.blur();
  else go("/");
}

export function listenToKeys(): void {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !session.value) return;
    const target = event.target as HTMLElement;
    if (event.key === "Escape") return escape(target);
    const types = target.matches("input:not([type=checkbox]), select, textarea");
    const presses = event.key === "Enter" && target.matches("a, button, input, select");
    const act = KEYS[event.key];
    if (!act || types || presses) return;
    event.preventDefault();
    act();
  });
}
