/** Reads the log for someone who lacks a part of it: recovery at a relay, or a history call. */
import { cutRow, lastOf } from "../../schemas/row.ts";
import type { HistoryRequest, LogRow } from "../../schemas/rpc.ts";
import type { Log } from "./log.ts";

export function historyOf(log: Log, { since, limit, until }: HistoryRequest, bytesMax: number): LogRow[] {
  const rows = log.rowsAfter(since, bytesMax, Math.min(until ?? log.head.top, log.head.top));
  if (limit === undefined) return rows;
  const [head] = rows;
  if (head === undefined) return rows;
  const last = head.first + limit - 1;
  return rows.filter((row) => row.first <= last).flatMap((row) => (lastOf(row) <= last ? [row] : (cutRow(row, row.first, last) ?? [])));
}
