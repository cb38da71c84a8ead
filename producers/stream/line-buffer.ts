/** What was read of a stream and is not durable yet: bounded in bytes and lines, so that a slow channel is felt by the sender and not by our
 *  memory. Cuts batches: full ones while lines come fast, what there is when they come slowly. */
import {
  requestEventsMax,
  streamBatchBytesMax,
  streamLingerMs,
  streamUnflushedBytesMax,
  streamUnflushedLinesMax,
} from "../../schemas/limits.ts";
import type { Line } from "../ingest/ndjson.ts";

export class LineBuffer {
  #lines: Line[] = [];
  #queuedBytes = 0;
  #takenBytes = 0;
  #openBytes = 0;
  /** The reader waits for room: what there is has to go. */
  #crowded = false;
  #end: { readonly fault: unknown } | undefined;
  #changed = Promise.withResolvers<void>();
  #peakBytes = 0;

  /** Read and not yet released, the beginning of a line that has no end yet included. */
  get heldBytes(): number {
    return this.#queuedBytes + this.#takenBytes + this.#openBytes;
  }

  get peakBytes(): number {
    return this.#peakBytes;
  }

  /** Why the body ended, when it did not end well. */
  get fault(): unknown {
    return this.#end?.fault;
  }

  get isEnded(): boolean {
    return this.#end !== undefined;
  }

  /** Resolves once so many bytes more may be added, or nothing more is wanted. */
  async room(bytes: number): Promise<void> {
    while (!this.isEnded && (this.heldBytes + bytes > streamUnflushedBytesMax || this.#lines.length >= streamUnflushedLinesMax)) {
      this.#crowded = true;
      this.#poke();
      await this.#changed.promise;
    }
    this.#crowded = false;
  }

  /** `openBytes`: held elsewhere, of the line that goes on. */
  add(lines: readonly Line[], openBytes: number): void {
    for (const line of lines) {
      this.#lines.push(line);
      this.#queuedBytes += line.bytes.byteLength;
    }
    this.#openBytes = openBytes;
    this.#peakBytes = Math.max(this.#peakBytes, this.heldBytes);
    this.#poke();
  }

  /** Nothing comes after this; what is there can still be taken. */
  end(fault?: unknown): void {
    this.#end ??= { fault };
    this.#openBytes = 0;
    this.#poke();
  }

  /** The next batch, in order; undefined when the last one has gone. It counts as held until it is released. */
  async take(): Promise<readonly Line[] | undefined> {
    while (this.#lines.length === 0 && !this.isEnded) await this.#changed.promise;
    await this.#linger();
    const batch = this.#cut();
    return batch.length === 0 ? undefined : batch;
  }

  release(batch: readonly Line[]): void {
    this.#takenBytes -= bytesOf(batch);
    this.#poke();
  }

  async #linger(): Promise<void> {
    let isOver = false;
    const timer = setTimeout(() => {
      isOver = true;
      this.#poke();
    }, streamLingerMs);
    while (!isOver && !this.isEnded && !this.#crowded && !this.#isFull()) await this.#changed.promise;
    clearTimeout(timer);
  }

  #isFull(): boolean {
    return this.#lines.length >= requestEventsMax || this.#queuedBytes >= streamBatchBytesMax;
  }

  #cut(): Line[] {
    let bytes = 0;
    const end = this.#lines.findIndex((line, index) => {
      bytes += line.bytes.byteLength;
      return index === requestEventsMax || (index > 0 && bytes > streamBatchBytesMax);
    });
    const batch = this.#lines.splice(0, end < 0 ? this.#lines.length : end);
    this.#queuedBytes -= bytesOf(batch);
    this.#takenBytes += bytesOf(batch);
    return batch;
  }

  #poke(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

function bytesOf(lines: readonly Line[]): number {
  return lines.reduce((sum, line) => sum + line.bytes.byteLength, 0);
}
