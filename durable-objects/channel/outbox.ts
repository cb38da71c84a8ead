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
import type { ChannelStorage, Cursors, Identity } from "./storage.ts";

const retry = { firstMs: 250, maxMs: 15_000 } as const;
/** One flush works no longer than this, so that a queue far behind does not hold the object. */
const flushBudgetMs = 5_000;
/** The alarm waits this long for the queues, which usually answer within milliseconds. */
const patienceMs = 1_000;

interface Cursor {
  /** First offset not yet handed over. */
  next: number;
  failures: number;
  retryAt: number;
  /** A drain is under way. */
  busy: boolean;
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
  #saved: Cursors;

  constructor(identity: Identity, sinks: readonly Sink[], deps: OutboxDeps) {
    this.#identity = identity;
    this.#deps = deps;
    this.#saved = deps.storage.cursors();
    this.#cursors = new Map(sinks.map((sink) => [sink, { next: this.#saved[sink] ?? 1, failures: 0, retryAt: 0, busy: false }]));
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
    const times = [...this.#cursors.values()]
      .filter(({ next }) => next <= top)
      .map(({ retryAt, busy }) => Math.max(retryAt, now + (busy ? patienceMs : flushDelayMs)));
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** Hands positions over once more: a message the queue lost may not freeze the snapshots. */
  rewind(sink: Sink, offset: number): void {
    const cursor = this.#cursors.get(sink);
    if (cursor !== undefined && offset < cursor.next) cursor.next = offset;
  }

  /** Sends what is due. A queue that hangs goes on in the background: it holds up neither the alarm nor the other queue. */
  async flush(now: number): Promise<void> {
    const ready = [...this.#cursors].filter(([, cursor]) => !cursor.busy && cursor.retryAt <= now);
    const drained = Promise.all(ready.map(([sink, cursor]) => this.#drain(sink, cursor))).then(() => this.#save());
    await Promise.race([drained, new Promise((resolve) => setTimeout(resolve, patienceMs))]);
  }

  #save(): void {
    const next = Object.fromEntries([...this.#cursors].map(([sink, cursor]) => [sink, cursor.next]));
    if (Object.entries(next).every(([sink, offset]) => this.#saved[sink] === offset)) return;
    this.#deps.storage.write("cursors", next);
    this.#saved = next;
  }

  async #drain(sink: Sink, cursor: Cursor): Promise<void> {
    const { log, now } = this.#deps;
    const endAt = now() + flushBudgetMs;
    cursor.busy = true;
    try {
      while (cursor.next <= log.head.top && now() < endAt) {
        const rows = log.rowsAfter(cursor.next - 1, packedBytesMax * sendBatchMessagesMax);
        if (rows.length === 0) throw new Error(`the log does not hold offset ${cursor.next}`);
        const messages = packPositions({ ...this.#identity, sink }, rows).slice(0, sendBatchMessagesMax);
        const sent = this.#deps.queue(sink).sendBatch(messages.map(({ body }) => ({ body, contentType: "text" as const })));
        await withTimeout(sent, queueSendTimeoutMs, `queue ${sink}`);
        cursor.next = (messages.at(-1)?.last ?? cursor.next) + 1;
        cursor.failures = 0;
      }
    } catch (error) {
      cursor.failures += 1;
      cursor.retryAt = now() + backoffMs(retry, cursor.failures, Math.random());
      logWarning("channel.outbox.refused", { stream: this.#identity.stream, sink, failures: cursor.failures, reason: messageOf(error) });
    } finally {
      cursor.busy = false;
    }
  }
}
