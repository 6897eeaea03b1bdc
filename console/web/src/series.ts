/** What a trend is drawn of: times with value, expected band and refused readings, one column each. */

import { parse } from "./time";
import type { Alarm, Readings } from "./types";

export type Series = {
  times_s: number[];
  low: (number | null)[];
  high: (number | null)[];
  values: (number | null)[];
  refused: (number | null)[];
};

type Band = { from_ms: number; until_ms: number; low: number | null; high: number | null };

/** Bands that alarms of the channel say of themselves, each from its onset until the next word. */
export function bandsOf(alarms: Alarm[], end_ms: number): Band[] {
  const told = alarms.map((alarm) => ({ alarm, at_ms: parse(alarm.detected) ?? parse(alarm.onset) ?? 0 })).sort((a, b) => a.at_ms - b.at_ms || a.alarm.revision - b.alarm.revision);
  return told.flatMap(({ alarm, at_ms }, index) => {
    const [low = null, high = null] = alarm.band ?? [];
    if (alarm.state === "cleared" || (low === null && high === null)) return [];
    const from_ms = Math.min(parse(alarm.onset) ?? at_ms, at_ms);
    return [{ from_ms, until_ms: told[index + 1]?.at_ms ?? end_ms, low, high }];
  });
}

export function seriesOf(readings: Readings, alarms: Alarm[]): Series {
  const bands = bandsOf(alarms, readings.end_ms);
  const value = new Map(readings.times_ms.map((ms, index) => [ms, readings.values[index] ?? null]));
  const refused = new Map(readings.refused.map((one) => [one.time_ms, one.value]));
  // A band begins and ends where it was told, be there a reading or not.
  const edges = bands.flatMap((band) => [band.from_ms, band.until_ms]).filter((ms) => ms >= readings.begin_ms && ms <= readings.end_ms);
  const times = [...new Set([...value.keys(), ...refused.keys(), ...edges])].sort((a, b) => a - b);
  const at = (ms: number) => bands.findLast((band) => band.from_ms <= ms && ms <= band.until_ms);
  return {
    times_s: times.map((ms) => ms / 1000),
    low: times.map((ms) => at(ms)?.low ?? null),
    high: times.map((ms) => at(ms)?.high ?? null),
    values: joined(times, value),
    refused: times.map((ms) => refused.get(ms) ?? null),
  };
}

/** A line goes on over times that are not the value's own; uPlot breaks it at null and not at undefined. */
const joined = (times: number[], value: Map<number, number | null>): (number | null)[] => times.map((ms) => value.get(ms) as number | null);

/** How many readings were refused for what, the most frequent first. */
export function reasonsOf(readings: Readings): [string, number][] {
  const counts = new Map<string, number>();
  for (const one of readings.refused) counts.set(one.reason, (counts.get(one.reason) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]);
}
