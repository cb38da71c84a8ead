/** Reads the log for someone who lacks a part of it: recovery at a relay, or a history call. */
import { cutRow, lastOf } from "../../schemas/row.ts";
import type { HistoryRequest, LogRow } from "../../schemas/rpc.ts";
import type { Log } from "./log.ts";

/** At most `limit` events of (since, until] within about `bytesMax`: the first ones, or the newest ones. */
export function historyOf(log: Log, { since, limit, until, reverse }: HistoryRequest, bytesMax: number): LogRow[] {
  const end = Math.min(until ?? log.head.top, log.head.top);
  if (reverse === true) return newestOf(log, { since: Math.max(since, end - (limit ?? end)), end }, bytesMax);
  const rows = log.rowsAfter(since, bytesMax, end);
  if (limit === undefined) return rows;
  const [head] = rows;
  if (head === undefined) return rows;
  const last = head.first + limit - 1;
  return rows.filter((row) => row.first <= last).flatMap((row) => (lastOf(row) <= last ? [row] : (cutRow(row, row.first, last) ?? [])));
}

/** The log is read forwards and an answer ends at its byte bound: the start moves up until the answer reaches the end. */
function newestOf(log: Log, { since, end }: { readonly since: number; readonly end: number }, bytesMax: number): LogRow[] {
  let start = since;
  let rows = log.rowsAfter(start, bytesMax, end);
  for (let last = rows.at(-1); last !== undefined && lastOf(last) < end; last = rows.at(-1)) {
    start = Math.ceil((start + end) / 2);
    rows = log.rowsAfter(start, bytesMax, end);
  }
  return rows;
}
