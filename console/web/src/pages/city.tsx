/** The city: what needs the reader, every lifeline in every district, what changed last. */

import { useComputed, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ask } from "../api";
import { incidents } from "../list";
import { city, sayUnwatched, titleOf, unwatched, watchedShare } from "../names";
import { Mark } from "../parts/mark";
import { NeedsYou } from "../parts/list";
import { AgeOf, When } from "../parts/when";
import { to } from "../route";
import { lastChange } from "../store";
import { number, percent } from "../time";
import type { Cell, City, Lifeline, Row } from "../types";
import { say, t, word } from "../words";

const BAR = 40;

/** How far today is from a usual day: the tick is usual, the end of the scale three times that; a gap where nobody watches. */
function Deviation({ cell, blind }: { cell: Cell | undefined; blind: boolean }) {
  if (!cell || blind || cell.usual_a_day === null) return <svg class="deviation" viewBox={`0 0 ${BAR} 4`} aria-hidden="true"><path class="gap" d={`M0 2h${BAR}`} /></svg>;
  const scale = BAR / (3 * Math.max(cell.usual_a_day, 1));
  const today = Math.min(BAR, cell.today * scale);
  const usual = Math.min(BAR, cell.usual_a_day * scale);
  return (
    <svg class="deviation" viewBox={`0 0 ${BAR} 4`} preserveAspectRatio="none" aria-hidden="true">
      <rect width={BAR} height="4" class="field" />
      <rect width={today} height="4" class={cell.today > 2 * Math.max(cell.usual_a_day, 1) ? "far" : "near"} />
      <rect x={usual} width="1" height="4" class="tick" />
    </svg>
  );
}

function MatrixCell({ cell, lifeline, district }: { cell: Cell | undefined; lifeline: string; district: string }) {
  const open = cell?.open ?? 0;
  const usual = cell?.usual_a_day ?? null;
  const lost = unwatched(lifeline);
  const known = t(open ? "matrix.cell" : "matrix.rest", {
    lifeline: titleOf("lifeline", lifeline),
    district: titleOf("district", district),
    open,
    unacknowledged: cell?.unacknowledged ?? 0,
    today: cell?.today ?? 0,
    usual: usual === null ? t("matrix.usual_unknown") : number(usual),
  });
  const label = lost ? t("unwatched.cell", { known, what: sayUnwatched(lost) }) : known;
  return (
    <td>
      <a href={`${to("lifeline", lifeline)}?district=${encodeURIComponent(district)}`} title={label}>
        <span class="hidden">{label}</span>
        <span class="count" aria-hidden="true">{open > 0 && cell ? <><Mark colour={cell.colour} unacknowledged={cell.unacknowledged > 0} /> {open}</> : ""}</span>
        <Deviation cell={cell} blind={lost?.silent === lost?.lanes && lost !== undefined} />
      </a>
    </td>
  );
}

function LifelineName({ one }: { one: Lifeline }) {
  const watched = watchedShare(one);
  const share = watched === null ? t("matrix.usual_unknown") : percent(watched);
  const lost = unwatched(one.name);
  const title = t("matrix.watched", { share, n: number(one.channels) });
  return (
    <th scope="row" class={lost ? "unwatched" : ""} data-lifeline={one.name}>
      <a href={to("lifeline", one.name)} title={lost ? t("unwatched.cell", { known: title, what: sayUnwatched(lost) }) : title}>
        {say(one.title)}
        {lost && <span class="hidden">{t("unwatched.bar", { what: sayUnwatched(lost) })}</span>}
        <svg class="watched" viewBox={`0 0 ${BAR} 3`} preserveAspectRatio="none" aria-hidden="true">
          <path class="gap" d={`M0 1.5h${BAR}`} />
          <rect width={BAR * (watched ?? 0)} height="3" class="near" />
        </svg>
      </a>
    </th>
  );
}

function Matrix({ known }: { known: City }) {
  const cells = new Map(known.cells.map((cell) => [`${cell.lifeline} ${cell.district}`, cell]));
  return (
    <table class="matrix">
      <thead>
        <tr>
          <td />
          {known.districts.map((one) => <th scope="col" key={one.name}><a href={to("district", one.name)}>{say(one.title)}</a></th>)}
        </tr>
      </thead>
      <tbody>
        {known.lifelines.map((one) => (
          <tr key={one.name}>
            <LifelineName one={one} />
            {known.districts.map((district) => <MatrixCell key={district.name} cell={cells.get(`${one.name} ${district.name}`)} lifeline={one.name} district={district.name} />)}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const CHANGES = 10;
const REREAD_MS = 2_000;

function Changes() {
  const told = useComputed(() => [...(incidents.data.value?.incidents ?? [])].sort((a, b) => (b.told_ms ?? 0) - (a.told_ms ?? 0)).slice(0, CHANGES));
  return (
    <section class="changes" aria-labelledby="changes">
      <h2 id="changes">{t("changes.title")}</h2>
      <ol>
        {told.value.map((line) => (
          <li key={line.id}>
            <When ms={line.told_ms} />
            <Mark colour={line.colour} hatched={line.shelved || line.drill} />
            <a href={to("incident", line.id)}>{say(line.title)}</a>
            <span>{word("ticket", line.ticket_state)}</span>
          </li>
        ))}
      </ol>
      <Commands />
    </section>
  );
}

/** What people did last, for those who may read the audit. */
function Commands() {
  const acts = useSignal<Row[]>([]);
  useEffect(() => {
    let timer = 0;
    const read = () => {
      timer = 0;
      ask<{ rows: Row[] }>(`/api/audit?limit=${CHANGES}`).then((got) => (acts.value = got.rows), () => undefined);
    };
    read();
    const stop = lastChange.subscribe((change) => {
      if (change?.kind === "command" && !timer) timer = window.setTimeout(read, REREAD_MS);
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, []);
  return (
    <ol>
      {acts.value.slice(0, CHANGES).map((act) => (
        <li key={`${act.logged_ms}${act.target}${act.kind}`}>
          <When ms={Number(act.logged_ms)} />
          <b>{word("what", String(act.kind))}</b>
          <span>{String(act.by)}</span>
          <a href={String(act.target).startsWith("i-") ? to("incident", String(act.target)) : "/lists/audit"}>{String(act.target)}</a>
        </li>
      ))}
    </ol>
  );
}

export function CityPage() {
  const known = city.data.value;
  return (
    <div class="city">
      <NeedsYou />
      <section class="overview" aria-labelledby="matrix">
        <h2 id="matrix">{t("matrix.title")} <AgeOf region={city} /></h2>
        {known ? <Matrix known={known} /> : <p>{t("state.loading")}</p>}
        <p class="legend">{t("matrix.legend")}</p>
      </section>
      <Changes />
    </div>
  );
}
