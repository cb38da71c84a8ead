/** The stream's log during a run: rows of real shape without their text, bounded like the channel's (schemas/limits.ts). */
import { historyAgeMsMax, historyBytesMax, historyEventsMax } from "../schemas/limits.ts";
import { cutRow, lastOf } from "../schemas/row.ts";
import type { LogRow } from "../schemas/rpc.ts";

export class RunLog {
  top = 0;
  readonly #eventBytes: number;
  readonly #eventsMax: number;
  #rows: LogRow[] = [];
  /** The oldest row that is still held. */
  #oldest = 0;

  constructor(eventBytes: number) {
    this.#eventBytes = eventBytes;
    this.#eventsMax = Math.min(historyEventsMax, Math.floor(historyBytesMax / eventBytes));
  }

  /** Oldest offset that is held; top + 1 when there is none. */
  get first(): number {
    return this.#rows[this.#oldest]?.first ?? this.top + 1;
  }

  append(count: number, at: number): void {
    // Texts are never read here: their bytes are counted, so that a row costs no memory.
    this.#rows.push({ first: this.top + 1, count, at, stale: [], earlier: [], lines: "\n".repeat(count - 1) });
    this.top += count;
    while (this.#isPast(this.#rows[this.#oldest], at)) this.#oldest += 1;
  }

  #isPast(row: LogRow | undefined, now: number): boolean {
    return (
      row !== undefined &&
      row.first + row.count <= this.top &&
      (this.top - lastOf(row) >= this.#eventsMax || now - row.at > historyAgeMsMax)
    );
  }

  bytesOf(rows: readonly LogRow[]): number {
    return rows.reduce((sum, { count }) => sum + count, 0) * this.#eventBytes;
  }

  /** What follows a position, up to so many bytes and at least one row. */
  rowsAfter(position: number, bytesMax: number): LogRow[] {
    const rows: LogRow[] = [];
    let bytes = 0;
    for (let index = this.#indexAfter(position); index < this.#rows.length; index++) {
      const known = this.#rows[index];
      const row = known === undefined ? undefined : cutRow(known, position + 1, this.top);
      if (row === undefined) continue;
      bytes += row.count * this.#eventBytes;
      if (rows.length > 0 && bytes > bytesMax) break;
      rows.push(row);
    }
    return rows;
  }

  /** The row that holds the offset after it, by halving. */
  #indexAfter(position: number): number {
    let low = this.#oldest;
    let high = this.#rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const row = this.#rows[middle];
      if (row !== undefined && lastOf(row) <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
