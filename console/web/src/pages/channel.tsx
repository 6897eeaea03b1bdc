/** A channel: its trend, the rules that judge it and where they were written, its alarms. */

import { useEffect, useMemo } from "preact/hooks";
import { actionName, command } from "../commands";
import { titleOf } from "../names";
import { Mark } from "../parts/mark";
import { give, mayGive } from "../parts/give";
import { Readings } from "../parts/readings";
import { AgeOf, When } from "../parts/when";
import { filters, to } from "../route";
import { mayCommand, Region } from "../store";
import { clock, parse } from "../time";
import type { ChannelPage as Page } from "../types";
import { say, t } from "../words";

/** Minutes; what lies longer ago than the log reaches is in the alarms. */
const RANGES = [15, 60, 360, 1_440, 10_080, 43_200, 129_600];

/** Causes that the rules of its alarms name. */
const causesOf = (page: Page): string[] => [...new Set(page.alarms.map(({ record }) => record.cause).filter(Boolean))];

export function ChannelPage({ lifeline, channel }: { lifeline: string; channel: string }) {
  const region = useMemo(
    () => new Region<Page & { as_of_ms?: number }>(() => `/api/channels/${encodeURIComponent(lifeline)}/${encodeURIComponent(channel)}`, (change) => change.kind === "alarm" || change.id === channel),
    [lifeline, channel],
  );
  useEffect(() => region.open(), [region]);
  const page = region.data.value;
  if (!page) return <p class="empty">{region.failed.value ? <AgeOf region={region} /> : t("state.loading")}</p>;
  const facts: [string, string][] = [
    [t("channel.asset"), page.asset],
    [t("channel.class"), page.class],
    [t("channel.place"), [titleOf("district", page.district), page.place].filter(Boolean).join(" ")],
    [t("channel.unit"), page.unit],
    ...Object.entries(page.tags),
  ];
  const until = parse(page.shelving?.until);
  const at = filters.value.get("at");
  const about = { lifeline, asset: page.asset, assets: [`${lifeline}.${page.asset}`] };
  return (
    <article class="channel">
      <h1>{page.channel} <small>{titleOf("lifeline", page.lifeline)}</small> <AgeOf region={region} /></h1>
      <p class="buttons">
        {page.may.includes("shelve") && !page.shelving && <button type="button" id="shelve" disabled={!mayCommand()} onClick={() => give({ kind: "shelve", channel, causes: causesOf(page) })}>{actionName("shelve")}</button>}
        {page.may.includes("unshelve") && page.shelving && <button type="button" disabled={!mayCommand()} onClick={() => void command("unshelve", [channel], { reason: t("act.unshelve") })}>{actionName("unshelve")}</button>}
        {(["report", "maintenance"] as const).filter((kind) => mayGive(kind)).map((kind) => <button key={kind} type="button" onClick={() => give({ kind, ...about })}>{actionName(kind)}</button>)}
      </p>
      {page.shelving && <p class="notice">{t("channel.shelved", { by: page.shelving.by, reason: page.shelving.reason, until: until === null ? page.shelving.until : clock(until) })}</p>}
      <section>
        <h2>{t("channel.trend")}</h2>
        <Readings lifeline={lifeline} channel={channel} alarms={page.alarms.map(({ record }) => record)} at={at ? Number(at) : null} height={280} ranges={RANGES} />
      </section>
      <div class="parts">
        <section>
          <h2>{t("channel.alarms")}</h2>
          <ul class="plain">
            {page.alarms.map(({ id, revision, record }) => <li key={`${id} ${revision}`}><Mark colour={record.colour} /> <a href={`${to("channel", lifeline, channel)}?at=${parse(record.onset) ?? ""}`}>{say(record.say)}</a> <When ms={parse(record.onset)} /><details class="record"><summary>{t("channel.record")}</summary><pre>{JSON.stringify(record, null, 1)}</pre></details></li>)}
          </ul>
        </section>
        <section>
          <h2>{t("channel.rules")}</h2>
          <ul class="plain">
            {page.rules.map((rule) => <li key={rule.name}><span><b>{rule.name}</b> {rule.kind} <code>{rule.text}</code></span> <small>{[rule.file, rule.line].filter(Boolean).join(":")}</small></li>)}
          </ul>
          <p class="facts">{t("channel.explain")} <code>tocsin explain {page.channel}</code></p>
          {page.beside.length > 0 && <h2>{t("channel.beside")}</h2>}
          <ul class="plain beside">{page.beside.map((one) => <li key={one}><a href={to("channel", lifeline, one)}>{one}</a></li>)}</ul>
          <dl>{facts.filter(([, value]) => value).map(([name, value]) => <><dt>{name}</dt><dd>{value}</dd></>)}</dl>
        </section>
      </div>
    </article>
  );
}
