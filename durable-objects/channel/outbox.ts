/** Hands the log over to the queues: a cursor per queue, packed messages, at least once (DESIGN 2). A queue that refuses is tried again
 *  later from its cursor; the cursor moves only after the send. */
import type { Sink } from "../../channels/catalogue.ts";
import { flushDelayMs, packedBytesMax, queueSendTimeoutMs, sendBatchMessagesMax } from "../../schemas/limits.ts";
import { packPositions } from "../../schemas/pack.ts";
import { backoffMs } from "../../platform/backoff.ts";
import { messageOf } from "../../platform/errors.ts";
import { logWarning } from "../../platform/log.ts";
import { withTimeout } from "../../platform/timeout.ts";
import type { Log } from "./log.ts";
import type { ChannelStorage, Identity } from "./storage.ts";

const retry = { firstMs: 250, maxMs: 15_000 } as const;
/** One flush works no longer than this, so that the alarm can serve what else is due. */
const flushBudgetMs = 5_000;

interface Cursor {
  /** First offset not yet handed over. */
  next: number;
  failures: number;
  retryAt: number;
}

export interface OutboxDeps {
  readonly storage: ChannelStorage;
  readonly log: Log;
  queue(sink: Sink): Queue;
  now(): number;
}

export class Outbox {
  readonly #identity: Identity;
  readonly #deps: OutboxDeps;
  readonly #cursors: Map<Sink, Cursor>;

  constructor(identity: Identity, sinks: readonly Sink[], deps: OutboxDeps) {
    this.#identity = identity;
    this.#deps = deps;
    const stored = deps.storage.cursors();
    this.#cursors = new Map(sinks.map((sink) => [sink, { next: stored[sink] ?? 1, failures: 0, retryAt: 0 }]));
  }

  get hasQueues(): boolean {
    return this.#cursors.size > 0;
  }

  /** First offset that some queue has not taken; beyond the top when all have. */
  get next(): number {
    const { top } = this.#deps.log.head;
    return Math.min(top + 1, ...[...this.#cursors.values()].map(({ next }) => next));
  }

  nextOf(sink: Sink): number {
    return this.#cursors.get(sink)?.next ?? this.#deps.log.head.top + 1;
  }

  depths(): Record<string, number> {
    const { top } = this.#deps.log.head;
    return Object.fromEntries([...this.#cursors].map(([sink, { next }]) => [sink, Math.max(0, top + 1 - next)]));
  }

  /** When to flush next, or undefined with nothing to hand over. */
  due(now: number): number | undefined {
    const { top } = this.#deps.log.head;
    const times = [...this.#cursors.values()].filter(({ next }) => next <= top).map(({ retryAt }) => Math.max(retryAt, now + flushDelayMs));
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** Hands positions over once more: a message the queue lost may not freeze the snapshots. */
  rewind(sink: Sink, offset: number): void {
    const cursor = this.#cursors.get(sink);
    if (cursor !== undefined && offset < cursor.next) cursor.next = offset;
  }

  async flush(now: number): Promise<void> {
    const before = JSON.stringify([...this.#cursors.values()].map(({ next }) => next));
    const ready = [...this.#cursors].filter(([, cursor]) => cursor.retryAt <= now);
    await Promise.all(ready.map(([sink, cursor]) => this.#drain(sink, cursor)));
    const after = JSON.stringify([...this.#cursors.values()].map(({ next }) => next));
    if (after !== before) this.#deps.storage.write("cursors", Object.fromEntries([...this.#cursors].map(([sink, { next }]) => [sink, next])));
  }

  async #drain(sink: Sink, cursor: Cursor): Promise<void> {
    const { log, now } = this.#deps;
    const endAt = now() + flushBudgetMs;
    try {
      while (cursor.next <= log.head.top && now() < endAt) {
        const rows = log.rowsAfter(cursor.next - 1, packedBytesMax * sendBatchMessagesMax);
        if (rows.length === 0) throw new Error(`the log does not hold offset ${cursor.next}`);
        const messages = packPositions(this.#identity.stream, this.#identity.epoch, rows).slice(0, sendBatchMessagesMax);
        const sent = this.#deps.queue(sink).sendBatch(messages.map(({ body }) => ({ body, contentType: "text" as const })));
        await withTimeout(sent, queueSendTimeoutMs, `queue ${sink}`);
        cursor.next = (messages.at(-1)?.last ?? cursor.next) + 1;
        cursor.failures = 0;
      }
    } catch (error) {
      cursor.failures += 1;
      cursor.retryAt = now() + backoffMs(retry, cursor.failures, Math.random());
      logWarning("channel.outbox.refused", { stream: this.#identity.stream, sink, failures: cursor.failures, reason: messageOf(error) });
    }
  }
}
