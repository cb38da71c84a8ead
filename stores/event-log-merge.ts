/** Merges the objects of an hour into blocks of rows in order, each position once. Each block reads the objects that reach into it one
 *  after the other, so however many overlap, memory holds one block and one object. */
import { Block } from "./event-log-block.ts";
import type { BlockLimits, BlockRow } from "./event-log-block.ts";
import { comparePositions } from "./event-log-object.ts";
import type { LineCursor, LogPosition } from "./event-log-object.ts";
import type { LogSource } from "./event-log-sources.ts";

export interface MergedBlock {
  readonly epoch: string;
  readonly rows: readonly BlockRow[];
  /** Where the next block begins; undefined at the end. */
  readonly next: LogPosition | undefined;
}

/** Bytes held now and at most. */
export class Meter {
  held = 0;
  peak = 0;

  set(what: { readonly blockBytes: number; readonly otherBytes: number }): void {
    this.held = what.blockBytes + what.otherBytes;
    this.peak = Math.max(this.peak, this.held);
  }
}

export interface MergeOptions {
  readonly limits: BlockLimits;
  readonly open: (source: LogSource) => Promise<LineCursor>;
  readonly meter?: Meter;
  /** Text of objects that reach into the next block and stay open, so that it need not open them again. */
  readonly keepBytesMax?: number;
}

export class Merge {
  readonly #sources: readonly LogSource[];
  readonly #options: MergeOptions;
  readonly #kept = new Map<string, LineCursor>();
  readonly #meter: Meter;

  /** `sources` are sorted (event-log-sources.ts). */
  constructor(sources: readonly LogSource[], options: MergeOptions) {
    this.#sources = sources;
    this.#options = options;
    this.#meter = options.meter ?? new Meter();
  }

  /** The block that begins at the first position at or after `from`; undefined when there is none. */
  async next(from?: LogPosition): Promise<MergedBlock | undefined> {
    let start = this.#start(from);
    while (start !== undefined) {
      const { epoch, offset } = start;
      const block = new Block(this.#options.limits);
      for (const source of this.#reaching(start)) {
        if (block.limit !== undefined && source.first >= block.limit) break;
        await this.#take(source, { block, from: offset });
      }
      const rows = block.rows();
      this.#meter.set({ blockBytes: block.heldBytes, otherBytes: this.#keptBytes() });
      start = this.#start({ epoch, offset: block.limit ?? Number.POSITIVE_INFINITY });
      if (rows.length > 0) return { epoch, rows, next: start };
    }
    return undefined;
  }

  /** The first position at or after `from` that a source may hold. */
  #start(from: LogPosition | undefined): LogPosition | undefined {
    const first = this.#sources.find(
      (source) => from === undefined || comparePositions({ epoch: source.epoch, offset: source.last }, from) >= 0,
    );
    if (first === undefined) return undefined;
    if (from?.epoch === first.epoch) return from;
    return { epoch: first.epoch, offset: first.first };
  }

  /** Sources of the position's epoch that hold something at or after it. */
  #reaching({ epoch, offset }: LogPosition): LogSource[] {
    return this.#sources.filter((source) => source.epoch === epoch && source.last >= offset);
  }

  async #take(source: LogSource, { block, from }: { block: Block; from: number }): Promise<void> {
    const cursor = this.#kept.get(source.key) ?? (await this.#options.open(source));
    this.#kept.delete(source.key);
    const note = (bytes = cursor.heldBytes): void =>
      this.#meter.set({ blockBytes: block.heldBytes, otherBytes: bytes + this.#keptBytes() });
    note(cursor.openingBytes);
    if (!cursor.seek(from)) return;
    while (block.add(cursor)) if (!cursor.advance()) return note();
    note();
    if (this.#keptBytes() + cursor.heldBytes <= (this.#options.keepBytesMax ?? 0)) this.#kept.set(source.key, cursor);
  }

  #keptBytes(): number {
    let bytes = 0;
    for (const cursor of this.#kept.values()) bytes += cursor.heldBytes;
    return bytes;
  }
}
