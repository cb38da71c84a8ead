/** Hands the log over to the queues: a cursor per queue, packed messages, at least once (DESIGN 2). Messages go when they are full or when
 *  their oldest event has waited long enough. A queue that refuses is tried again from its cursor, which moves only after the send. */
import type { Sink } from "../../channels/catalogue.ts";
import {
  eventLogDelayMs,
  hotCacheDelayMs,
  logRowBytesMax,
  queueSendTimeoutMs,
  sendBatchBytes,
  sendBatchMessagesMax,
} from "../../schemas/limits.ts";
import { packPositions } from "../../schemas/pack.ts";
import { backoffMs } from "../../platform/backoff.ts";
import { messageOf } from "../../platform/errors.ts";
import { logWarning } from "../../platform/log.ts";
import { withTimeout } from "../../platform/timeout.ts";
import type { Log } from "./log.ts";
import type { Progress } from "./progress.ts";
import type { ChannelStorage, Identity } from "./storage.ts";

export type Delays = Readonly<Record<Sink, number>>;
export const delays: Delays = { "hot-cache": hotCacheDelayMs, "event-log": eventLogDelayMs };

const retry = { firstMs: 250, maxMs: 15_000 } as const;
/** One flush works no longer than this, so that a queue far behind does not hold the object. */
const flushBudgetMs = 5_000;
/** A flush waits this long for the queues, which usually answer within milliseconds. */
const patienceMs = 1_000;

/** Where the log and a queue stand to each other. */
export interface Cursor {
  /** First offset not yet handed over. */
  readonly next: number;
  /** Bytes from there on, about. */
  readonly bytes: number;
  /** When the oldest of them was written, or noticed after a restart. */
  readonly since: number;
  readonly retryAt: number;
  /** A drain is under way. */
  readonly busy: boolean;
}

/** When the queue is to be handed something, or undefined while it has everything. Pure. */
export function dueAt(cursor: Cursor, { top, delayMs, now }: { top: number; delayMs: number; now: number }): number | undefined {
  if (cursor.next > top) return undefined;
  if (cursor.busy) return now + patienceMs;
  return Math.max(cursor.retryAt, cursor.bytes >= sendBatchBytes ? now : cursor.since + delayMs);
}

export interface OutboxDeps {
  readonly storage: ChannelStorage;
  readonly log: Log;
  readonly progress: Progress;
  readonly delays: Delays;
  queue(sink: Sink): Queue;
  now(): number;
}

type Writable<T> = { -readonly [key in keyof T]: T[key] };

interface Lane extends Writable<Cursor> {
  readonly sink: Sink;
  failures: number;
}

export class Outbox {
  readonly #identity: Identity;
  readonly #deps: OutboxDeps;
  readonly #lanes: readonly Lane[];

  constructor(identity: Identity, sinks: readonly Sink[], deps: OutboxDeps) {
    this.#identity = identity;
    this.#deps = deps;
    const { log, progress, storage } = deps;
    this.#lanes = sinks.map((sink) => {
      // What the log no longer holds cannot be handed over again.
      const next = Math.max(progress.cursor(sink), log.extent.first);
      // Another machine's clock may be behind the one that wrote the row.
      const since = Math.min(log.head.at, deps.now());
      return { sink, next, bytes: storage.bytesFrom(next), since, failures: 0, retryAt: 0, busy: false };
    });
  }

  /** First offset that some queue has not taken; beyond the top when all have. */
  get next(): number {
    return Math.min(this.#deps.log.head.top + 1, ...this.#lanes.map(({ next }) => next));
  }

  nextOf(sink: Sink): number {
    return this.#lanes.find((lane) => lane.sink === sink)?.next ?? this.#deps.log.head.top + 1;
  }

  /** Bytes that the queue furthest behind has not taken. */
  get bytes(): number {
    return Math.max(0, ...this.#lanes.map(({ bytes }) => bytes));
  }

  depths(): Record<string, number> {
    const { top } = this.#deps.log.head;
    return Object.fromEntries(this.#lanes.map(({ sink, next }) => [sink, Math.max(0, top + 1 - next)]));
  }

  /** Rows were written: they wait for their queues from now on. */
  added(first: number, bytes: number, now: number): void {
    for (const lane of this.#lanes) {
      if (lane.next === first) lane.since = now;
      lane.bytes += bytes;
    }
  }

  due(now: number): number | undefined {
    const times = this.#lanes.map((lane) => this.#dueAt(lane, now)).filter((time) => time !== undefined);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  #dueAt(lane: Lane, now: number): number | undefined {
    return dueAt(lane, { top: this.#deps.log.head.top, delayMs: this.#deps.delays[lane.sink], now });
  }

  /** Hands positions over once more: a message the queue lost may not freeze the snapshots. */
  rewind(sink: Sink, offset: number): void {
    const lane = this.#lanes.find((one) => one.sink === sink);
    if (lane === undefined || offset >= lane.next) return;
    this.#move(lane, offset, this.#deps.storage.bytesFrom(offset));
    lane.since = 0;
  }

  /** Sends what is due. A queue that hangs goes on in the background: it holds up neither the caller nor the other queue. */
  async flush(now: number): Promise<void> {
    const ready = this.#lanes.filter((lane) => !lane.busy && (this.#dueAt(lane, now) ?? Number.POSITIVE_INFINITY) <= now);
    if (ready.length === 0) return;
    const drained = Promise.all(ready.map((lane) => this.#drain(lane)));
    await Promise.race([drained, new Promise((resolve) => setTimeout(resolve, patienceMs))]);
  }

  #move(lane: Lane, next: number, bytes: number): void {
    lane.next = next;
    lane.bytes = bytes;
    this.#deps.progress.moveCursor(lane.sink, next, this.#deps.now());
  }

  async #drain(lane: Lane): Promise<void> {
    const { log, now } = this.#deps;
    const endAt = now() + flushBudgetMs;
    const isOld = lane.since + this.#deps.delays[lane.sink] <= now();
    // What comes meanwhile fills the next message.
    const until = log.head.top;
    lane.busy = true;
    try {
      while (lane.next <= until && (isOld || lane.bytes >= sendBatchBytes) && now() < endAt) await this.#send(lane);
      lane.since = now();
    } catch (error) {
      lane.failures += 1;
      lane.retryAt = now() + backoffMs(retry, lane.failures, Math.random());
      logWarning("channel.outbox.refused", {
        stream: this.#identity.stream,
        sink: lane.sink,
        failures: lane.failures,
        reason: messageOf(error),
      });
    } finally {
      lane.busy = false;
    }
  }

  /** One `sendBatch` from the cursor on; enough rows are read to fill its messages where there are that many. */
  async #send(lane: Lane): Promise<void> {
    const { sink, next } = lane;
    const rows = this.#deps.log.rowsAfter(next - 1, sendBatchBytes + logRowBytesMax);
    const messages = packPositions({ ...this.#identity, sink }, rows, sendBatchMessagesMax);
    const last = messages.at(-1)?.last;
    if (last === undefined) throw new Error(`the log does not hold offset ${next}`);
    const sent = this.#deps.queue(sink).sendBatch(messages.map(({ body }) => ({ body, contentType: "text" as const })));
    await withTimeout(sent, queueSendTimeoutMs, `queue ${sink}`);
    const sentBytes = messages.reduce((sum, { eventBytes }) => sum + eventBytes, 0);
    this.#move(lane, last + 1, Math.max(0, lane.bytes - sentBytes));
    lane.failures = 0;
    lane.retryAt = 0;
  }
}
