/** Decides by what already waits in the inbox whether more may be parked, and how fast: senders feel a backlog long before the queue does.
 *  What is parked, and the waiting, is publish.ts's. */
import { messageOf } from "../../platform/errors.ts";
import type { LogFields } from "../../platform/log.ts";
import { withTimeout } from "../../platform/timeout.ts";
import {
  backlogBytesMax,
  backlogBytesSlow,
  backlogFreshMs,
  backlogMessagesMax,
  backlogMessagesSlow,
  backlogTimeoutMs,
  parkDelayMsMax,
} from "../../schemas/limits.ts";

export interface InboxBacklog {
  readonly backlogCount: number;
  readonly backlogBytes: number;
}

export type Parking =
  | { readonly kind: "open" }
  /** Park, and answer after this long. */
  | { readonly kind: "slow"; readonly delayMs: number }
  | { readonly kind: "full"; readonly retryAfterMs: number };

/** The consumer works off a bounded share of the rate: a backlog this large is not gone sooner. */
const fullRetryMs = 30_000;
/** The delay is whole when the backlog is this many times what slows it first. */
const wholeDelayAt = 4;

/** Pure. */
export function parkingFor({ backlogCount, backlogBytes }: InboxBacklog): Parking {
  if (backlogCount >= backlogMessagesMax || backlogBytes >= backlogBytesMax) return { kind: "full", retryAfterMs: fullRetryMs };
  const excess = Math.max(backlogCount / backlogMessagesSlow, backlogBytes / backlogBytesSlow) - 1;
  if (excess < 0) return { kind: "open" };
  return { kind: "slow", delayMs: Math.ceil(parkDelayMsMax * Math.min(1, (excess + 0.1) / (wholeDelayAt - 1))) };
}

export interface BacklogDeps {
  ask(): Promise<InboxBacklog>;
  nowMs(): number;
  report(event: string, fields: LogFields): void;
}

/** What the queue last said, asked for only by those who are about to park. */
export class Backlog {
  #known: { readonly atMs: number; readonly backlog: InboxBacklog } | undefined;

  /** A queue that does not say how full it is takes what it takes: its refusal is an answer as well. */
  async parking(deps: BacklogDeps): Promise<Parking> {
    const nowMs = deps.nowMs();
    if (this.#known === undefined || nowMs - this.#known.atMs >= backlogFreshMs) {
      this.#known = { atMs: nowMs, backlog: await askInTime(deps, this.#known?.backlog ?? empty) };
    }
    return parkingFor(this.#known.backlog);
  }
}

const empty: InboxBacklog = { backlogCount: 0, backlogBytes: 0 };

async function askInTime(deps: BacklogDeps, last: InboxBacklog): Promise<InboxBacklog> {
  try {
    return await withTimeout(deps.ask(), backlogTimeoutMs, "the inbox's backlog");
  } catch (error) {
    deps.report("ingest.backlog.unknown", { reason: messageOf(error) });
    return last;
  }
}
