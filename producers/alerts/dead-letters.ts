/** Tells the `alerts` channel that dead letters wait: at once when new ones came, then each hour as long as any is left. The edge's own events take
 *  the way of all events. */
import { streamOf } from "../../channels/catalogue.ts";
import { AppError } from "../../platform/errors.ts";
import { parseEvent } from "../../schemas/event.ts";
import { toPublication } from "../../schemas/version.ts";
import { deliverEvents } from "../ingest/publish.ts";
import type { PublishDeps } from "../ingest/publish.ts";

/** As often as the cron looks (wrangler.toml). */
export const alertEveryMs = 10 * 60_000;
const reminderEveryMs = 3_600_000;

export interface Waiting {
  readonly count: number;
  readonly oldestMs?: number;
  readonly newestMs?: number;
}

/** The event, or undefined when nobody need be told now. Its id is the period's: a cron that runs twice tells once. */
export function deadLetterAlert({ count, oldestMs, newestMs }: Waiting, nowMs: number): Readonly<Record<string, unknown>> | undefined {
  if (count === 0 || oldestMs === undefined || newestMs === undefined) return undefined;
  const isNew = nowMs - newestMs < alertEveryMs;
  const isReminder = nowMs % reminderEveryMs < alertEveryMs;
  if (!isNew && !isReminder) return undefined;
  const time = new Date(nowMs).toISOString();
  const since = new Date(oldestMs).toISOString();
  return {
    specversion: "1.0",
    id: `dead-letters-${Math.floor(nowMs / alertEveryMs)}`,
    source: "arbitragex-edge",
    type: "system.alert",
    time,
    data: {
      level: "warning",
      category: "dead_letters",
      message: `${count} ${count === 1 ? "dead letter waits" : "dead letters wait"} since ${since}: GET /ops/dead-letters`,
      timestamp: time,
      metadata: { count, oldest: since },
    },
  };
}

/** Throws when the channel does not take it: the next cron tries again. */
export async function raiseDeadLetterAlert(waiting: Waiting, deps: PublishDeps): Promise<void> {
  const alert = deadLetterAlert(waiting, deps.nowMs());
  if (alert === undefined) return;
  const parsed = parseEvent(alert);
  if (!parsed.ok) throw new Error(`the alert is not an event: ${parsed.fault.path} ${parsed.fault.message}`);
  const outcome = await deliverEvents([{ stream: streamOf(parsed.event.type), publication: toPublication(parsed.event) }], "live", deps);
  if (outcome.kind !== "durable") throw new AppError("UPSTREAM_UNAVAILABLE", "the alert was not taken");
}
