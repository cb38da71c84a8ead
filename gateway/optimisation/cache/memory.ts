/** Answers in this isolate's memory, least recently used first out. The colo's cache costs a millisecond and does not exist on *.workers.dev. */
import type { Entry } from "./entry.ts";

/** Beside the body: its head, key and headers. */
const entryOverheadBytes = 1_024;

export class Memory {
  readonly #bytesMax: number;
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#entries.size;
  }

  find(hash: string): Entry | undefined {
    const entry = this.#entries.get(hash);
    if (entry === undefined) return undefined;
    this.#entries.delete(hash);
    this.#entries.set(hash, entry);
    return entry;
  }

  put(hash: string, entry: Entry): void {
    const held = this.#entries.get(hash);
    // A slow answer must not take the place of one that was asked for later.
    if (held !== undefined && held.startedAtMs > entry.startedAtMs) return;
    this.drop(hash);
    this.#entries.set(hash, entry);
    this.#bytes += bytesOf(entry);
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#bytesMax) return;
      this.drop(oldest);
    }
  }

  drop(hash: string): void {
    const entry = this.#entries.get(hash);
    if (entry === undefined) return;
    this.#entries.delete(hash);
    this.#bytes -= bytesOf(entry);
  }
}

function bytesOf({ body }: Entry): number {
  return body.byteLength + entryOverheadBytes;
}
