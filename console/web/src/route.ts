/** Which page the address names; filters are its query, so that a link is a view. */

import { computed, signal } from "@preact/signals";

const address = signal(location.pathname + location.search);
export const path = computed(() => new URL(address.value, location.origin).pathname.split("/").filter(Boolean).map(decodeURIComponent));
export const filters = computed(() => new URL(address.value, location.origin).searchParams);

export function go(to: string): void {
  if (to === address.value) return;
  history.pushState(null, "", to);
  address.value = to;
  document.getElementById("page")?.focus({ preventScroll: true });
  window.scrollTo(0, 0);
}

export function setFilter(name: string, value: string): void {
  const url = new URL(address.value, location.origin);
  if (value) url.searchParams.set(name, value);
  else url.searchParams.delete(name);
  const to = url.pathname + url.search;
  history.replaceState(null, "", to);
  address.value = to;
}

export const to = (...parts: string[]): string => `/${parts.map(encodeURIComponent).join("/")}`;

export function followLinks(): void {
  window.addEventListener("popstate", () => (address.value = location.pathname + location.search));
  document.addEventListener("click", (event) => {
    const link = (event.target as Element).closest?.("a");
    if (!link || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
    if (link.target || link.origin !== location.origin || link.pathname.startsWith("/static/") || link.pathname.startsWith("/api/")) return;
    event.preventDefault();
    go(link.pathname + link.search);
  });
}
