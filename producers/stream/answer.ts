/** The answer to a stream, as it is written: its unread part is bounded, so that a sender that does not read is waited for, and left in the
 *  end. Nothing here knows what the lines say. */
import { TimeoutError, withTimeout } from "../../platform/timeout.ts";
import { streamAnswerBytesMax, streamIdleMs } from "../../schemas/limits.ts";

export interface AnswerBounds {
  readonly bytesMax: number;
  readonly idleMs: number;
}

const bounds: AnswerBounds = { bytesMax: streamAnswerBytesMax, idleMs: streamIdleMs };

export class Answer {
  readonly body: ReadableStream<Uint8Array>;
  readonly #bounds: AnswerBounds;
  readonly #encoder = new TextEncoder();
  /** Kept here and not in the stream's own queue: the runtime does not say when that is read from, only when it is empty. */
  #unread: Uint8Array[] = [];
  #unreadBytes = 0;
  #state: "open" | "closed" | "gone" = "open";
  #changed = Promise.withResolvers<void>();

  constructor(given: AnswerBounds = bounds) {
    this.#bounds = given;
    this.body = new ReadableStream<Uint8Array>(
      { pull: async (controller) => await this.#handOver(controller), cancel: () => this.#leave() },
      { highWaterMark: 0 },
    );
  }

  /** False once nobody reads any more: then nothing is written either. */
  async write(text: string): Promise<boolean> {
    while (this.#state === "open" && this.#unreadBytes >= this.#bounds.bytesMax) await this.#reading();
    if (this.#state !== "open") return false;
    const bytes = this.#encoder.encode(text);
    this.#unread.push(bytes);
    this.#unreadBytes += bytes.byteLength;
    this.#poke();
    return true;
  }

  /** What is unread can still be read. */
  close(): void {
    if (this.#state === "open") this.#state = "closed";
    this.#poke();
  }

  async #handOver(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    while (this.#state === "open" && this.#unread.length === 0) await this.#changed.promise;
    const next = this.#unread.shift();
    if (next !== undefined) {
      this.#unreadBytes -= next.byteLength;
      controller.enqueue(next);
    } else if (this.#state === "closed") controller.close();
    else controller.error(new Error("the answer was not read for too long"));
    this.#poke();
  }

  async #reading(): Promise<void> {
    try {
      await withTimeout(this.#changed.promise, this.#bounds.idleMs, "the reader of the answer");
    } catch (error) {
      if (error instanceof TimeoutError) this.#leave();
    }
  }

  #leave(): void {
    this.#state = "gone";
    this.#unread = [];
    this.#unreadBytes = 0;
    this.#poke();
  }

  #poke(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
