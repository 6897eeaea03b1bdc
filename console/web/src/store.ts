/** What the pages show, kept current: each region is read anew when a change concerns it. */

import { batch, effect, signal, type Signal } from "@preact/signals";
import { ask, readSession, Refused, session } from "./api";
import type { Age, Answer } from "./types";

type Connection = "connecting" | "live" | "lost";
export const connection = signal<Connection>("connecting");
export const age = signal<Age | null>(null);
export const stale = (): boolean => connection.value === "lost";
/** Whether a command can be given now. */
export const mayCommand = (): boolean => connection.value !== "lost" && age.value?.history !== "away";

/** Reads at most this often, however many changes come. */
const REREAD_MS = 500;
/** The server says its age every 5 s; three times without it is a dead connection. */
const SILENT_MS = 15_000;
const REOPEN_MS = 2_000;

export type Change = { kind: string; id: string; incident?: string; seq: number };
export const answers = new EventTarget();
export const lastChange = signal<Change | null>(null);

const regions = new Set<Region<{ as_of_ms?: number }>>();

/** One answer of the server, how old it is, and what went wrong when it was last asked for. */
export class Region<T extends { as_of_ms?: number }> {
  readonly data: Signal<T | null> = signal(null);
  /** What the data was the answer to. */
  readonly from = signal("");
  readonly asOf = signal(0);
  readonly failed = signal<string | null>(null);
  private timer = 0;
  private running = false;
  private again = false;

  constructor(
    private readonly address: () => string | null,
    readonly concerns: (change: Change) => boolean,
    private readonly fetch: (address: string) => Promise<T> = ask,
  ) {}

  /** Follow changes until the function that it returns is called. */
  open(): () => void {
    regions.add(this as Region<{ as_of_ms?: number }>);
    const stop = effect(() => {
      this.address();
      if (session.value) void this.read();
    });
    return () => {
      stop();
      clearTimeout(this.timer);
      regions.delete(this as Region<{ as_of_ms?: number }>);
    };
  }

  /** Read soon; many calls are one read. */
  soon(): void {
    if (this.running || this.timer) {
      this.again = true;
      return;
    }
    void this.read();
  }

  /** Nothing has changed up to this time; what could not be read is read again. */
  current(ms: number): void {
    if (this.failed.value) return this.soon();
    if (!this.running && !this.again) this.asOf.value = Math.max(this.asOf.value, ms);
  }

  private async read(): Promise<void> {
    const address = this.address();
    if (address === null) return;
    this.running = true;
    this.again = false;
    try {
      const data = await this.fetch(address);
      if (address === this.address()) {
        batch(() => {
          this.data.value = data;
          this.from.value = address;
          this.asOf.value = data.as_of_ms ?? age.value?.as_of_ms ?? Date.now();
          this.failed.value = null;
        });
      }
    } catch (error) {
      this.failed.value = error instanceof Refused ? error.code : "network";
    } finally {
      this.running = false;
      this.timer = window.setTimeout(() => {
        this.timer = 0;
        if (this.again) this.soon();
      }, REREAD_MS);
    }
  }
}

const everything = (): void => regions.forEach((region) => region.soon());

/** Keeps the stream of changes while somebody is signed in; the browser sends Last-Event-ID. */
export function followChanges(): void {
  let source: EventSource | null = null;
  let watchdog = 0;
  const alive = () => {
    clearTimeout(watchdog);
    watchdog = window.setTimeout(() => (connection.value = "lost"), SILENT_MS);
  };
  const listen = (name: string, act: (data: string) => void) =>
    source?.addEventListener(name, (event) => {
      alive();
      connection.value = "live";
      act((event as MessageEvent<string>).data);
    });
  const open = () => {
    source = new EventSource("/api/changes");
    alive();
    source.onopen = () => {
      alive();
      if (connection.value === "lost") everything();
      connection.value = "live";
    };
    source.onerror = () => {
      connection.value = "lost";
      // A browser gives up for good when it is answered with an error; it must try again then.
      if (source?.readyState === EventSource.CLOSED) window.setTimeout(() => void tryAgain(), REOPEN_MS);
    };
    listen("change", (data) => {
      const change = JSON.parse(data) as Change;
      lastChange.value = change;
      regions.forEach((region) => region.concerns(change) && region.soon());
    });
    listen("answer", (data) => answers.dispatchEvent(new CustomEvent<Answer>("answer", { detail: JSON.parse(data) as Answer })));
    listen("age", (data) => {
      const heard = JSON.parse(data) as Age;
      age.value = heard;
      if (heard.history === "live") regions.forEach((region) => region.current(heard.as_of_ms));
    });
    listen("rebuilt", everything);
  };
  const tryAgain = async () => {
    await readSession().catch(() => undefined);
    source?.close();
    source = null;
    if (session.value) open();
  };
  effect(() => {
    if (session.value && !source) open();
    if (!session.value && source) {
      source.close();
      source = null;
      clearTimeout(watchdog);
      connection.value = "connecting";
    }
  });
}
