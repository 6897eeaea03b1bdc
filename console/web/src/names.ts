/** What lifelines, districts and desks are called. */

import { computed } from "@preact/signals";
import { Region } from "./store";
import type { City } from "./types";
import { say } from "./words";

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
