/** The options of `npm run simulate` that are numbers: defaults, bounds, meaning. Pure. */
import { socketsMax } from "../durable-objects/relay/bounds.ts";
import { eventBytesMax, requestEventsMax } from "../schemas/limits.ts";
import { shardsMax } from "../schemas/placement.ts";

interface Numeric {
  readonly default: number;
  readonly min: number;
  readonly max: number;
  readonly isWhole: boolean;
  readonly about: string;
}

function whole(value: number, [min, max]: readonly [number, number], about: string): Numeric {
  return { default: value, min, max, isWhole: true, about };
}

function real(value: number, [min, max]: readonly [number, number], about: string): Numeric {
  return { default: value, min, max, isWhole: false, about };
}

/** Costs in microseconds are CPU of one core, fitted to measurements on 2 shared cores: posts to DESIGN 6, calls to DESIGN 9, sends to
 *  DESIGN's «What "fast" means here» and REALTIME 4 (25.9 µs a delivery without batch frames; 7.0, 4.0 and 1.0 with about 10, 10 and 240
 *  events a frame). */
export const numbers = {
  subscribers: whole(100_000, [1, 10_000_000], "clients, spread over countries by their internet users"),
  rate: real(200, [0.1, 100_000], "events a second"),
  batch: whole(10, [1, requestEventsMax], "events in one post"),
  seconds: real(30, [1, 600], "seconds of posting, in virtual time"),
  loss: real(0, [0, 0.9], "probability that a call or its answer is lost"),
  jitter: real(0.2, [0, 5], "a way takes up to this share longer than the table says"),
  filters: real(0.3, [0, 1], "share of subscribers on a filtered view, one of eight chains"),
  "batch-frames": real(1, [0, 1], "share of sockets that take several events a frame (?batch=1, the SDK)"),
  "relay-sockets": whole(socketsMax, [1, socketsMax], "sockets after which a relay says that it is full"),
  shards: whole(0, [0, shardsMax], "relays of each region to begin with; 0: what its clients fill to 80 %"),
  "event-bytes": whole(1_000, [50, eventBytesMax], "an event as rendered; recorded ones have 960 on average"),
  "call-us": real(120, [0, 100_000], "CPU of a call, at each end"),
  "post-us": real(1_300, [0, 1_000_000], "CPU of the channel for a post: the whole path of one, an upper bound"),
  "post-event-us": real(31, [0, 100_000], "CPU of the channel for each event in it"),
  "send-us": real(25, [0, 100_000], "CPU of a relay for one send to one socket"),
  "frame-event-us": real(0.9, [0, 100_000], "CPU for each event in a batch frame, beside its send"),
  seed: whole(1, [0, 0xffff_ffff], "another seed, another run; the same seed, the same run"),
} as const satisfies Readonly<Record<string, Numeric>>;
export type NumberName = keyof typeof numbers;

/** Throws an error that names the option. */
export function readNumber(name: NumberName, text: string): number {
  const { min, max, isWhole } = numbers[name];
  const value = text.trim() === "" ? Number.NaN : Number(text);
  const isGood = Number.isFinite(value) && value >= min && value <= max && (!isWhole || Number.isInteger(value));
  if (!isGood) throw new Error(`--${name} must be a ${isWhole ? "whole " : ""}number from ${min} to ${max}, not "${text.slice(0, 40)}"`);
  return value;
}
