/** The newest rows of one stream, contiguous, bounded in bytes and events: reconnects recover from here without asking the hub. */
import type { LogRow } from "../../schemas/rpc.ts";
import { cutRow, lastOf } from "../../schemas/row.ts";

export interface RingBounds {
  readonly bytesMax: number;
  readonly eventsMax: number;
}

export class Ring {
  readonly #bounds: RingBounds;
  #rows: LogRow[] = [];
  #bytes = 0;
  #events = 0;

  constructor(bounds: RingBounds) {
    this.#bounds = bounds;
  }

  /** Oldest offset held, or undefined when empty. */
  get first(): number | undefined {
    return this.#rows[0]?.first;
  }

  clear(): void {
    this.#rows = [];
    this.#bytes = 0;
    this.#events = 0;
  }

  /** Rows that follow the newest one. The newest row stays even when it alone is past a bound. */
  append(rows: readonly LogRow[]): void {
    for (const row of rows) {
      const last = this.#rows.at(-1);
      if (last !== undefined && row.first !== lastOf(last) + 1) this.clear();
      this.#rows.push(row);
      this.#count(row, 1);
    }
    let drop = 0;
    while (drop < this.#rows.length - 1 && this.#isOver()) {
      const row = this.#rows[drop];
      if (row !== undefined) this.#count(row, -1);
      drop += 1;
    }
    if (drop > 0) this.#rows.splice(0, drop);
  }

  /** Older rows, pulled for one client, kept for the next as far as there is room. `end` is where the stream stands. */
  prepend(rows: readonly LogRow[], end: number): void {
    for (const row of rows.toReversed()) {
      const first = this.first ?? end + 1;
      if (lastOf(row) < first - 1) return;
      const rest = cutRow(row, row.first, first - 1);
      if (rest === undefined) continue;
      this.#count(rest, 1);
      if (this.#isOver()) return this.#count(rest, -1);
      this.#rows.unshift(rest);
    }
  }

  /** Everything in (since, until], or undefined when the ring does not reach back to it. */
  between(since: number, until: number): LogRow[] | undefined {
    if (since >= until) return [];
    if (this.first === undefined || this.first > since + 1) return undefined;
    return this.#rows.flatMap((row) => cutRow(row, since + 1, until) ?? []);
  }

  #isOver(): boolean {
    return this.#bytes > this.#bounds.bytesMax || this.#events > this.#bounds.eventsMax;
  }

  #count(row: LogRow, sign: 1 | -1): void {
    // UTF-16 units: what the rows take in memory, near enough.
    this.#bytes += sign * row.lines.length;
    this.#events += sign * row.count;
  }
}
