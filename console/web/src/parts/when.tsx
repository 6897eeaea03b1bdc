/** Times and ages. */

import { stale } from "../store";
import { ago, clock, countdown, now, span } from "../time";
import type { Line } from "../types";
import { t, word } from "../words";
import type { Region } from "../store";

/** How long ago and at what time. */
export function When({ ms }: { ms: number | null }) {
  if (ms === null) return null;
  return <time dateTime={new Date(ms).toISOString()}>{`${ago(ms)}${t("time.joint")}${clock(ms)}`}</time>;
}

const SHORT_MS = 120_000;

/** What is due next and in which time; heavier once that is short. */
export function Due({ line }: { line: Line }) {
  if (line.due_ms === null) return null;
  const left = line.due_ms - now.value;
  const urgency = left < 0 ? "over" : left < SHORT_MS ? "short" : "";
  return (
    <span class={`due ${urgency}`} title={clock(line.due_ms)}>
      <span class="what">{t(line.due_for === "acknowledge" ? "due.acknowledge" : "due.next")}</span> <b>{countdown(line.due_ms)}</b>
      {left < 0 && <span class="what"> {t("line.overdue")}</span>}
    </span>
  );
}

/** The server says every 5 s that nothing has changed; a second more may pass on the way. */
const OLD_MS = 6_000;

export function AgeOf({ region }: { region: Region<{ as_of_ms?: number }> }) {
  const old = now.value - region.asOf.value;
  if (region.failed.value) return <span class="age">{t("state.failed", { why: word("error", region.failed.value) })}</span>;
  if (!region.data.value || (old < OLD_MS && !stale())) return null;
  return <span class="age">{t("state.age", { span: span(old) })}</span>;
}
