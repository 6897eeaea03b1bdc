/** Times that people type: a date and a time of day in the city's zone. */

import { session } from "./api";

const zone = (): string => session.value?.city.zone ?? "UTC";
/** As `input type=datetime-local` has it, in the city's zone. */
export const typed = (ms: number): string => new Date(ms).toLocaleString("sv-SE", { timeZone: zone(), hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" }).replace(" ", "T");

/** What was typed, in milliseconds since 1970 UTC; null for what is no time. */
export function meant(text: string): number | null {
  const utc = Date.parse(`${text}Z`);
  if (Number.isNaN(utc)) return null;
  // The difference to UTC is that of the time itself, which another round finds where it changes nearby.
  const once = utc - difference(utc);
  return utc - difference(once);
}

const difference = (ms: number): number => Date.parse(`${typed(ms)}Z`) - Math.floor(ms / 60_000) * 60_000;
