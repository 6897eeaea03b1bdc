/** Light, dark, or what the system says. */

import { effect, signal } from "@preact/signals";

const THEMES = ["auto", "light", "dark"] as const;
type Theme = (typeof THEMES)[number];
const stored = localStorage.getItem("theme");
export const theme = signal<Theme>(THEMES.find((one) => one === stored) ?? "auto");
export const nextTheme = (): void => void (theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? "auto");

effect(() => {
  document.documentElement.dataset.theme = theme.value;
  localStorage.setItem("theme", theme.value);
});
