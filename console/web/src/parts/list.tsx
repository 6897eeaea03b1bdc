/** A keyed list that draws only the rows on the screen. */

import { effect, signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { acknowledge } from "../commands";
import { focused, incidents, more, reading, rows, selected, showNew, waiting } from "../list";
import { city } from "../names";
import { filters, setFilter } from "../route";
import { mayCommand } from "../store";
import { number } from "../time";
import { COLOURS } from "../types";
import { say, t } from "../words";
import { Row } from "./row";
import { AgeOf } from "./when";

const NARROW = matchMedia("(max-width: 700px)");
const narrow = signal(NARROW.matches);
NARROW.addEventListener("change", () => (narrow.value = NARROW.matches));
const height = () => (narrow.value ? 132 : 72);
const SPARE = 6;

export function IncidentList() {
  const box = useRef<HTMLDivElement>(null);
  const top = useSignal(0);
  const seen = useSignal(800);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const watch = new ResizeObserver(() => (seen.value = element.clientHeight));
    watch.observe(element);
    const stop = effect(() => {
      const at = rows.value.findIndex((line) => line.id === focused.value);
      if (at < 0) return;
      const [from, until] = [at * height(), (at + 1) * height()];
      if (from < element.scrollTop) element.scrollTop = from;
      else if (until > element.scrollTop + element.clientHeight) element.scrollTop = until - element.clientHeight;
    });
    return () => {
      watch.disconnect();
      stop();
      reading.value = false;
    };
  }, []);
  const onScroll = () => {
    const element = box.current;
    if (!element) return;
    top.value = element.scrollTop;
    reading.value = element.scrollTop > 0;
    if (element.scrollTop + element.clientHeight > element.scrollHeight - height() * SPARE) more();
  };
  const all = rows.value;
  const first = Math.max(0, Math.floor(top.value / height()) - SPARE);
  const shown = all.slice(first, Math.ceil((top.value + seen.value) / height()) + SPARE);
  return (
    <div class="list" ref={box} onScroll={onScroll} tabIndex={-1}
      onPointerEnter={(event) => event.pointerType === "mouse" && (reading.value = true)}
      onPointerLeave={() => (reading.value = (box.current?.scrollTop ?? 0) > 0)}>
      {waiting.value > 0 && <button type="button" class="new" onClick={() => { showNew(); box.current?.scrollTo(0, 0); }}>{t("need.new", { n: waiting.value })}</button>}
      {all.length === 0 && <p class="empty">{incidents.data.value ? t("need.none") : t("state.loading")}</p>}
      <svg class="spacer" width="1" height={first * height()} aria-hidden="true" />
      {shown.map((line) => <Row key={line.id} line={line} />)}
      <svg class="spacer" width="1" height={Math.max(0, all.length - first - shown.length) * height()} aria-hidden="true" />
      {incidents.data.value?.more && <button type="button" onClick={more}>{t("need.more")}</button>}
    </div>
  );
}

function Choice({ name, label, options }: { name: string; label: string; options: [string, string][] }) {
  return (
    <label class="choice"><span>{label}</span>
      <select value={filters.value.get(name) ?? ""} onChange={(event) => setFilter(name, event.currentTarget.value)}>
        <option value="">{t("need.all")}</option>
        {options.map(([value, title]) => <option key={value} value={value}>{title}</option>)}
      </select>
    </label>
  );
}

/** Filters as part of the address, so that a view is a link. */
export function Filters({ fixed = "" }: { fixed?: string }) {
  const known = city.data.value;
  const named = (list: { name: string; title: { en: string; zh: string } }[] | undefined) => (list ?? []).map((one) => [one.name, say(one.title)] as [string, string]);
  return (
    <form class="filters" onSubmit={(event) => event.preventDefault()}>
      <label class="choice"><span>{t("need.filter")}</span>
        <input id="filter" type="search" value={filters.value.get("q") ?? ""} onInput={(event) => setFilter("q", event.currentTarget.value)} /></label>
      <Choice name="colour" label={t("col.colour")} options={COLOURS.map((colour) => [colour, t(`colour.${colour}`)])} />
      {fixed !== "lifeline" && <Choice name="lifeline" label={t("col.lifeline")} options={named(known?.lifelines)} />}
      {fixed !== "district" && <Choice name="district" label={t("col.district")} options={named(known?.districts)} />}
      <Choice name="desk" label={t("col.desk")} options={named(known?.desks)} />
    </form>
  );
}

export function NeedsYou({ fixed = "" }: { fixed?: string }) {
  const picked = rows.value.filter((line) => selected.value.has(line.id));
  return (
    <section class="needs" aria-labelledby="needs">
      <h2 id="needs">{t("need.title")} <small>{t("need.count", { n: `${number(rows.value.length)}${incidents.data.value?.more ? "+" : ""}` })}</small> <AgeOf region={incidents} /></h2>
      <Filters fixed={fixed} />
      {picked.length > 0 && (
        <button type="button" class="primary" disabled={!mayCommand()} onClick={() => { void acknowledge(picked); selected.value = new Set(); }}>
          {t("act.selected", { n: picked.length })}
        </button>
      )}
      <IncidentList />
    </section>
  );
}
