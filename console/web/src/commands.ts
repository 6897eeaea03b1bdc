/** Commands of the person at the page, and what became of them. */

import { signal } from "@preact/signals";
import { post, Refused } from "./api";
import { answers } from "./store";
import type { Answer, Colour, Line } from "./types";
import { language, t, word } from "./words";
import type { Key } from "./words/en";

export type Action = "acknowledge" | "dispatch" | "assign" | "advance" | "shelve" | "comment" | "close" | "unshelve" | "confirm" | "reset" | "verdict" | "report" | "maintenance" | "drill";
export type Fields = { to?: string; owner?: string; reason?: string; until?: number; verdict?: string; text?: string; lifeline?: string; asset?: string; colour?: Colour; order?: string; assets?: string[]; area?: string; begins?: number; ends?: number; on?: boolean };
export type Result = {
  id: string;
  action: Action;
  target: string;
  state: "sent" | "done" | "refused" | "waiting";
  why: string;
  undo: (() => void) | null;
};

export const results = signal<Result[]>([]);
const SHOWN_MS = 8_000;
const ANSWER_MS = 10_000;
const KEPT = 4;

export const actionName = (action: Action): string => t(`act.${action}` as Key);

export function dismiss(id: string): void {
  results.value = results.value.filter((result) => result.id !== id);
}

function put(result: Result): void {
  const others = results.value.filter((other) => other.id !== result.id);
  results.value = [...others, result].slice(-KEPT);
  if (result.state === "done") window.setTimeout(() => dismiss(result.id), SHOWN_MS);
}

const whyRefused = (error: unknown): string => {
  if (!(error instanceof Refused)) return t("error.network");
  const known = word("error", error.code);
  if (known !== error.code) return known;
  return error.text?.[language.value] ?? error.code;
};

/** Send a command about one thing, or one about several incidents; its effect comes as an answer. */
export async function command(action: Action, targets: string[], fields: Fields = {}, revision?: number, undo: (() => void) | null = null): Promise<void> {
  const id = crypto.randomUUID();
  const target = targets[0] ?? "";
  const result: Result = { id, action, target, state: "sent", why: "", undo: null };
  const late = window.setTimeout(() => put({ ...result, state: "waiting" }), ANSWER_MS);
  const heard = (event: Event) => {
    const answer = (event as CustomEvent<Answer>).detail;
    if (answer.command !== id) return;
    clearTimeout(late);
    answers.removeEventListener("answer", heard);
    if (answer.refused) put({ ...result, state: "refused", why: answer.detail || answer.reason });
    else put({ ...result, state: "done", undo });
  };
  answers.addEventListener("answer", heard);
  put(result);
  try {
    const several = targets.length > 1 ? { targets } : {};
    await post("/api/commands", { id, kind: action, target, revision, ...several, ...fields });
  } catch (error) {
    clearTimeout(late);
    answers.removeEventListener("answer", heard);
    put({ ...result, state: "refused", why: whyRefused(error) });
  }
}

export const acknowledge = (lines: Line[]): Promise<void> =>
  command("acknowledge", lines.map((line) => line.id), {}, lines.length === 1 ? lines[0]?.revision : undefined);
