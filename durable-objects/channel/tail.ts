/** The newest rows of a log in memory, contiguous, so that what was just written is delivered without SQL. What is asked for is nearly always
 *  the last row: it is looked for from the end, because a tail holds a thousand rows of single events. */
import { cutRow, lastOf } from "../../schemas/row.ts";
import type { LogRow } from "../../schemas/rpc.ts";
import type { StoredRow } from "./sequence.ts";

interface Kept {
  readonly row: LogRow;
  readonly bytes: number;
}

export class Tail {
  readonly #bytesMax: number;
  /** Oldest first. */
  #kept: Kept[] = [];
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** `first`: the oldest offset that the log still holds. The newest row stays even when it alone is past the bound. */
  append(rows: readonly StoredRow[], first: number): void {
    for (const { bytes, ...row } of rows) {
      this.#kept.push({ row, bytes });
      this.#bytes += bytes;
    }
    let drop = 0;
    for (const { row, bytes } of this.#kept) {
      const isOver = this.#bytes > this.#bytesMax && drop < this.#kept.length - 1;
      if (!isOver && row.first >= first) break;
      this.#bytes -= bytes;
      drop += 1;
    }
    if (drop > 0) this.#kept.splice(0, drop);
  }

  /** Rows after `since`, up to `until`, about `bytesMax` of them and at least one; undefined when the tail does not reach back so far. */
  rowsAfter(since: number, until: number, bytesMax: number): LogRow[] | undefined {
    const start = this.#kept.findLastIndex(({ row }) => row.first <= since + 1);
    if (start === -1) return undefined;
    const rows: LogRow[] = [];
    let bytes = 0;
    for (let index = start; index < this.#kept.length; index++) {
      const kept = this.#kept[index];
      if (kept === undefined || kept.row.first > until || (rows.length > 0 && bytes + kept.bytes > bytesMax)) break;
      if (lastOf(kept.row) <= since) continue;
      const row = cutRow(kept.row, since + 1, until);
      if (row !== undefined) rows.push(row);
      bytes += kept.bytes;
    }
    return rows;
  }
}
