/** The stand-in Contabo: plays the lanes of the event set against the edge, each event when it falls due, in small batches.
 *  Lanes run side by side; inside a lane one batch follows the other, so that an entity's events arrive in order. */
import { setTimeout as sleep } from "node:timers/promises";
import type { EdgeEvent } from "../schemas/event.ts";
import { renderEvent } from "../schemas/render.ts";
import { postBatch, type Endpoint, type PostOutcome } from "./post.ts";
import { LaneRebaser } from "./rebase.ts";
import type { TimedEvent } from "./timeline.ts";

export interface Observer {
  /** Before the batch is sent for the first time. */
  posting(events: readonly EdgeEvent[], atMs: number): void;
  answered(events: readonly EdgeEvent[], outcome: PostOutcome): void;
}

export interface ContaboOptions {
  readonly endpoint: Endpoint;
  readonly lanes: readonly (readonly TimedEvent[])[];
  /** Recorded time passes this many times as fast. */
  readonly speed: number;
  /** Makes this run's ids its own; letters and digits. */
  readonly runId: string;
  readonly observer: Observer;
  readonly signal: AbortSignal;
}

/** Small on purpose: a lane that fell behind catches up without one huge request. */
const batchEventsMax = 50;

/** Resolves when the last batch was answered; rejects when one could not be posted or `signal` aborts. */
export async function runContabo(options: ContaboOptions): Promise<void> {
  const startMs = Date.now();
  await Promise.all(options.lanes.map((lane) => runLane(lane, startMs, options)));
}

async function runLane(lane: readonly TimedEvent[], startMs: number, options: ContaboOptions): Promise<void> {
  const { endpoint, speed, observer, signal } = options;
  const rebaser = new LaneRebaser(options.runId);
  const dueAtMs = (timed: TimedEvent): number => startMs + timed.dueMs / speed;
  let next = 0;
  for (let first = lane[next]; first !== undefined; first = lane[next]) {
    const waitMs = dueAtMs(first) - Date.now();
    if (waitMs > 0) await sleep(waitMs, undefined, { signal });
    const due = dueBatch(lane.slice(next, next + batchEventsMax), Date.now(), dueAtMs);
    next += due.length;
    const events = due.map((timed) => rebaser.rebase(timed.event, dueAtMs(timed)));
    const body = `[${events.map(renderEvent).join(",")}]`;
    observer.posting(events, Date.now());
    observer.answered(events, await postBatch(endpoint, body, signal));
  }
}

/** The leading events that are due by `nowMs`; at least one, since timers may fire a millisecond early. */
export function dueBatch(candidates: readonly TimedEvent[], nowMs: number, dueAtMs: (timed: TimedEvent) => number): readonly TimedEvent[] {
  const firstLater = candidates.findIndex((timed, index) => index > 0 && dueAtMs(timed) > nowMs);
  return firstLater === -1 ? candidates : candidates.slice(0, firstLater);
}
