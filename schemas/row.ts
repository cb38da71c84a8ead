/** Pure handling of log rows: the unit that is stored, delivered and read back. */
import type { LogRow } from "./rpc.ts";

/** A single event of a row with its position. */
export interface Positioned {
  readonly offset: number;
  readonly at: number;
  readonly stale: boolean;
  readonly earlier: number;
  readonly text: string;
}

export function lastOf(row: LogRow): number {
  return row.first + row.count - 1;
}

export function eventsOf(row: LogRow): Positioned[] {
  return row.lines.split("\n").map((text, index) => ({
    offset: row.first + index,
    at: row.at,
    stale: row.stale.includes(row.first + index),
    earlier: row.earlier[index] ?? 0,
    text,
  }));
}

/** The part of the row within [first, last], or undefined when nothing of it is. */
export function cutRow(row: LogRow, first: number, last: number): LogRow | undefined {
  const from = Math.max(row.first, first);
  const to = Math.min(lastOf(row), last);
  if (from > to) return undefined;
  if (from === row.first && to === lastOf(row)) return row;
  const start = from - row.first;
  const end = to - row.first + 1;
  return {
    first: from,
    count: end - start,
    at: row.at,
    stale: row.stale.filter((offset) => offset >= from && offset <= to),
    earlier: row.earlier.slice(start, end),
    lines: row.lines.split("\n").slice(start, end).join("\n"),
  };
}
