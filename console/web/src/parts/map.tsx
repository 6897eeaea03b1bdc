/** A map of outlines, feeds and assets, drawn from coordinates alone: it needs no tiles. */

import { useSignal } from "@preact/signals";
import { city } from "../names";
import { to } from "../route";
import type { Asset, Assets, Colour } from "../types";
import { say, t } from "../words";
import { Shape, worse } from "./mark";

const WIDTH = 800;
const HEIGHT = 600;
const MARGIN = 30;
/** Assets nearer to each other than this, in units of the drawing, are one symbol. */
const CLUSTER = 26;
const ZOOM = 1.5;
const ZOOM_MAX = 40;

type Point = [number, number];
type Placed = { x: number; y: number; assets: Asset[] };

/** Web Mercator at the scale of a city, fitted into the drawing. */
function projection(points: Point[]): (lon: number, lat: number) => Point {
  const y = (lat: number) => Math.log(Math.tan(Math.PI / 4 + (lat * Math.PI) / 360)) * (180 / Math.PI);
  const xs = points.map(([lon]) => lon);
  const ys = points.map(([, lat]) => y(lat));
  const [left, right, low, high] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const scale = Math.min((WIDTH - 2 * MARGIN) / (right - left || 1e-3), (HEIGHT - 2 * MARGIN) / (high - low || 1e-3));
  const [dx, dy] = [(WIDTH - scale * (right - left)) / 2, (HEIGHT - scale * (high - low)) / 2];
  return (lon, lat) => [dx + (lon - left) * scale, HEIGHT - dy - (y(lat) - low) * scale];
}

function clusters(assets: Asset[], place: (lon: number, lat: number) => Point, zoom: number): Placed[] {
  const cells = new Map<string, Placed>();
  for (const asset of assets) {
    if (asset.lon === null || asset.lat === null) continue;
    const [x, y] = place(asset.lon, asset.lat);
    const size = CLUSTER / zoom;
    const key = `${Math.floor(x / size)} ${Math.floor(y / size)}`;
    const cell = cells.get(key);
    if (cell) cell.assets.push(asset);
    else cells.set(key, { x, y, assets: [asset] });
  }
  return [...cells.values()];
}

function Symbol({ placed, zoom }: { placed: Placed; zoom: number }) {
  const worst = [...placed.assets].sort((a, b) => worse(a.colour, b.colour))[0];
  if (!worst) return null;
  const name = placed.assets.length > 1 ? t("map.cluster", { n: placed.assets.length }) : say(worst.title);
  const at = `translate(${placed.x} ${placed.y}) scale(${1 / zoom})`;
  if (worst.colour === null || worst.colour === "clear") {
    return (
      <g transform={at} class="asset"><title>{name}</title>
        <circle r={placed.assets.length > 1 ? 9 : 4} />
        {placed.assets.length > 1 && <text y="4" text-anchor="middle">{placed.assets.length}</text>}
      </g>
    );
  }
  const label = [say(worst.title), t(`colour.${worst.colour}`), worst.drill && t("line.drill")].filter(Boolean).join(", ");
  return (
    <a href={worst.incident ? to("incident", worst.incident) : undefined}>
      <title>{placed.assets.length > 1 ? `${label}, ${name}` : label}</title>
      <g transform={at} aria-hidden="true">
        <Shape colour={worst.colour as Colour} x={-12} y={-12} hatched={worst.drill} />
        {placed.assets.length > 1 && <text class="many" x="13" y="5">{placed.assets.length}</text>}
      </g>
    </a>
  );
}

/** Rings of a district; one inside another is a hole. */
const pathOf = (rings: Point[][], place: (lon: number, lat: number) => Point): string => rings.map((ring) => `M${ring.map(([lon, lat]) => place(lon, lat).map((at) => at.toFixed(1)).join(" ")).join("L")}Z`).join("");

const worstOf = (placed: Placed) => [...placed.assets].sort((a, b) => worse(a.colour, b.colour))[0]?.colour ?? null;

export function CityMap({ shown, district }: { shown: Assets; district: string }) {
  const zoom = useSignal(1);
  const centre = useSignal<Point>([WIDTH / 2, HEIGHT / 2]);
  const drag = useSignal<Point | null>(null);
  const outlines = (city.data.value?.districts ?? []).filter((one) => one.outline && (!district || one.name === district));
  const located = shown.assets.filter((asset) => asset.lon !== null && asset.lat !== null);
  const points: Point[] = [...outlines.flatMap((one) => (one.outline ?? []).flat()), ...located.map((asset): Point => [asset.lon ?? 0, asset.lat ?? 0])];
  if (points.length === 0) return <p>{t("map.none")}</p>;
  const place = projection(points);
  const places = new Map(located.map((asset) => [asset.id, place(asset.lon ?? 0, asset.lat ?? 0)]));
  const by = (factor: number) => (zoom.value = Math.min(ZOOM_MAX, Math.max(1, zoom.value * factor)));
  const pan = (dx: number, dy: number) => (centre.value = [centre.value[0] + dx / zoom.value, centre.value[1] + dy / zoom.value]);
  const [w, h] = [WIDTH / zoom.value, HEIGHT / zoom.value];
  const keys: Record<string, () => void> = { "+": () => by(ZOOM), "-": () => by(1 / ZOOM), ArrowLeft: () => pan(-60, 0), ArrowRight: () => pan(60, 0), ArrowUp: () => pan(0, -60), ArrowDown: () => pan(0, 60) };
  return (
    <div class="canvas">
      <svg viewBox={`${centre.value[0] - w / 2} ${centre.value[1] - h / 2} ${w} ${h}`} role="group" aria-label={t("map.title")} tabIndex={0}
        onKeyDown={(event) => { const act = keys[event.key]; if (act) { event.preventDefault(); act(); } }}
        onPointerDown={(event) => (drag.value = [event.clientX, event.clientY])}
        onPointerUp={() => (drag.value = null)} onPointerLeave={() => (drag.value = null)}
        onPointerMove={(event) => { if (drag.value) { pan(drag.value[0] - event.clientX, drag.value[1] - event.clientY); drag.value = [event.clientX, event.clientY]; } }}>
        {outlines.map((one) => <path key={one.name} class="outline" fill-rule="evenodd" d={pathOf(one.outline ?? [], place)}><title>{say(one.title)}</title></path>)}
        {shown.feeds.map(([from, until]) => {
          const [a, b] = [places.get(from), places.get(until)];
          return a && b && <path key={`${from} ${until}`} class="feed" d={`M${a.join(" ")}L${b.join(" ")}`} />;
        })}
        {clusters(located, place, zoom.value).sort((a, b) => worse(worstOf(b), worstOf(a))).map((placed) => <Symbol key={placed.assets[0]?.id} placed={placed} zoom={zoom.value} />)}
      </svg>
      <div class="zoom">
        <button type="button" aria-label={t("map.in")} onClick={() => by(ZOOM)}>+</button>
        <button type="button" aria-label={t("map.out")} onClick={() => by(1 / ZOOM)}>−</button>
      </div>
    </div>
  );
}
