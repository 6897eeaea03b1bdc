/** What happened to an incident, the newest on top. */

import { clock } from "../time";
import type { TimelineEntry } from "../types";
import { t, word } from "../words";

const detail = (text: string): string => {
  for (const group of ["colour", "withheld"]) {
    const known = word(group, text);
    if (known !== text) return known;
  }
  return text;
};

export function Timeline({ entries }: { entries: TimelineEntry[] }) {
  return (
    <section aria-labelledby="timeline">
      <h2 id="timeline">{t("incident.timeline")}</h2>
      <ol class="timeline">
        {[...entries].reverse().map((entry, index) => (
          <li key={`${entry.at_ms}${entry.kind}${entry.id}${index}`}>
            <time>{clock(entry.at_ms)}</time>
            <span class="kind">{word("kind", entry.kind)}</span>
            <span><b>{word("what", entry.what)}</b> {entry.who} {entry.detail && `· ${detail(entry.detail)}`}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}
