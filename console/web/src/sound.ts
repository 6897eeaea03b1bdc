/** A tone for what nobody has acknowledged, and the mark of the worst in the window's tab. */

import { computed, effect, signal } from "@preact/signals";
import { incidents } from "./list";
import { worse } from "./parts/mark";
import type { AnyColour } from "./types";
import { t } from "./words";

export const sound = signal(false);
const REPEAT_MS = 15_000;
const TONE_HZ = { red: 880, orange: 660, yellow: 520, blue: 440, clear: 0 };
const TONE_S = 0.35;

const open = computed(() => (incidents.data.value?.incidents ?? []).filter((line) => !line.shelved));
const worst = computed<AnyColour>(() => open.value.reduce<AnyColour>((a, line) => (worse(line.colour, a) < 0 ? line.colour : a), "clear"));
const ringing = computed<AnyColour>(() =>
  open.value.filter((line) => !line.acknowledged && !line.drill).reduce<AnyColour>((a, line) => (worse(line.colour, a) < 0 ? line.colour : a), "clear"),
);

let audio: AudioContext | null = null;
function tone(): void {
  if (ringing.value === "clear") return;
  audio ??= new AudioContext();
  const [source, gain] = [audio.createOscillator(), audio.createGain()];
  source.frequency.value = TONE_HZ[ringing.value];
  gain.gain.setValueAtTime(0.2, audio.currentTime);
  gain.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + TONE_S);
  source.connect(gain).connect(audio.destination);
  source.start();
  source.stop(audio.currentTime + TONE_S);
}

export function ring(): void {
  effect(() => {
    if (!sound.value || ringing.value === "clear") return;
    tone();
    const timer = setInterval(tone, REPEAT_MS);
    return () => clearInterval(timer);
  });
  effect(() => {
    const icon = document.querySelector<HTMLLinkElement>("link[rel=icon]");
    const name = worst.value === "clear" ? "rest" : worst.value;
    if (icon) icon.href = `/static/favicon-${name}.svg`;
    const count = open.value.filter((line) => !line.acknowledged).length;
    document.title = count ? `(${count}) ${t("app.name")}` : t("app.name");
  });
}
