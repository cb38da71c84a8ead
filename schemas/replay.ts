/** A replay as it is ordered, as it is stored, and as operators see it. */
import { z } from "zod";
import { PositionRange } from "./manifest.ts";
import { replayFactorMax, replayFactorMin } from "./limits-replay.ts";

export const replayModes = ["channel", "rebuild", "dry-run"] as const;
export type ReplayMode = (typeof replayModes)[number];

/** queued: its Workflow has not begun. failed and cancelled ones can be resumed like paused ones: their position is kept. */
export const replayStates = ["queued", "running", "paused", "cancelled", "done", "failed"] as const;
export type ReplayState = (typeof replayStates)[number];

/** What a running replay was told and has not done yet. */
export const replayWishes = ["pause", "cancel"] as const;
export type ReplayWish = (typeof replayWishes)[number];

/** Also the last part of a channel's name, and of a table's. */
export const ReplayId = z.string().regex(/^[0-9a-z]{1,64}$/, "must be a replay's id: lower-case letters and digits");

const paceRule = `must be instant, original, or x and a factor from ${replayFactorMin} to ${replayFactorMax}, such as x10`;

export const ReplayPace = z.string(paceRule).refine((text) => factorOf(text) !== undefined, paceRule);

/** How many times as fast as it was; infinite for instant, undefined for what is no pace. */
export function factorOf(pace: string): number | undefined {
  if (pace === "instant") return Number.POSITIVE_INFINITY;
  if (pace === "original") return 1;
  const factor = /^x(\d{1,4}(?:\.\d{1,3})?)$/.exec(pace)?.[1];
  if (factor === undefined || Number(factor) < replayFactorMin || Number(factor) > replayFactorMax) return undefined;
  return Number(factor);
}

/** What was ordered; never changes. */
export const ReplaySpec = z.object({
  v: z.literal(1),
  mode: z.enum(replayModes),
  streams: z.array(z.string()).min(1),
  fromMs: z.int(),
  /** Exclusive. */
  toMs: z.int(),
  types: z.array(z.string()).optional(),
  entities: z.array(z.string()).optional(),
  pace: ReplayPace,
  eventsPerSecondMax: z.int().positive(),
  verify: z.boolean(),
  deliveryLimit: z.int().positive().optional(),
});
export type ReplaySpec = z.infer<typeof ReplaySpec>;

const Count = z.int().nonnegative();

/** The last line of a stream that was read. */
const Cursor = z.object({ epoch: z.string(), offset: z.int(), at: z.int() });
export type Cursor = z.infer<typeof Cursor>;

const StreamRange = PositionRange.extend({ stream: z.string() });
export type StreamRange = z.infer<typeof StreamRange>;

export const SampleLine = z.object({ stream: z.string(), ...Cursor.shape, event: z.unknown() });
export type SampleLine = z.infer<typeof SampleLine>;

/** What a dry run has counted. */
export const ReplayTally = z.object({
  byType: z.record(z.string(), Count),
  /** Minutes or hours, counted from 1970. */
  byTime: z.record(z.string(), Count),
  /** Every `stride`-th line; it doubles when there are too many. */
  stride: z.int().positive(),
  sample: z.array(SampleLine),
});
export type ReplayTally = z.infer<typeof ReplayTally>;

/** How far a replay is: all that the next slice needs, written in one piece, so that what is counted is what lies before the position. */
export const ReplayCheckpoint = z.object({
  v: z.literal(1),
  /** By stream; one of which nothing was read has none. */
  cursors: z.record(z.string(), Cursor),
  position: Cursor.extend({ stream: z.string() }).optional(),
  read: Count,
  matched: Count,
  sent: Count,
  /** Characters of what matched. */
  chars: Count,
  /** What the sink counted, summed up. */
  taken: z.record(z.string(), z.number()),
  missing: z.array(StreamRange),
  missingPositions: Count,
  /** Of which run the next two are: a pause is no time that passes. */
  run: Count,
  /** When the run began, and what had been read then: where a rate is measured from. */
  since: z.object({ wallMs: z.int(), read: Count }).optional(),
  /** When the run's first line went out, and when it was sequenced: what an original pace is measured from. */
  anchor: z.object({ wallMs: z.int(), at: z.int() }).optional(),
  /** Positions that the log says it holds in the window, and the objects that hold them. */
  total: Count.optional(),
  objects: Count.optional(),
  tally: ReplayTally.optional(),
});
export type ReplayCheckpoint = z.infer<typeof ReplayCheckpoint>;

export const newCheckpoint: ReplayCheckpoint = {
  v: 1,
  cursors: {},
  read: 0,
  matched: 0,
  sent: 0,
  chars: 0,
  taken: {},
  missing: [],
  missingPositions: 0,
  run: 0,
};

/** A row of `replays`, its texts parsed. */
export interface ReplayRow {
  readonly id: string;
  readonly state: ReplayState;
  readonly wanted: ReplayWish | undefined;
  /** Grows with each resume: what an earlier one still writes is refused. */
  readonly run: number;
  readonly requestedBy: string;
  readonly createdMs: number;
  readonly startedMs: number | undefined;
  readonly endedMs: number | undefined;
  /** When it was last heard of. */
  readonly touchedMs: number;
  readonly spec: ReplaySpec;
  readonly checkpoint: ReplayCheckpoint;
  readonly result: Readonly<Record<string, unknown>> | undefined;
  readonly error: string | undefined;
}

/** What an instance of the Workflow is started with. `leg` counts the instances of one run. */
export interface ReplayOrder {
  readonly id: string;
  readonly run: number;
  readonly leg: number;
}

/** The name of an instance: what is started twice is one. */
export function replayInstance({ id, run, leg }: ReplayOrder): string {
  return `${id}-${run}-${leg}`;
}

const Instant = z.iso.datetime();

/** As operators see it. */
export const Replay = z.object({
  id: ReplayId,
  mode: z.enum(replayModes),
  state: z.enum(replayStates),
  wanted: z.enum(replayWishes).optional().describe("what it was told and has not done yet"),
  streams: z.array(z.string()),
  from: Instant,
  to: Instant,
  types: z.array(z.string()).optional(),
  entities: z.array(z.string()).optional(),
  pace: z.string(),
  events_per_second_max: z.int(),
  verify: z.boolean().optional(),
  delivery_limit: z.int().optional(),
  channel: z.string().optional().describe("replay:<id>: where mode channel publishes"),
  position: z
    .object({ stream: z.string(), epoch: z.string(), offset: z.int(), at: Instant })
    .optional()
    .describe("the last line that was read"),
  progress: z.object({
    read: z.int(),
    matched: z.int(),
    sent: z.int(),
    total: z.int().optional().describe("positions that the log says it holds in the window"),
    percent: z.number().optional(),
    rate_per_second: z.number().optional(),
    eta_seconds: z.number().optional(),
  }),
  result: z.record(z.string(), z.unknown()).optional().describe("by mode; docs/R2.md"),
  error: z.string().optional(),
  created_at: Instant,
  started_at: Instant.optional(),
  ended_at: Instant.optional(),
  requested_by: z.string(),
});
export type Replay = z.infer<typeof Replay>;
