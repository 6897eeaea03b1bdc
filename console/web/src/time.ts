/** Times as an operator reads them: in the city's zone, by a 24-hour clock, with their age. */

import { signal } from "@preact/signals";
import { serverNow, session } from "./api";
import { language, t } from "./words";

/** Ticks every second while what is shown is live; stands still when the connection is lost. */
export const now = signal(serverNow());

export const startClock = (live: () => boolean): void => {
  setInterval(() => {
    if (live()) now.value = serverNow();
  }, 1_000);
};

const S = 1_000;
const MIN = 60 * S;
const HOUR = 60 * MIN;
const DAY = 24 * HOUR;

const zone = (): string => session.value?.city.zone ?? "UTC";

const formats = new Map<string, Intl.DateTimeFormat>();
function format(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = JSON.stringify([language.value, zone(), options]);
  const found = formats.get(key) ?? new Intl.DateTimeFormat(language.value === "zh" ? "zh-CN" : "en-GB", { timeZone: zone(), hourCycle: "h23", ...options });
  formats.set(key, found);
  return found;
}

export function clock(ms: number): string {
  const time = format({ hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(ms);
  return Math.abs(now.value - ms) < DAY / 2 ? time : `${format({ month: "numeric", day: "numeric" }).format(ms)} ${time}`;
}

export function span(ms: number): string {
  const left = Math.abs(ms);
  if (left < MIN) return t("span.s", { n: Math.floor(left / S) });
  if (left < HOUR) return t("span.min", { n: Math.floor(left / MIN) });
  if (left < 2 * DAY) return t("span.h", { n: Math.floor(left / HOUR), m: Math.floor((left % HOUR) / MIN) });
  return t("span.d", { n: Math.floor(left / DAY) });
}

export const ago = (ms: number): string => (now.value - ms < S ? t("time.now") : t("time.ago", { span: span(now.value - ms) }));

/** Minutes and seconds while it is short, hours and minutes before. */
export function countdown(ms: number): string {
  const left = ms - now.value;
  const sign = left < 0 ? "−" : "";
  const whole = Math.floor(Math.abs(left) / S);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  const two = (n: number) => String(n).padStart(2, "0");
  return h > 0 ? `${sign}${h}:${two(m)}:${two(s)}` : `${sign}${m}:${two(s)}`;
}

export const parse = (text: string | undefined): number | null => {
  const ms = Date.parse(text ?? "");
  return Number.isNaN(ms) ? null : ms;
};

export const number = (value: number): string => new Intl.NumberFormat(language.value === "zh" ? "zh-CN" : "en-GB", { maximumSignificantDigits: 6 }).format(value);
export const percent = (share: number): string => `${(Math.floor(share * 1000) / 10).toFixed(1)} %`;
