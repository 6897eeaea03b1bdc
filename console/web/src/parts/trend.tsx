/** Readings over time, against the band in which they are expected and the limits of their rule. */

import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { session } from "../api";
import { seriesOf, type Series } from "../series";
import { theme } from "../theme";
import { clock } from "../time";
import type { Alarm, Readings, Threshold } from "../types";
import { language, t } from "../words";
import { NUMERAL } from "./mark";

type Props = { readings: Readings; alarms: Alarm[]; rang: number[]; height: number };
type Inks = { ink: string; muted: string; field: string };

const colour = (element: Element, name: string): string => {
  const probe = element.appendChild(document.createElement("i"));
  probe.className = `probe ${name}`;
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
};

export function Trend({ readings, alarms, rang, height }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const shade = theme.value;
  const words = language.value;
  // Alarms are read anew often, and are mostly the same.
  const told = alarms.map((alarm) => `${alarm.id} ${alarm.revision}`).join();
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const inks = { ink: colour(element, "ink"), muted: colour(element, "muted"), field: colour(element, "band") };
    const series = seriesOf(readings, alarms);
    const plot = new uPlot(optionsOf(element.clientWidth, height, { readings, alarms, rang, height }, inks), columnsOf(series), element);
    const watch = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height }));
    watch.observe(element);
    return () => {
      watch.disconnect();
      plot.destroy();
    };
  }, [readings, told, shade, words, height]);
  return <div class="trend" ref={box} role="img" aria-label={`${t("channel.trend")} ${readings.unit}`} data-readings={readings.times_ms.length} />;
}

const columnsOf = (series: Series): uPlot.AlignedData => [series.times_s, series.low, series.high, series.values, series.refused];

function optionsOf(width: number, height: number, { readings, rang }: Props, { ink, muted, field }: Inks): uPlot.Options {
  const axis = { stroke: muted, grid: { stroke: field, width: 1 }, ticks: { show: false }, font: "13px sans-serif" };
  const edge = { stroke: muted, width: 1, spanGaps: true };
  return {
    width,
    height,
    legend: { show: false },
    cursor: { y: false },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), session.value?.city.zone ?? "UTC"),
    scales: { x: { range: () => [readings.begin_ms / 1000, readings.end_ms / 1000] }, y: { range: (_, low, high) => spread(low, high, readings.thresholds) } },
    series: [
      {},
      { label: t("channel.low"), ...edge, spanGaps: false },
      { label: t("channel.high"), ...edge, spanGaps: false },
      { label: t("channel.value"), stroke: ink, width: 1.5, points: { show: readings.times_ms.length < 120, size: 5, fill: ink } },
      { label: t("channel.refused"), paths: () => null, points: { show: true, size: 9, stroke: ink, width: 2, fill: "transparent" } },
    ],
    bands: [{ series: [2, 1], fill: field }],
    axes: [{ ...axis, values: CLOCK, size: 28, space: 110 }, { ...axis, size: 64, label: readings.unit, labelSize: 18, labelFont: "13px sans-serif" }],
    hooks: {
      draw: [
        (self) => readings.thresholds.forEach((limit) => limitLine(self, limit, muted)),
        (self) => rang.forEach((ms) => rung(self, ms / 1000, ink)),
      ],
    },
  };
}

/** What was measured, and the limits that are near to it. */
function spread(low: number | null, high: number | null, limits: Threshold[]): [number, number] {
  const values = [low, high].filter((value): value is number => value !== null);
  const near = values.length ? nearest(values, limits) : limits.map((limit) => limit.value);
  const all = [...values, ...near];
  if (all.length === 0) return [0, 1];
  const [least, most] = [Math.min(...all), Math.max(...all)];
  const room = (most - least || Math.abs(most) || 1) * 0.08;
  return [least - room, most + room];
}

/** Of each side the limit that lies next to the readings. */
function nearest([low = 0, high = low]: number[], limits: Threshold[]): number[] {
  const below = limits.filter((limit) => limit.side === "low").map((limit) => limit.value);
  const above = limits.filter((limit) => limit.side === "high").map((limit) => limit.value);
  return [...(below.length ? [Math.max(...below)] : []), ...(above.length ? [Math.min(...above)] : [])].filter((value) => Math.abs(value - (low + high) / 2) < 20 * (high - low || Math.abs(high) || 1));
}

/** A 24-hour clock on the axis. */
const CLOCK = (self: uPlot, ticks: number[]): string[] => {
  const { min, max } = self.scales.x ?? {};
  const short = min !== undefined && min !== null && max !== undefined && max !== null && max - min < 300;
  const long = min !== undefined && min !== null && max !== undefined && max !== null && max - min > 2 * 86_400;
  if (long) return ticks.map((tick) => clock(tick * 1000).replace(/:\d\d$/, ""));
  const zone = { timeZone: session.value?.city.zone ?? "UTC", hourCycle: "h23" as const };
  return ticks.map((tick) => new Date(tick * 1000).toLocaleTimeString("en-GB", { ...zone, hour: "2-digit", minute: "2-digit", ...(short ? { second: "2-digit" } : {}) }));
};

function drawn(plot: uPlot, stroke: string, line: (ctx: CanvasRenderingContext2D) => void): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.beginPath();
  ctx.strokeStyle = ctx.fillStyle = stroke;
  line(ctx);
  ctx.stroke();
  ctx.restore();
}

/** A line where it rang. */
function rung(plot: uPlot, seconds: number, stroke: string): void {
  const x = plot.valToPos(seconds, "x", true);
  drawn(plot, stroke, (ctx) => {
    ctx.lineWidth = 2;
    ctx.moveTo(x, plot.bbox.top);
    ctx.lineTo(x, plot.bbox.top + plot.bbox.height);
  });
}

/** A limit as a dashed line with the numeral of its colour. */
function limitLine(plot: uPlot, limit: Threshold, stroke: string): void {
  const y = plot.valToPos(limit.value, "y", true);
  drawn(plot, stroke, (ctx) => {
    ctx.lineWidth = 1.5;
    ctx.setLineDash([8, 5]);
    [ctx.textAlign, ctx.textBaseline] = ["left", "bottom"];
    ctx.font = `${13 * devicePixelRatio}px sans-serif`;
    ctx.fillText(NUMERAL[limit.colour], plot.bbox.left + 4, y - 2);
    ctx.moveTo(plot.bbox.left, y);
    ctx.lineTo(plot.bbox.left + plot.bbox.width, y);
  });
}
