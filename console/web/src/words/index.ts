/** Labels, one table a language; sentences about alarms come from the alarms. */

import { effect, signal } from "@preact/signals";
import type { Text } from "../types";
import { en, type Key } from "./en";
import { zh } from "./zh";

const TABLES = { en, zh };
export type Language = keyof typeof TABLES;

const stored = localStorage.getItem("language");
export const language = signal<Language>(
  stored === "en" || stored === "zh" ? stored : navigator.language.startsWith("zh") ? "zh" : "en",
);
effect(() => {
  document.documentElement.lang = language.value === "zh" ? "zh-CN" : "en";
  localStorage.setItem("language", language.value);
});

export function t(key: Key, fields: Record<string, string | number> = {}): string {
  return TABLES[language.value][key].replace(/\{(\w+)\}/g, (_, name: string) => String(fields[name] ?? ""));
}

/** Word of a record in the reader's language; one that a city configured itself is shown as it is. */
export function word(group: string, value: string): string {
  const table: Record<string, string> = TABLES[language.value];
  return table[`${group}.${value}`] ?? value;
}

export const say = (text: Text): string => text[language.value] || text.en || text.zh;
