/** Readings over time, against the band in which they are expected. */

import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { session } from "../api";
import { theme } from "../theme";
import type { Readings } from "../types";
import { t } from "../words";

type Props = { readings: Readings; unit: string; rang: number[]; height: number };

const colour = (element: Element, name: string): string => {
  const probe = element.appendChild(document.createElement("i"));
  probe.className = name;
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
};

export function Trend({ readings, unit, rang, height }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const shade = theme.value;
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const [ink, muted, field] = ["ink", "muted", "band"].map((name) => colour(element, `probe ${name}`)) as [string, string, string];
    const axis = { stroke: muted, grid: { stroke: field, width: 1 }, ticks: { show: false }, font: "13px sans-serif" };
    const plot = new uPlot(
      {
        width: element.clientWidth,
        height,
        legend: { show: false },
        cursor: { y: false },
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), session.value?.city.zone ?? "UTC"),
        series: [
          {},
          { label: t("channel.low"), stroke: muted, width: 1, dash: [4, 4] },
          { label: t("channel.high"), stroke: muted, width: 1, dash: [4, 4] },
          { label: t("channel.value"), stroke: ink, width: 1.5 },
        ],
        bands: [{ series: [2, 1], fill: field }],
        axes: [{ ...axis, values: CLOCK, size: 28 }, { ...axis, size: 64, label: unit, labelSize: 18, labelFont: "13px sans-serif" }],
        hooks: { draw: [(self) => rang.forEach((ms) => rung(self, ms / 1000, ink))] },
      },
      [readings.times_ms.map((ms) => ms / 1000), readings.low, readings.high, readings.values],
      element,
    );
    const watch = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height }));
    watch.observe(element);
    return () => {
      watch.disconnect();
      plot.destroy();
    };
  }, [readings, shade, unit, height]);
  return <div class="trend" ref={box} role="img" aria-label={`${t("channel.trend")} ${unit}`} />;
}

/** A 24-hour clock on the axis. */
const CLOCK = (self: uPlot, ticks: number[]): string[] =>
  ticks.map((tick) => new Date(tick * 1000).toLocaleTimeString("en-GB", { timeZone: session.value?.city.zone ?? "UTC", hour: "2-digit", minute: "2-digit", ...(self.scales.x?.max && self.scales.x.min !== undefined && self.scales.x.max - (self.scales.x.min ?? 0) < 300 ? { second: "2-digit" } : {}) }));

/** A line where it rang. */
function rung(plot: uPlot, seconds: number, stroke: string): void {
  const x = plot.valToPos(seconds, "x", true);
  const { ctx, bbox } = plot;
  if (x < bbox.left || x > bbox.left + bbox.width) return;
  ctx.save();
  ctx.strokeStyle = stroke;
  ctx.lineWidth = 2;
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.restore();
}
