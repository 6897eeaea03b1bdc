/** Shelved channels, withheld notices, the audit, what is out of service, and the handover sheet. */

import { useEffect, useMemo } from "preact/hooks";
import { query } from "../api";
import { command } from "../commands";
import { titleOf } from "../names";
import { ListNames, type LISTS } from "../parts/bar";
import { Mark } from "../parts/mark";
import { AgeOf } from "../parts/when";
import { filters, to } from "../route";
import { give, mayGive, withdraw } from "../parts/give";
import { mayCommand, Region } from "../store";
import { clock, now, percent } from "../time";
import { COLOURS, type Order, type Row, type Text } from "../types";
import { language, say, t, word } from "../words";

type List = Exclude<(typeof LISTS)[number], "recovery" | "duty">;
type Answer = { rows?: Row[]; en?: string; zh?: string; as_of_ms?: number };

const ADDRESS: Record<List, string> = { shelved: "/api/shelvings", withheld: "/api/withheld", audit: "/api/audit", orders: "/api/orders", desks: "/api/desks", handover: "/api/handover" };
const CONCERNS: Record<List, string[]> = { shelved: ["shelving"], withheld: ["notice"], audit: ["command"], orders: ["command"], desks: ["notice"], handover: ["incident", "shelving"] };
/** Shown beside what they say in words. */
const HIDDEN = new Set(["revision", "seq", "topic", "partition", "log_offset", "body", "command"]);

/** Columns with something in them, the time first. */
function columnsOf(rows: Row[], list: List): string[] {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const shown = names.filter((name) => !HIDDEN.has(name) && !(list === "withheld" && name === "id") && rows.some((row) => row[name] !== "" && row[name] !== null));
  const late = (name: string) => (/^(at|logged|since)_ms$/.test(name) ? 0 : 1);
  return shown.sort((a, b) => late(a) - late(b));
}

function Value({ name, value }: { name: string; value: Row[string] | undefined }) {
  if (value === null || value === undefined || value === "") return null;
  const text = String(value);
  if (name.endsWith("_ms")) return <time>{clock(Number(value))}</time>;
  if (name === "watched") return <>{percent(Number(value))}</>;
  if (typeof value === "boolean") return <>{t(value ? "yes" : "no")}</>;
  const colour = name === "colour" && COLOURS.find((one) => one === text);
  if (colour) return <Mark colour={colour} />;
  if (text.startsWith("i-")) return <a href={to("incident", text)}>{text}</a>;
  if (name === "withheld_by") return <>{word("withheld", text)}</>;
  if (name === "state") return <>{word("state", text)}</>;
  if (name === "kind" || name === "reason") return <>{word("what", text)}</>;
  if (name === "on_duty") return <>{(value as unknown as string[]).join(t("unwatched.and"))}</>;
  if (name === "desk") return <>{titleOf("desk", text)}</>;
  if (name === "lifeline") return <>{titleOf("lifeline", text)}</>;
  return <>{text}</>;
}

/** What may be done with a row of a list. */
const ACTS: Partial<Record<List, (row: Row) => preact.ComponentChildren>> = {
  shelved: (row) => <button type="button" disabled={!mayCommand()} onClick={() => void command("unshelve", [String(row.channel)], { reason: t("act.unshelve") })}>{t("act.unshelve")}</button>,
  orders: (row) => mayGive("maintenance") && ["planned", "lasting"].includes(String(row.state)) && (
    <>
      <button type="button" onClick={() => give({ kind: "maintenance", order: row as unknown as Order })}>{t("give.change")}</button>
      <button type="button" disabled={!mayCommand()} onClick={() => withdraw(row as unknown as Order)}>{t("give.withdraw")}</button>
    </>
  ),
};

function Table({ list, rows }: { list: List; rows: Row[] }) {
  const columns = columnsOf(rows, list);
  const acts = ACTS[list];
  return (
    <div class="table" tabIndex={0} role="region" aria-label={t(`list.${list}`)}>
      <table>
        <thead><tr>{columns.map((name) => <th key={name} scope="col">{word("row", name)}</th>)}{acts && <td />}</tr></thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={String(row.id ?? index)}>
              {columns.map((name) => <td key={name} data-label={word("row", name)}><Value name={name} value={row[name]} /></td>)}
              {acts && <td class="acts">{acts(row)}</td>}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function stateOf(order: Row): string {
  const [begins, ends] = [Number(order.begins_ms), Number(order.ends_ms)];
  if (ends <= begins) return "withdrawn";
  if (ends <= now.value) return "over";
  return begins > now.value ? "planned" : "lasting";
}

/** Rows as they are shown, where that is not as they come. */
const SHOWN: Partial<Record<List, (row: Row) => Row>> = {
  orders: (row) => ({ ...row, state: stateOf(row) }),
  desks: (row) => ({ ...row, said: row.said ? say(row.said as unknown as Text) : null }),
};

export function ListPage({ list }: { list: List }) {
  const region = useMemo(
    () => new Region<Answer>(() => `${ADDRESS[list]}?${query({ desk: filters.value.get("desk") ?? "", by: filters.value.get("by") ?? "" })}`, (change) => CONCERNS[list].includes(change.kind)),
    [list],
  );
  useEffect(() => region.open(), [region]);
  const answer = region.data.value;
  const rows = (answer?.rows ?? []).map(SHOWN[list] ?? ((row) => row));
  return (
    <article class="lists">
      <h1>{t(`list.${list}`)} <AgeOf region={region} /></h1>
      <ListNames now={list} />
      {list === "orders" && mayGive("maintenance") && <p><button type="button" class="primary" onClick={() => give({ kind: "maintenance" })}>{t("give.maintenance")}</button></p>}
      {!answer && <p>{t("state.loading")}</p>}
      {answer && list === "handover" && <pre class="sheet">{language.value === "zh" ? answer.zh : answer.en}</pre>}
      {answer && list !== "handover" && (rows.length ? <Table list={list} rows={rows} /> : <p class="empty">{t("list.empty")}</p>)}
    </article>
  );
}
