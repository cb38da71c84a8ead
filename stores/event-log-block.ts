/** The lowest positions of what is offered, as many as fit: however many objects overlap, and in whatever order they are read, it holds
 *  little more than its bound and ends with the same rows. Pure. */
import type { LineCursor } from "./event-log-object.ts";

export interface BlockRow {
  readonly offset: number;
  readonly at: number;
  readonly stale: boolean;
  /** JSON text of the event. */
  readonly event: Uint8Array;
  /** Lines of this position beyond the first, and those of them that said something else. */
  readonly copies: number;
  readonly conflicts: number;
}

export interface BlockLimits {
  readonly bytesMax: number;
  readonly rowsMax: number;
}

/** Rows are thrown out in bulk, once the bounds are passed by this factor. */
const excess = 1.25;
/** Memory comes in pieces, so that growing copies nothing: each as large as all before it, between these bounds. */
const chunkBytesMin = 16_384;
const chunkBytesMax = 1_048_576;
/** A row's own objects, roughly. */
const rowBytes = 200;

type Row = { -readonly [Key in keyof BlockRow]: BlockRow[Key] };

export class Block {
  readonly #limits: BlockLimits;
  #rows = new Map<number, Row>();
  #bytes = 0;
  #highest = 0;
  #chunks: Uint8Array[] = [];
  #used = 0;
  #limit: number | undefined;

  constructor(limits: BlockLimits) {
    this.#limits = limits;
  }

  /** The first offset that is left for the next block, once it is known that not all fits. */
  get limit(): number | undefined {
    return this.#limit;
  }

  get heldBytes(): number {
    return this.#chunkBytes + this.#rows.size * rowBytes;
  }

  /** Takes the line the cursor stands on; false when it and all behind it belong to the next block. */
  add(line: Pick<LineCursor, "offset" | "at" | "stale" | "event">): boolean {
    const { offset, at, stale, event } = line;
    if (this.#limit !== undefined && offset >= this.#limit) return false;
    const known = this.#rows.get(offset);
    if (known !== undefined) {
      known.copies += 1;
      if (known.at !== at || known.stale !== stale || !sameBytes(known.event, event)) known.conflicts += 1;
      return true;
    }
    if (offset > this.#highest && !this.#fits(event.length, 1)) {
      this.#limit = offset;
      return false;
    }
    this.#rows.set(offset, { offset, at, stale, event: this.#keep(event), copies: 0, conflicts: 0 });
    this.#bytes += event.length;
    this.#highest = Math.max(this.#highest, offset);
    if (!this.#fits(0, excess)) this.#cut();
    return true;
  }

  /** The rows in order. Nothing may be added after it. */
  rows(): BlockRow[] {
    if (!this.#fits(0, 1)) this.#cut();
    return [...this.#rows.values()].sort((a, b) => a.offset - b.offset);
  }

  /** One row always fits, or nothing would move on. */
  #fits(more: number, factor: number): boolean {
    const { bytesMax, rowsMax } = this.#limits;
    const rows = this.#rows.size + (more > 0 ? 1 : 0);
    return rows <= 1 || (this.#bytes + more <= bytesMax * factor && rows <= rowsMax * factor);
  }

  /** Throws the highest rows out. They come again with the next block, so their copies are counted there. */
  #cut(): void {
    const sorted = [...this.#rows.values()].sort((a, b) => a.offset - b.offset);
    this.#rows = new Map();
    this.#chunks = [];
    this.#bytes = 0;
    this.#highest = 0;
    for (const row of sorted) {
      if (!this.#fits(row.event.length, 1)) {
        this.#limit = row.offset;
        return;
      }
      this.#rows.set(row.offset, { ...row, event: this.#keep(row.event) });
      this.#bytes += row.event.length;
      this.#highest = row.offset;
    }
  }

  get #chunkBytes(): number {
    return this.#chunks.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /** Its own copy: a view would keep the whole object that it was read from. */
  #keep(event: Uint8Array): Uint8Array {
    let chunk = this.#chunks.at(-1);
    if (chunk === undefined || this.#used + event.length > chunk.length) {
      const bytes = Math.min(chunkBytesMax, Math.max(chunkBytesMin, this.#chunkBytes));
      chunk = new Uint8Array(Math.max(bytes, event.length));
      this.#chunks.push(chunk);
      this.#used = 0;
    }
    const kept = chunk.subarray(this.#used, this.#used + event.length);
    kept.set(event);
    this.#used += event.length;
    return kept;
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
