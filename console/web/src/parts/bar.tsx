/** The bar on top of every page: where to go, what share is watched, load and flood, own switches. */

import { session, signOut } from "../api";
import { actionName } from "../commands";
import { city, sayUnwatched, watchedShare } from "../names";
import { helpOpen } from "../keys";
import { to } from "../route";
import { sound } from "../sound";
import { age, connection } from "../store";
import { nextTheme, theme } from "../theme";
import { clock, now, number, percent } from "../time";
import { language, say, t } from "../words";
import { give, mayGive, type Given } from "./give";

/** Work orders are given on their list, and on the pages of what they are about. */
const GIVEN: Given[] = ["report", "drill"];
export const LISTS = ["duty", "shelved", "withheld", "audit", "orders", "desks", "recovery", "handover"] as const;

/** Every list, to go from one to the next. */
export function ListNames({ now: shown }: { now: (typeof LISTS)[number] }) {
  return <nav aria-label={t("nav.lists")}>{LISTS.map((one) => <a key={one} href={to("lists", one)} aria-current={one === shown ? "page" : undefined}>{t(`list.${one}`)}</a>)}</nav>;
}

function Load() {
  const known = city.data.value;
  if (!known) return null;
  const own = new Set(session.value?.desks ?? []);
  const desks = known.desks.filter((desk) => own.size === 0 || own.has(desk.name));
  const channels = known.lifelines.reduce((sum, one) => sum + one.channels, 0);
  const watched = known.lifelines.reduce((sum, one) => sum + (watchedShare(one) ?? 0) * one.channels, 0);
  const desk = desks[0];
  return (
    <div class="load">
      <Unwatched />
      {channels > 0 && <span><b>{percent(watched / channels)}</b> {t("bar.watched")}</span>}
      {desk && <span title={say(desk.title)}><b>{t("bar.load_of", { n: desk.notices_10min, budget: number(desk.budget) })}</b> {t("bar.load")}</span>}
      {desk && desk.blind > 0 && <a class="strong" href="/lists/desks">{t("bar.blind", { n: desk.blind })}</a>}
      {desks.some((one) => one.flood) && <span class="strong" role="status">{t("bar.flood")}</span>}
      {known.drill && <span class="strong" role="status">{t("bar.drill")}</span>}
    </div>
  );
}

/** Who is on duty at the reader's desk. */
function onDuty(): string | undefined {
  const own = new Set(session.value?.desks ?? []);
  const desk = city.data.value?.desks.find((one) => own.has(one.name));
  return desk && t("bar.on_duty", { who: desk.on_duty.join(t("unwatched.and")) || t("duty.nobody") });
}

const NAMED = 3;

/** Lifelines that no worker watches: what their sensors tell now rings once one is back. */
function Unwatched() {
  const lost = age.value?.unwatched ?? [];
  if (lost.length === 0) return null;
  const named = lost.slice(0, NAMED).map(sayUnwatched);
  if (lost.length > NAMED) named.push(t("unwatched.more", { n: lost.length - NAMED }));
  return <span class="strong unwatched" role="status" title={lost.map(sayUnwatched).join(t("unwatched.and"))}>{t("unwatched.bar", { what: named.join(t("unwatched.and")) })}</span>;
}

export function Bar() {
  const who = session.value;
  return (
    <header class="bar">
      <a class="home" href="/">{who ? say(who.city.name) : t("app.name")}</a>
      {who && <Load />}
      {who && (
        <nav aria-label={t("nav.menu")}>
          {LISTS.map((list) => <a key={list} href={`/lists/${list}`} title={list === "duty" ? onDuty() : undefined}>{t(`list.${list}`)}</a>)}
        </nav>
      )}
      <div class="switches">
        <time>{clock(now.value)}</time>
        {GIVEN.filter((kind) => mayGive(kind)).map((kind) => <button key={kind} type="button" onClick={() => give({ kind })}>{kind === "drill" && city.data.value?.drill ? t("give.drill_end") : actionName(kind)}</button>)}
        <button type="button" onClick={() => (sound.value = !sound.value)} aria-pressed={sound.value}>{t(sound.value ? "bar.sound_on" : "bar.sound_off")}</button>
        <button type="button" onClick={nextTheme}>{t(`bar.theme.${theme.value}`)}</button>
        <button type="button" onClick={() => (language.value = language.value === "zh" ? "en" : "zh")}>{t("bar.language")}</button>
        <button type="button" onClick={() => (helpOpen.value = !helpOpen.value)} aria-expanded={helpOpen.value}>{t("bar.help")}</button>
        {who && <button type="button" title={who.role} onClick={() => void signOut()}>{`${who.name || who.user} · ${t("bar.sign_out")}`}</button>}
      </div>
    </header>
  );
}

/** What the page cannot know at the moment, and how old what it shows is. */
export function Health() {
  const known = age.value;
  if (!session.value) return null;
  if (connection.value === "lost") {
    const from = known?.as_of_ms ?? now.value;
    return <p class="health lost" role="alert">{t("state.lost", { clock: clock(from) })}</p>;
  }
  if (known?.history === "away") return <p class="health" role="alert">{t("state.away", { clock: clock(known.as_of_ms) })}</p>;
  if (known?.stage === "away") return <p class="health" role="alert">{t("state.stage")}</p>;
  return null;
}
