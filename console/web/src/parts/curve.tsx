/** Q(t) of a lifeline: a line where it is known, a field between two lines where channels are blind. */

import { useEffect, useRef } from "preact/hooks";
import { useSignal } from "@preact/signals";
import { titleOf } from "../names";
import { clock, percent } from "../time";
import { PHASES, type LifelineRecovery, type Recovery } from "../types";
import { t } from "../words";

const HEIGHT = 170;
const [LEFT, RIGHT, TOP, BOTTOM] = [64, 12, 22, 24];
const BASIC = 0.8;
/** Pixels that the word of a moment or a time of the axis takes. */
const APART = 96;

export function Curve({ of, told }: { of: LifelineRecovery; told: Recovery }) {
  const box = useRef<HTMLDivElement>(null);
  const width = useSignal(640);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const watch = new ResizeObserver(() => (width.value = Math.max(element.clientWidth, 240)));
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  const [begins, ends] = [told.begins_ms, Math.max(told.ends_ms, told.begins_ms + 1)];
  const floor = Math.min(...of.curve.map(([, low]) => low));
  const least = Math.max(0, Math.min(floor - 0.1 * (1 - floor), 0.99));
  const x = (ms: number) => LEFT + ((Math.min(Math.max(ms, begins), ends) - begins) / (ends - begins)) * (width.value - LEFT - RIGHT);
  const y = (share: number) => TOP + ((1 - share) / (1 - least)) * (HEIGHT - TOP - BOTTOM);
  const line = (which: 1 | 2) => of.curve.map((point) => `${x(point[0]).toFixed(1)},${y(point[which]).toFixed(1)}`);
  const [worst, best] = [line(1), line(2)];
  const last = of.curve.at(-1);
  const label = t("recovery.curve", { lifeline: titleOf("lifeline", of.lifeline), from: clock(begins), until: clock(ends), lowest: shares(of.lowest), last: last ? shares([last[1], last[2]]) : "" });
  const levels = [1, ...(least < BASIC ? [BASIC] : []), least];
  const ticks = Math.max(2, Math.min(5, Math.floor(width.value / 150)));
  return (
    <div class="curve" ref={box}>
      <svg width={width.value} height={HEIGHT} role="img" aria-label={label}>
        <polygon class="blind" points={[...best, ...[...worst].reverse()].join(" ")} />
        {levels.map((share) => <g key={share}><line class={share === BASIC ? "basic" : "axis"} x1={LEFT} x2={width.value - RIGHT} y1={y(share)} y2={y(share)} /><text x={LEFT - 6} y={y(share) + 4} text-anchor="end">{percent(share)}</text></g>)}
        {(["worst", "best"] as const).map((name) => <polyline key={name} class="line" points={(name === "best" ? best : worst).join(" ")} />)}
        {Array.from({ length: ticks }, (_, at) => begins + ((ends - begins) * at) / (ticks - 1)).map((ms, at) => <text key={at} x={x(ms)} y={HEIGHT - 6} text-anchor={at === 0 ? "start" : at === ticks - 1 ? "end" : "middle"}>{clock(ms)}</text>)}
        <Moments told={told} x={x} />
      </svg>
    </div>
  );
}

/** Upright lines at the moments of an answer; a word that would lie on another is left to the text below. */
function Moments({ told, x }: { told: Recovery; x: (ms: number) => number }) {
  let free = 0;
  return (
    <>
      {PHASES.map((phase) => {
        const ms = told.moments_ms[phase];
        if (ms === undefined) return null;
        const at = x(ms);
        const named = at >= free;
        if (named) free = at + APART;
        return <g key={phase}><line class="moment" x1={at} x2={at} y1={TOP} y2={HEIGHT - BOTTOM} />{named && <text x={at} y={TOP - 7} text-anchor="start">{t(`recovery.moment_${phase}`)}</text>}</g>;
      })}
    </>
  );
}

/** One share where both bounds say the same. */
export function shares([low, high]: readonly [number, number]): string {
  const [from, until] = [percent(low), percent(high)];
  return from === until ? from : t("recovery.both", { low: from, high: until });
}
