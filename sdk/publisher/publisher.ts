/** The publisher: gathers events into batches and sends one batch after the other, so that an entity's events arrive in order. It holds a
 *  bounded number of events; what became of each is the result of its `publish`. */
import { ulid } from "ulid";
import { resultsOf, type PublishResult } from "./answer.ts";
import { BatchBuffer, type BatchBounds } from "./buffer.ts";
import { renderForPost, type PublishEvent, type Rendered } from "./event.ts";
import { postBatch, PostError, type Posted, type PostOptions } from "./post.ts";

export interface PublisherOptions {
  /** Address of the edge, e.g. "https://edge.example.com". */
  readonly url: string;
  /** One of the edge's INGEST_API_KEYS. */
  readonly key: string;
  /** Given to events that name none. */
  readonly source?: string;
  readonly batchEventsMax?: number;
  readonly batchBytesMax?: number;
  readonly lingerMs?: number;
  /** Events held, in flight or waiting; beyond, `publish` refuses with BUFFER_FULL. */
  readonly bufferEventsMax?: number;
  readonly bufferBytesMax?: number;
  readonly attemptTimeoutMs?: number;
  readonly giveUpAfterMs?: number;
  /** "queued" skips the fast lane: for bulk and backfills. */
  readonly delivery?: "live" | "queued";
  readonly fetch?: typeof globalThis.fetch;
  readonly random?: () => number;
  /** Told after each batch that has a verdict. */
  readonly onBatch?: (batch: { readonly events: number } & Posted) => void;
}

export interface Publisher {
  /** Resolves with what became of the event, once that is known. Rejects only on misuse: BUFFER_FULL, CLOSED, or data that JSON cannot hold. */
  publish(event: PublishEvent): Promise<PublishResult>;
  /** Resolves when the buffer has room: await it before `publish` and a producer is slowed down to what the edge takes. */
  ready(): Promise<void>;
  /** Sends what waits without lingering; resolves when nothing is held. */
  flush(): Promise<void>;
  /** Takes no more events, sends what it holds and resolves; what has no answer after `withinMs` (30 s) fails with CLOSED. */
  close(withinMs?: number): Promise<void>;
  /** Events held: waiting or in flight. */
  readonly pending: number;
}

/** Misuse of the publisher. */
export class PublisherError extends Error {
  readonly code: "BUFFER_FULL" | "CLOSED";

  constructor(code: "BUFFER_FULL" | "CLOSED", message: string) {
    super(message);
    this.name = "PublisherError";
    this.code = code;
  }
}

/** The edge takes no larger event (docs/protocol.md, 3): it would be sent for nothing. */
const eventBytesMax = 60_000;
/** The edge's bounds of one request, with room for the brackets. */
const requestEventsMax = 1_000;
const requestBytesMax = 1_000_000;
const closeWithinMs = 30_000;

interface Held extends Rendered {
  readonly settle: (result: PublishResult) => void;
}

export function createPublisher(options: PublisherOptions): Publisher {
  return new BatchingPublisher(options);
}

class BatchingPublisher implements Publisher {
  readonly #options: PublisherOptions;
  readonly #buffer: BatchBuffer<Held>;
  readonly #stop = new AbortController();
  #inFlight = 0;
  #inFlightBytes = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isHurried = false;
  #isClosed = false;
  /** Those who wait for room or for the end; asked again whenever something was settled. */
  #waiters: { readonly until: () => boolean; readonly resolve: () => void }[] = [];

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#buffer = new BatchBuffer(boundsOf(options));
  }

  get pending(): number {
    return this.#buffer.size + this.#inFlight;
  }

  async publish(event: PublishEvent): Promise<PublishResult> {
    if (this.#isClosed) throw new PublisherError("CLOSED", "the publisher was closed");
    if (!this.#hasRoom())
      throw new PublisherError("BUFFER_FULL", `${this.pending} events wait for the edge: await ready() before publish()`);
    const { source = "publisher" } = this.#options;
    const rendered = renderForPost(event, { source, nowMs: Date.now(), newId: ulid });
    if (rendered.bytes > eventBytesMax) return tooLarge(rendered);
    return await new Promise<PublishResult>((settle) => {
      this.#buffer.add({ ...rendered, settle }, Date.now());
      this.#schedule();
    });
  }

  async ready(): Promise<void> {
    await this.#when(() => this.#isClosed || this.#hasRoom());
  }

  async flush(): Promise<void> {
    this.#isHurried = true;
    this.#schedule();
    await this.#when(() => this.pending === 0);
  }

  async close(withinMs = closeWithinMs): Promise<void> {
    this.#isClosed = true;
    const deadline = setTimeout(() => this.#stop.abort(), withinMs);
    await this.flush();
    clearTimeout(deadline);
  }

  #hasRoom(): boolean {
    const { bufferEventsMax = 10_000, bufferBytesMax = 32 * 1_048_576 } = this.#options;
    return this.pending < bufferEventsMax && this.#buffer.bytes + this.#inFlightBytes < bufferBytesMax;
  }

  /** One batch at a time: the next begins when the last was answered, with what came meanwhile. By a timer even when it is due: what is
   *  published in one turn goes out together. */
  #schedule(): void {
    if (this.#inFlight > 0) return;
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    const dueMs = this.#buffer.dueInMs(Date.now());
    if (dueMs === undefined) this.#isHurried = false;
    else this.#timer = setTimeout(() => void this.#send(this.#buffer.take()), this.#isHurried ? 0 : dueMs);
  }

  async #send(batch: readonly Held[]): Promise<void> {
    this.#inFlight = batch.length;
    this.#inFlightBytes = batch.reduce((sum, { bytes }) => sum + bytes, 0);
    const results = await this.#resultsOf(batch);
    this.#inFlight = 0;
    this.#inFlightBytes = 0;
    for (const [index, { settle }] of batch.entries()) {
      const result = results[index];
      if (result !== undefined) settle(result);
    }
    this.#schedule();
    this.#wakeWaiters();
  }

  /** Never throws. */
  async #resultsOf(batch: readonly Held[]): Promise<PublishResult[]> {
    const ids = batch.map(({ id }) => id);
    try {
      const posted = await postBatch(`[${batch.map(({ text }) => text).join(",")}]`, postOptions(this.#options, this.#stop.signal));
      this.#tell({ events: batch.length, ...posted });
      return resultsOf(ids, posted);
    } catch (error) {
      const { code, message } = error instanceof PostError ? error : { code: "NO_ANSWER", message: String(error) };
      return ids.map((id) => ({ kind: "failed", id, code, message }));
    }
  }

  #tell(batch: { readonly events: number } & Posted): void {
    try {
      this.#options.onBatch?.(batch);
    } catch (error) {
      // A listener's fault may not cost a batch its results: thrown where the platform reports uncaught errors.
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  #when(until: () => boolean): Promise<void> {
    if (until()) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push({ until, resolve }));
  }

  #wakeWaiters(): void {
    const waiters = this.#waiters;
    this.#waiters = waiters.filter(({ until }) => !until());
    for (const waiter of waiters) if (!this.#waiters.includes(waiter)) waiter.resolve();
  }
}

function boundsOf(options: PublisherOptions): BatchBounds {
  return {
    batchEventsMax: Math.min(requestEventsMax, options.batchEventsMax ?? 500),
    batchBytesMax: Math.min(requestBytesMax, options.batchBytesMax ?? requestBytesMax),
    lingerMs: options.lingerMs ?? 20,
  };
}

function postOptions(options: PublisherOptions, signal: AbortSignal): PostOptions {
  const endpoint = new URL("/api/events", options.url);
  if (options.delivery === "queued") endpoint.searchParams.set("delivery", "queued");
  return {
    endpoint: endpoint.href,
    key: options.key,
    // Called as a plain function: browsers refuse a fetch that has another `this`.
    fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
    attemptTimeoutMs: options.attemptTimeoutMs ?? 15_000,
    giveUpAfterMs: options.giveUpAfterMs ?? 300_000,
    signal,
    random: options.random ?? Math.random,
  };
}

function tooLarge({ id, bytes }: Rendered): PublishResult {
  return {
    kind: "rejected",
    id,
    code: "PAYLOAD_TOO_LARGE",
    message: `the event is ${bytes} bytes as rendered, at most ${eventBytesMax} are allowed`,
  };
}
