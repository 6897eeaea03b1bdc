/** The four alarm marks: each colour has a shape and a numeral of its own. */

import type { AnyColour, Colour } from "../types";
import { t } from "../words";

export const NUMERAL: Record<Colour, string> = { red: "I", orange: "II", yellow: "III", blue: "IV" };

type Shape = { colour: Colour; x?: number; y?: number; size?: number; hatched?: boolean };

/** Shelved, or a drill. */
const Hatch = () => <path class="hatch" d="M4 20 20 4M1 14 14 1M10 23 23 10" />;

/** Outline of a mark in a box of 24 by 24. */
function Outline({ colour }: { colour: Colour }) {
  if (colour === "red") return <path d="M8 1.5h8L22.5 8v8L16 22.5H8L1.5 16V8z" />;
  if (colour === "orange") return <path d="M12 1.5 23.5 22H.5z" />;
  if (colour === "yellow") return <path d="M12 .5 23.5 12 12 23.5.5 12z" />;
  return <circle cx="12" cy="12" r="11" />;
}

/** A mark inside another drawing. */
export function Shape({ colour, x = 0, y = 0, size = 24, hatched = false }: Shape) {
  return (
    <svg class={`shape ${colour}${hatched ? " hatched" : ""}`} x={x} y={y} width={size} height={size} viewBox="-2 -2 28 28" aria-hidden="true">
      <g class="fill"><Outline colour={colour} /></g>
      {hatched && <Hatch />}
      <text x="12" y={colour === "orange" ? 19 : 16.5} text-anchor="middle">{NUMERAL[colour]}</text>
    </svg>
  );
}

type Props = { colour: AnyColour | null; unacknowledged?: boolean; hatched?: boolean };

export function Mark({ colour, unacknowledged = false, hatched = false }: Props) {
  if (colour === null || colour === "clear") return <span class="mark none" role="img" aria-label={t("colour.clear")}>–</span>;
  const says = [t(`colour.${colour}`), NUMERAL[colour], unacknowledged ? t("line.unacknowledged") : ""].filter(Boolean).join(", ");
  return (
    <span class={`mark ${colour}${unacknowledged ? " unacknowledged" : ""}${hatched ? " hatched" : ""}`} role="img" aria-label={says} title={says}>
      <svg viewBox="-2 -2 28 28" aria-hidden="true">
        <g class="fill"><Outline colour={colour} /></g>
        {hatched && <Hatch />}
        <text x="12" y={colour === "orange" ? 19 : 16.5} text-anchor="middle">{NUMERAL[colour]}</text>
      </svg>
    </span>
  );
}

const ORDER: AnyColour[] = ["red", "orange", "yellow", "blue", "clear"];
export const worse = (a: AnyColour | null, b: AnyColour | null): number => ORDER.indexOf(a ?? "clear") - ORDER.indexOf(b ?? "clear");
