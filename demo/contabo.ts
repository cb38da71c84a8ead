/** The stand-in Contabo: plays the lanes of the event set against the edge, each event when it falls due, through the publisher that any
 *  backend may use. Lanes run side by side, each with a publisher of its own: inside a lane one batch follows the other, so that an
 *  entity's events arrive in order. */
import { setTimeout as sleep } from "node:timers/promises";
import type { EdgeEvent } from "../schemas/event.ts";
import { createPublisher, type Publisher, type PublishEvent } from "../sdk/publisher/index.ts";
import type { Endpoint, PostOutcome } from "./post.ts";
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
  const { speed, observer, signal } = options;
  const poster = new Poster(options.endpoint, signal);
  const rebaser = new LaneRebaser(options.runId);
  const dueAtMs = (timed: TimedEvent): number => startMs + timed.dueMs / speed;
  let next = 0;
  for (let first = lane[next]; first !== undefined; first = lane[next]) {
    const waitMs = dueAtMs(first) - Date.now();
    if (waitMs > 0) await sleep(waitMs, undefined, { signal });
    const due = dueBatch(lane.slice(next, next + batchEventsMax), Date.now(), dueAtMs);
    next += due.length;
    const events = due.map((timed) => rebaser.rebase(timed.event, dueAtMs(timed)));
    observer.posting(events, Date.now());
    observer.answered(events, await poster.post(events));
  }
}

/** One lane's publisher: what is due goes out at once and is waited for. */
class Poster {
  readonly #publisher: Publisher;
  #answered: { accepted: number; duplicates: number; attempts: number }[] = [];

  constructor({ baseUrl, apiKey }: Endpoint, signal: AbortSignal) {
    this.#publisher = createPublisher({
      url: baseUrl,
      key: apiKey,
      lingerMs: 0,
      batchEventsMax,
      onBatch: (batch) => this.#answered.push(batch),
    });
    signal.addEventListener("abort", () => void this.#publisher.close(0), { once: true });
  }

  /** Throws when one could not be posted. */
  async post(events: readonly EdgeEvent[]): Promise<PostOutcome> {
    this.#answered = [];
    // Each was parsed when it was re-based: its data is that of its type.
    const results = await Promise.all(events.map((event) => this.#publisher.publish(event as unknown as PublishEvent)));
    for (const result of results) if (result.kind === "failed") throw new Error(`${result.id}: ${result.code} ${result.message}`);
    const sum = (of: (batch: { accepted: number; duplicates: number }) => number): number =>
      this.#answered.reduce((total, batch) => total + of(batch), 0);
    return {
      accepted: sum(({ accepted }) => accepted),
      duplicates: sum(({ duplicates }) => duplicates),
      rejected: results.flatMap((result, index) => (result.kind === "rejected" ? [{ ...result, index }] : [])),
      attempts: Math.max(...this.#answered.map(({ attempts }) => attempts)),
    };
  }
}

/** The leading events that are due by `nowMs`; at least one, since timers may fire a millisecond early. */
export function dueBatch(candidates: readonly TimedEvent[], nowMs: number, dueAtMs: (timed: TimedEvent) => number): readonly TimedEvent[] {
  const firstLater = candidates.findIndex((timed, index) => index > 0 && dueAtMs(timed) > nowMs);
  return firstLater === -1 ? candidates : candidates.slice(0, firstLater);
}
