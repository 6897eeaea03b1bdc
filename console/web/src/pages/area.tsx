/** A lifeline or a district: its map beside its list. */

import { useEffect, useMemo } from "preact/hooks";
import { query } from "../api";
import { sayUnwatched, titleOf, unwatched } from "../names";
import { NeedsYou } from "../parts/list";
import { CityMap } from "../parts/map";
import { AgeOf } from "../parts/when";
import { filters } from "../route";
import { Region } from "../store";
import type { Assets } from "../types";
import { t } from "../words";

export function AreaPage({ group, name }: { group: "lifeline" | "district"; name: string }) {
  const assets = useMemo(
    () =>
      new Region<Assets & { as_of_ms?: number }>(
        () => `/api/assets?${query({ lifeline: filters.value.get("lifeline") ?? "", district: filters.value.get("district") ?? "", [group]: name })}`,
        (change) => change.kind === "incident",
      ),
    [group, name],
  );
  useEffect(() => assets.open(), [assets]);
  const lost = group === "lifeline" ? unwatched(name) : undefined;
  return (
    <div class="area">
      <h1>{titleOf(group, name)}</h1>
      {lost && <p class="notice" role="status">{t("unwatched.here", { what: sayUnwatched(lost) })}</p>}
      <NeedsYou fixed={group} />
      <section class="map" aria-labelledby="map">
        <h2 id="map">{t("map.title")} <AgeOf region={assets} /></h2>
        {assets.data.value ? <CityMap shown={assets.data.value} district={group === "district" ? name : (filters.value.get("district") ?? "")} /> : <p>{t("state.loading")}</p>}
      </section>
    </div>
  );
}
