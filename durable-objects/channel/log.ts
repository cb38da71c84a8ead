/** The channel's log in memory: its head, its extent, and the newest rows, so that delivering what was just written reads no SQL. */
import { deliverBytesMax, epochTtlMs, historyAgeMsMax, historyBytesMax, historyEventsMax, historyExcess } from "../../schemas/limits.ts";
import { eventsOf } from "../../schemas/row.ts";
import type { LatestReply, LogRow } from "../../schemas/rpc.ts";
import type { Head, StoredRow } from "./sequence.ts";
import type { ChannelStorage, Extent, RowSize } from "./storage.ts";
import { Tail } from "./tail.ts";

/** What decides which rows may go: the clock, and the first offset that some queue has not taken. */
export interface Keep {
  readonly now: number;
  readonly from: number;
}

export class Log {
  readonly #storage: ChannelStorage;
  #head: Head;
  #extent: Extent;
  readonly #tail = new Tail(deliverBytesMax);

  constructor(storage: ChannelStorage) {
    this.#storage = storage;
    const last = storage.lastRow();
    this.#head = last === undefined ? { top: 0, at: 0 } : { top: last.last, at: last.at };
    this.#extent = storage.extent(this.#head.top);
  }

  get head(): Head {
    return this.#head;
  }
  get extent(): Extent {
    return this.#extent;
  }

  /** Writes the rows of a plan, all or none: over old ones that are past the bounds, else beside them. */
  append(head: Head, rows: readonly StoredRow[], keep: Keep): void {
    let extent = this.#extent;
    this.#storage.atomically(rows.length, () => {
      for (const row of rows) extent = this.#write(row, extent, keep);
    });
    this.#extent = extent;
    this.#head = head;
    this.#tail.append(rows, extent.first);
  }

  #write(row: StoredRow, extent: Extent, keep: Keep): Extent {
    const old = isPast(extent, keep.now) ? goingFirst(this.#storage.oldest(), keep.from) : undefined;
    if (old === undefined) this.#storage.append(row);
    else this.#storage.overwrite(old.row.first, row);
    const left = old === undefined ? extent : without(extent, old);
    return {
      first: left.events === 0 ? row.first : left.first,
      events: left.events + row.count,
      bytes: left.bytes + row.bytes,
      oldestAt: left.oldestAt ?? row.at,
    };
  }

  /** Rows after `since`, up to `until`, about `bytesMax` of them and at least one. */
  rowsAfter(since: number, bytesMax: number, until = this.#head.top): LogRow[] {
    return this.#tail.rowsAfter(since, until, bytesMax) ?? this.#storage.rowsAfter(since, until, bytesMax);
  }

  /** The newest event that was not stale: what a last-value channel shows. */
  latest(): LatestReply["event"] {
    for (const row of this.#storage.newestRows()) {
      const event = eventsOf(row).findLast(({ stale }) => !stale);
      if (event !== undefined) return { offset: event.offset, at: event.at, text: event.text };
    }
    return undefined;
  }

  /** Deletes rows only where overwriting one for one left far too much. */
  trim(keepFrom: number): void {
    const first = trimPoint(this.#storage.oldest(), this.#extent, keepFrom);
    if (first <= this.#extent.first) return;
    this.#storage.trimBefore(first);
    this.#extent = this.#storage.extent(this.#head.top);
  }

  /** Unused for so long that nobody can hold a position in it: the next use starts a new epoch. */
  isForgotten(now: number): boolean {
    return this.#head.top > 0 && now - this.#head.at > epochTtlMs;
  }
}

function lastOf({ first, count }: RowSize): number {
  return first + count - 1;
}

/** Whether the oldest row may go. Pure. */
export function isPast({ events, bytes, oldestAt }: Extent, now: number): boolean {
  return events > historyEventsMax || bytes > historyBytesMax || (oldestAt !== undefined && oldestAt < now - historyAgeMsMax);
}

interface Going {
  readonly row: RowSize;
  /** When the row after it was sequenced; undefined when there is none. */
  readonly nextAt: number | undefined;
}

/** The oldest row, unless a queue still has to take it: that is never lost. */
function goingFirst(oldest: Iterable<RowSize>, keepFrom: number): Going | undefined {
  const [row, next] = oldest;
  return row === undefined || lastOf(row) >= keepFrom ? undefined : { row, nextAt: next?.at };
}

function without({ events, bytes }: Extent, { row, nextAt }: Going): Extent {
  return { first: lastOf(row) + 1, events: events - row.count, bytes: bytes - row.bytes, oldestAt: nextAt };
}

/** The first offset to keep, in whole rows: down to the bounds, once they are passed by far. Pure. */
export function trimPoint(oldest: Iterable<RowSize>, extent: Extent, keepFrom: number): number {
  let { events, bytes } = extent;
  let keep = extent.first;
  if (events <= historyEventsMax * historyExcess && bytes <= historyBytesMax * historyExcess) return keep;
  for (const row of oldest) {
    if ((events <= historyEventsMax && bytes <= historyBytesMax) || lastOf(row) >= keepFrom) break;
    events -= row.count;
    bytes -= row.bytes;
    keep = lastOf(row) + 1;
  }
  return keep;
}
