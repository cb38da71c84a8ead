/** Makes one batch of a stream durable, however long that takes within its bound: a full channel, an unknown outcome or a used-up quota holds
 *  the stream, and with it the sender, before it ends it. Order is kept: the next batch waits for this one. */
import { AppError } from "../../platform/errors.ts";
import { streamHoldMs } from "../../schemas/limits.ts";
import { deliverEvents } from "../ingest/publish.ts";
import type { Delivery, PublishDeps } from "../ingest/publish.ts";
import type { ValidEvent } from "../ingest/validate.ts";

export interface StreamDeps extends PublishDeps {
  /** Takes the events from the sender's allowance and returns 0, or takes nothing and returns how long to wait. */
  reserve(events: number): number;
  /** What a sender is told whose allowance did not suffice in time. */
  overQuota(waitMs: number): AppError;
}

/** An outage is over in seconds or it is not: tried again this often. */
const retryUnknownMs = 2_000;

/** The places, in `events`, of those that were known. Throws AppError when they could not be made durable in time: RATE_LIMIT_EXCEEDED,
 *  CAPACITY_EXCEEDED or UPSTREAM_UNAVAILABLE. What landed all the same is a duplicate when it is sent again. */
export async function deliverBatch(events: readonly ValidEvent[], delivery: Delivery, deps: StreamDeps): Promise<ReadonlySet<number>> {
  const repeats = new Set<number>();
  if (events.length === 0) return repeats;
  const endMs = deps.nowMs() + streamHoldMs;
  await reserve(events.length, endMs, deps);
  for (let places = [...events.keys()]; ;) {
    const outcome = await deliverEvents(pick(events, places), delivery, deps);
    for (const repeat of pick(places, [...outcome.repeats])) repeats.add(repeat);
    if (outcome.kind === "durable") return repeats;
    places = pick(places, outcome.held).sort((a, b) => a - b);
    const waitMs = outcome.kind === "full" ? outcome.retryAfterMs : retryUnknownMs;
    if (deps.nowMs() + waitMs > endMs) throw outcome.kind === "full" ? stillFull(waitMs) : unknown(waitMs);
    deps.report("ingest.stream.held", { events: places.length, reason: outcome.kind, wait_ms: waitMs });
    await deps.wait(waitMs);
  }
}

async function reserve(events: number, endMs: number, deps: StreamDeps): Promise<void> {
  for (let waitMs = deps.reserve(events); waitMs > 0; waitMs = deps.reserve(events)) {
    if (deps.nowMs() + waitMs > endMs) throw deps.overQuota(waitMs);
    await deps.wait(waitMs);
  }
}

function pick<T>(all: readonly T[], places: readonly number[]): T[] {
  return places.flatMap((place) => all[place] ?? []);
}

function stillFull(waitMs: number): AppError {
  return new AppError("CAPACITY_EXCEEDED", "the channel is full: go on from this line later", { retryAfterSeconds: secondsOf(waitMs) });
}

function unknown(waitMs: number): AppError {
  const message = "outcome unknown from this line on: sending the events again is always safe";
  return new AppError("UPSTREAM_UNAVAILABLE", message, { retryAfterSeconds: secondsOf(waitMs) });
}

function secondsOf(waitMs: number): number {
  return Math.max(1, Math.ceil(waitMs / 1_000));
}
