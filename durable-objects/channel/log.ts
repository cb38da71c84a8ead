/** The channel's log in memory: its head, its extent, and the newest rows, so that delivering what was just written reads no SQL. */
import { deliverBytesMax, epochTtlMs, historyAgeMsMax, historyBytesMax, historyEventsMax } from "../../schemas/limits.ts";
import { cutRow, eventsOf } from "../../schemas/row.ts";
import type { LogRow } from "../../schemas/rpc.ts";
import type { Head, StoredRow } from "./sequence.ts";
import type { ChannelStorage, Extent, Trimmed } from "./storage.ts";

const tailBytesMax = deliverBytesMax;

export class Log {
  readonly #storage: ChannelStorage;
  #head: Head;
  #extent: Extent;
  #tail: StoredRow[] = [];
  #tailBytes = 0;

  constructor(storage: ChannelStorage) {
    this.#storage = storage;
    const trimmed = storage.trimmed();
    const last = storage.lastRow();
    this.#head = last === undefined ? { top: trimmed.top, at: trimmed.at } : { top: last.last, at: last.at };
    this.#extent = storage.extent(this.#head.top);
  }

  get head(): Head {
    return this.#head;
  }
  get extent(): Extent {
    return this.#extent;
  }

  /** Writes the rows of a plan; throws before anything changes in memory. */
  append(head: Head, rows: readonly StoredRow[]): void {
    this.#storage.append(rows);
    this.#head = head;
    for (const row of rows) {
      const { events, bytes, oldestAt, first } = this.#extent;
      this.#extent = {
        first: events === 0 ? row.first : first,
        events: events + row.count,
        bytes: bytes + row.bytes,
        oldestAt: oldestAt ?? row.at,
      };
      this.#tail.push(row);
      this.#tailBytes += row.bytes;
    }
    while (this.#tail.length > 1 && this.#tailBytes > tailBytesMax) this.#tailBytes -= this.#tail.shift()?.bytes ?? 0;
  }

  /** Rows after `since`, up to `until`, about `bytesMax` of them and at least one. */
  rowsAfter(since: number, bytesMax: number, until = this.#head.top): LogRow[] {
    const [oldest] = this.#tail;
    if (oldest === undefined || oldest.first > since + 1) return this.#storage.rowsAfter(since, until, bytesMax);
    const rows: LogRow[] = [];
    let bytes = 0;
    for (const { bytes: size, ...stored } of this.#tail) {
      const row = cutRow(stored, since + 1, until);
      if (row === undefined) continue;
      if (rows.length > 0 && bytes + size > bytesMax) break;
      rows.push(row);
      bytes += size;
    }
    return rows;
  }

  /** The newest event that was not stale: what a last-value channel shows. It outlives the rows. */
  latest(): Trimmed["latest"] {
    for (const row of this.#storage.newestRows()) {
      const event = eventsOf(row).findLast(({ stale }) => !stale);
      if (event !== undefined) return { offset: event.offset, at: event.at, text: event.text };
    }
    return this.#storage.trimmed().latest;
  }

  /** Drops rows past the bounds, but nothing from `keepFrom` on: what a queue has not taken yet is never trimmed. */
  trim(now: number, keepFrom: number): void {
    const first = trimPoint(this.#storage.oldest(), { extent: this.#extent, now, keepFrom });
    if (first <= this.#extent.first) return;
    const latest = this.latest();
    this.#storage.write("trimmed", { top: this.#head.top, at: this.#head.at, ...(latest === undefined ? {} : { latest }) });
    this.#storage.trimBefore(first);
    this.#extent = this.#storage.extent(this.#head.top);
    this.#tail = this.#tail.filter((row) => row.first >= first);
    this.#tailBytes = this.#tail.reduce((sum, row) => sum + row.bytes, 0);
  }

  /** When the next row falls out of its age, or undefined with nothing held. */
  nextTrimAt(): number | undefined {
    return this.#extent.oldestAt === undefined ? undefined : this.#extent.oldestAt + historyAgeMsMax;
  }

  /** Unused for so long that nobody can hold a position in it: the next use starts a new epoch. */
  isForgotten(now: number): boolean {
    return this.#extent.events === 0 && this.#head.top > 0 && now - this.#head.at > epochTtlMs;
  }
}

/** The first offset to keep: whole rows go while any bound is passed. Pure. */
export function trimPoint(
  oldest: Iterable<{ first: number; count: number; at: number; bytes: number }>,
  bounds: { extent: Extent; now: number; keepFrom: number },
): number {
  let { events, bytes } = bounds.extent;
  let keep = bounds.extent.first;
  for (const row of oldest) {
    const last = row.first + row.count - 1;
    const over = events > historyEventsMax || bytes > historyBytesMax || row.at < bounds.now - historyAgeMsMax;
    if (!over || last >= bounds.keepFrom) break;
    events -= row.count;
    bytes -= row.bytes;
    keep = last + 1;
  }
  return keep;
}
