/** What the server sends; docs/records.md says what the records' fields mean. */

export type Colour = "red" | "orange" | "yellow" | "blue";
export type AnyColour = Colour | "clear";
export type Text = { en: string; zh: string };
export const COLOURS: readonly Colour[] = ["red", "orange", "yellow", "blue"];

export type Session = {
  user: string;
  name: string;
  role: string;
  lifelines: string[];
  districts: string[];
  desks: string[];
  may: string[];
  csrf: string;
  city: { name: Text; zone: string };
  version: string;
  methods: string[];
};

export type Lifeline = { name: string; title: Text; watched: number | null; channels: number };
export type District = { name: string; title: Text; outline: [number, number][][] | null };
export type Cell = {
  lifeline: string;
  district: string;
  colour: AnyColour | null;
  open: number;
  unacknowledged: number;
  usual_a_day: number | null;
  today: number;
};
export type Desk = {
  name: string;
  title: Text;
  watched: number | null;
  /** Areas in which nothing is watched. */
  blind: number;
  notices_10min: number;
  budget: number;
  flood: boolean;
  /** By the last heartbeat of the desk. */
  on_duty: string[];
};
export type City = {
  as_of_ms: number;
  lifelines: Lifeline[];
  districts: District[];
  cells: Cell[];
  desks: Desk[];
  colours: Partial<Record<Colour, number>>;
  /** Whether a drill lasts: all that is told meanwhile says so. */
  drill: boolean;
};

export type Line = {
  id: string;
  revision: number;
  colour: AnyColour;
  state: string;
  ticket_state: string;
  owner: string;
  joint: string[];
  acknowledged: boolean;
  acknowledged_by: string;
  district: string;
  lifelines: string[];
  title: Text;
  people: number;
  alarms: number;
  life_safety: boolean;
  drill: boolean;
  shelved: boolean;
  onset_ms: number | null;
  told_ms: number | null;
  due_ms: number | null;
  due_for: string;
  overdue: boolean;
};
export type Lines = { as_of_ms: number; incidents: Line[]; more: boolean };

export type Why = { how: string; by?: string; edge?: string; hops?: number; delay_s?: number; weight?: number };
export type Member = {
  alarm: string;
  asset: string;
  channel: string;
  lifeline: string;
  colour: AnyColour;
  state: string;
  onset: string;
  why: Why;
};
export type Cause = { asset: string; lifeline: string; kind: string; alarm: string; hypothesis: Text; weight: number };
export type Impact = { people: number; in_30_min: number; in_60_min: number; critical: string[] };
export type NextLoss = { asset: string; earliest: string; latest: string; probability: number; people: number };
export type Step = { at: string; what: string; by: string; reason?: string };
export type Clock = { level: string; desk: string; acknowledge_by: string; escalates_to: string; fired?: string };
export type Incident = {
  id: string;
  revision: number;
  situation: {
    colour: AnyColour;
    raised: string[];
    root: Cause | null;
    alternatives: Cause[];
    members: Member[];
    impact: Impact;
    next: NextLoss[];
    where: { district: string; street: string; neighbourhood: string };
  };
  ticket: { state: string; owner: string; joint: string[]; history: Step[] };
  clocks: Clock[];
};
export type Alarm = {
  id: string;
  revision: number;
  state: string;
  colour: AnyColour;
  lifeline: string;
  channel: string;
  onset: string;
  detected: string;
  say: Text;
  observed: number | null;
  expected: number | null;
  band: (number | null)[];
  unit: string;
  cause: string;
  respond: { procedure: string; first: string[] };
  rule: { name: string; at: string; source: string };
};
export type TimelineEntry = { at_ms: number; kind: string; id: string; what: string; who: string; detail: string };
export type IncidentPage = {
  as_of_ms: number;
  line: Line;
  incident: Incident;
  alarms: { alarm: Alarm; answer: { state: string } | null }[];
  timeline: TimelineEntry[];
  next: string[];
  may: string[];
};

/** A limit of a channel, and where it was written. */
export type Threshold = { side: "low" | "high"; colour: Colour; value: number; file: string; line: number };
/** A reading that no rule scored, and why. */
export type RefusedReading = { time_ms: number; value: number | null; reason: string };
export type Readings = {
  begin_ms: number;
  end_ms: number;
  from_ms: number | null;
  until_ms: number | null;
  times_ms: number[];
  values: number[];
  refused: RefusedReading[];
  /** More lies in the window than may be read at once. */
  cut: boolean;
  /** Short reads that are spread over a window that was too much; 0 where it was read as a whole. */
  looks: number;
  /** Where the log begins, if that is within the window. */
  log_begins_ms: number | null;
  unit: string;
  thresholds: Threshold[];
};
export type ChannelPage = {
  channel: string;
  lifeline: string;
  class: string;
  asset: string;
  district: string;
  place: string;
  unit: string;
  tags: Record<string, string>;
  alarms: { id: string; revision: number; record: Alarm }[];
  /** What the reader may do with it. */
  may: string[];
  shelving: { by: string; reason: string; until: string } | null;
  /** Other channels of the same asset. */
  beside: string[];
  rules: { name: string; kind: string; text: string; file: string; line: number }[];
};

/** Two bounds; of functionality the first takes what was blind as lost, the second as served. */
export type Pair = [number, number];
export type Phase = "detected" | "acknowledged" | "dispatched" | "arrived" | "contained";
export const PHASES: readonly Phase[] = ["detected", "acknowledged", "dispatched", "arrived", "contained"];
export type LifelineRecovery = {
  lifeline: string;
  unit: "people" | "assets";
  of: number;
  now: Pair;
  lowest: Pair;
  lost_minutes: Pair;
  basic_ms: [number | null, number | null];
  restored_ms: [number | null, number | null];
  /** Empty for a period. */
  before: Partial<Record<Phase, Pair | null>>;
  /** Time, functionality with what was blind as lost, and as served. */
  curve: [number, number, number][];
};
export type Recovery = {
  as_of_ms: number;
  begins_ms: number;
  ends_ms: number;
  lifelines: LifelineRecovery[];
  unplaced: number;
  unlisted: number;
  incidents: { incident: string; title: Text; lifeline: string; lost_minutes: number }[];
  title: Text;
  over: boolean;
  moments_ms: Partial<Record<Phase | "event", number>>;
  dependent: Pair | null;
  second_feeds: { parent: string; child: string; saved_minutes: Pair }[];
};

export type Asset = {
  id: string;
  lifeline: string;
  title: Text;
  lon: number | null;
  lat: number | null;
  colour: AnyColour | null;
  incident: string | null;
  drill: boolean;
};
export type Assets = { assets: Asset[]; feeds: [string, string][] };

export type Row = Record<string, string | number | boolean | null>;
/** A work order as it was given last; times are milliseconds since 1970 UTC. */
export type Order = { order: string; assets: string; area: string; begins_ms: number; ends_ms: number; reason: string; by: string };
/** Lanes of a lifeline that no worker watches; `since_ms` is null where one never was. */
export type Unwatched = { lifeline: string; silent: number; lanes: number; since_ms: number | null };
/** `unwatched` is null while it cannot be known. */
export type Age = { as_of_ms: number; history: "live" | "away"; stage: "live" | "away"; unwatched?: Unwatched[] | null };
export type Answer = { command: string; refused: boolean; reason: string; detail: string };
