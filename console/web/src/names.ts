/** What lifelines, districts and desks are called. */

import { computed } from "@preact/signals";
import { age, Region } from "./store";
import { clock } from "./time";
import type { City, Lifeline, Unwatched } from "./types";
import { say, t } from "./words";

export const city = new Region<City>(
  () => "/api/city",
  (change) => change.kind === "incident" || change.kind === "alarm" || change.kind === "notice" || change.kind === "command",
);

const titles = computed(() => {
  const known = city.data.value;
  const named = (group: string, list: { name: string; title: City["lifelines"][number]["title"] }[]) => list.map((one) => [`${group}:${one.name}`, one.title] as const);
  return new Map(known ? [...named("lifeline", known.lifelines), ...named("district", known.districts), ...named("desk", known.desks)] : []);
});

export function titleOf(group: "lifeline" | "district" | "desk", name: string): string {
  const title = titles.value.get(`${group}:${name}`);
  return title ? say(title) : name;
}

export const unwatched = (lifeline: string): Unwatched | undefined => age.value?.unwatched?.find((one) => one.lifeline === lifeline);

/** Share of its channels that is watched: what the last heartbeat said, without lanes whose worker has gone since. */
export function watchedShare(one: Lifeline): number | null {
  const lost = unwatched(one.name);
  return one.watched === null ? null : one.watched * (lost ? 1 - lost.silent / lost.lanes : 1);
}

/** Which lifeline nobody watches, how much of it, and since when. */
export function sayUnwatched(one: Unwatched): string {
  const lifeline = titleOf("lifeline", one.lifeline);
  const what = one.silent < one.lanes ? t("unwatched.some", { lifeline, n: one.silent, of: one.lanes }) : lifeline;
  return one.since_ms === null ? what : t("unwatched.since", { what, clock: clock(one.since_ms) });
}
