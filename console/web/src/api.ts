/** Requests to the server. */

import { signal } from "@preact/signals";
import type { Session, Text } from "./types";

export const session = signal<Session | null>(null);
export const methods = signal<string[]>(["password"]);
/** Whether it is known that nobody is signed in. */
export const signedOut = signal(false);

/** By how much the server's clock is ahead of this computer's. */
let skewMs = 0;
const SKEW_NOTICED_MS = 2_000;

export const serverNow = (): number => Date.now() + skewMs;

export class Refused extends Error {
  constructor(
    readonly code: string,
    readonly text: Text | null,
  ) {
    super(code);
  }
}

type Failure = { error?: string; message?: Text; methods?: string[] };

export async function ask<T>(path: string, init: RequestInit = {}): Promise<T> {
  const answer = await fetch(path, { credentials: "same-origin", ...init });
  readClock(answer);
  if (answer.status === 204) return undefined as T;
  const body: unknown = await answer.json().catch(() => ({}));
  if (answer.ok) return body as T;
  const failure = body as Failure;
  if (failure.error === "signed_out") {
    methods.value = failure.methods ?? methods.value;
    session.value = null;
    signedOut.value = true;
  }
  throw new Refused(failure.error ?? String(answer.status), failure.message ?? null);
}

export async function post<T>(path: string, body: unknown, method = "POST"): Promise<T> {
  const headers: Record<string, string> = { "Content-Type": "application/json" };
  if (session.value) headers["X-Csrf"] = session.value.csrf;
  return ask<T>(path, { method, headers, body: JSON.stringify(body) });
}

function readClock(answer: Response): void {
  const date = Date.parse(answer.headers.get("Date") ?? "");
  if (Number.isNaN(date)) return;
  const ahead = date - Date.now();
  skewMs = Math.abs(ahead) > SKEW_NOTICED_MS ? ahead : 0;
}

export async function readSession(): Promise<void> {
  try {
    session.value = await ask<Session>("/api/session");
    signedOut.value = false;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
  }
}

export async function signIn(user: string, password: string): Promise<void> {
  session.value = await post<Session>("/api/session", { user, password });
  signedOut.value = false;
}

export async function signOut(): Promise<void> {
  const answer = await post<{ leave_at: string } | undefined>("/api/session", {}, "DELETE");
  session.value = null;
  signedOut.value = true;
  if (answer) location.assign(answer.leave_at);
}

export const query = (fields: Record<string, string | number | undefined>): string => {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined && value !== "");
  return new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
};
