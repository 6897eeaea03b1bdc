/** One line of a list: an incident, what it asks for, who has it, and its acknowledgement. */

import { session } from "../api";
import { acknowledge } from "../commands";
import { focused, selected, toggle } from "../list";
import { to } from "../route";
import { mayCommand } from "../store";
import { number } from "../time";
import type { Line } from "../types";
import { say, t, word } from "../words";
import { titleOf } from "../names";
import { Mark } from "./mark";
import { Due, When } from "./when";

export const mayAcknowledge = (line: Line): boolean =>
  !line.acknowledged && (session.value?.may.includes("acknowledge") ?? false);

export function Row({ line }: { line: Line }) {
  const open = !line.acknowledged && !line.shelved;
  const flags = [line.life_safety && "life", line.drill && "drill", line.shelved && "shelved"] as const;
  return (
    <article class={`row${focused.value === line.id ? " focused" : ""}`} data-id={line.id} aria-current={focused.value === line.id}>
      <label class="pick"><input type="checkbox" aria-label={t("line.select")} checked={selected.value.has(line.id)} onChange={() => toggle(line.id)} /></label>
      <Mark colour={line.colour} unacknowledged={open} hatched={line.shelved || line.drill} />
      <a class="what" href={to("incident", line.id)} onFocus={() => (focused.value = line.id)}>
        <b class="sentence">{say(line.title)}</b>
        <span class="facts">
          {titleOf("district", line.district)} · {line.lifelines.map((name) => titleOf("lifeline", name)).join(" + ")} · {line.people > 0 && `${t("line.people", { n: number(line.people) })} · `} <When ms={line.onset_ms} />
        </span>
      </a>
      <span class="who">
        <Due line={line} />
        {flags.map((flag) => flag && <em key={flag}>{t(`line.${flag}`)}</em>)}
        <span class="owner">{line.owner || t("line.nobody")} · {word("ticket", line.ticket_state)}</span>
      </span>
      {mayAcknowledge(line)
        ? <button type="button" class="ack" disabled={!mayCommand()} onClick={() => void acknowledge([line])}>{t("act.acknowledge")}</button>
        : <span class="ack">{line.acknowledged ? t("line.acknowledged") : ""}</span>}
    </article>
  );
}
