/** How many events a second each sender may post: one allowance for each ingest key, counted in this isolate alone, apart from any limit on
 *  requests. So it is approximate: a sender whose posts spread over isolates has a share in each. Who the sender is, is the caller's. */
import { AppError } from "../../platform/errors.ts";
import { quotaBurstEvents, quotaEventsPerSecond } from "../../schemas/limits.ts";

export interface Rate {
  readonly eventsPerSecond: number;
  /** Events at once from a sender that was quiet. More in one request are never admitted. */
  readonly burstEvents: number;
}

export const ingestRate: Rate = { eventsPerSecond: quotaEventsPerSecond, burstEvents: quotaBurstEvents };

export class Quota {
  readonly rate: Rate;
  /** By sender: when all that it was granted would have come at the steady rate (GCRA). As many as there are keys. */
  readonly #dueMs = new Map<string, number>();

  constructor(rate: Rate) {
    this.rate = rate;
  }

  /** Takes the events from the sender's allowance and returns 0, or takes nothing and returns how long to wait. */
  take(sender: string, events: number, nowMs: number): number {
    const everyMs = 1_000 / this.rate.eventsPerSecond;
    const dueMs = Math.max(this.#dueMs.get(sender) ?? 0, nowMs) + events * everyMs;
    const waitMs = dueMs - this.rate.burstEvents * everyMs - nowMs;
    if (waitMs > 0) return Math.ceil(waitMs);
    this.#dueMs.set(sender, dueMs);
    return 0;
  }
}

/** What a sender past its allowance is told: the limit by name, and when to come back. */
export function overQuota({ eventsPerSecond }: Rate, waitMs: number): AppError {
  return new AppError("RATE_LIMIT_EXCEEDED", `your key may post ${eventsPerSecond} events a second: wait, then go on`, {
    details: { limit: "events_per_second", events_per_second: eventsPerSecond },
    retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1_000)),
  });
}
