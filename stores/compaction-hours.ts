/** Which hours of the log are to be compacted, in D1: a row an hour and stream, from its first object until its raw objects are deleted.
 *  Where D1 is down, the mark lies in R2 until it is back: the log waits for no database. */
import { sha256Hex } from "../platform/bytes.ts";
import { messageOf } from "../platform/errors.ts";
import { logWarning } from "../platform/log.ts";
import { logCompactAfterMs, logMarkOnceUntilMs } from "../schemas/limits.ts";
import { listAll } from "./event-log-sources.ts";
import { hourOf, hourOfKey, hourPath, startOfHour } from "./event-log.ts";
import type { StreamHour } from "./log-manifest.ts";

export interface LogStores {
  readonly EDGE_LOGS: R2Bucket;
  readonly METRICS_DB: D1Database;
}

export interface HourRow extends StreamHour {
  readonly marks: number;
  readonly marked_ms: number;
  readonly done: number;
  readonly compacted_ms: number | null;
}

/** Hours that one isolate remembers to have marked: streams × the few that are open. */
const rememberedMax = 1_000;

/** Before an hour is old enough to be compacted nobody takes its mark away, so that one write an isolate is enough. Afterwards every
 *  object marks: a compaction may have listed the hour just before. */
const markSql = `INSERT INTO log_hours (stream, hour, marks, marked_ms) VALUES (?1, ?2, 1, ?3)
  ON CONFLICT (stream, hour) DO UPDATE SET marks = marks + 1, marked_ms = excluded.marked_ms WHERE ?4 = 1 OR done >= marks`;

/** Marks hours for one isolate. Call it once an object is stored, and before its messages are acknowledged. */
export class HourMarker {
  readonly #marked = new Set<string>();

  /** `object` is the key of what was stored. Throws only if neither D1 nor R2 takes the mark. */
  async mark(stores: LogStores, { object, stream, now }: { object: string; stream: string; now: number }): Promise<void> {
    const hour = hourOfKey(object);
    if (hour === undefined) throw new Error(`${object} lies in no hour of the log`);
    const late = now >= startOfHour(hour + 1) + logMarkOnceUntilMs;
    const name = `${stream} ${hour}`;
    if (!late && this.#marked.has(name)) return;
    await markHour(stores, { stream, hour, now, object, late });
    if (this.#marked.size >= rememberedMax) this.#marked.clear();
    this.#marked.add(name);
  }
}

interface Mark extends StreamHour {
  readonly now: number;
  readonly object: string;
  readonly late: boolean;
}

async function markHour(stores: LogStores, mark: Mark): Promise<void> {
  const { stream, hour, now, object, late } = mark;
  try {
    await markInD1(stores.METRICS_DB, mark);
  } catch (error) {
    logWarning("log.mark.in_r2", { stream, hour, reason: messageOf(error) });
    // A name of its own for each object: deleting it later can't take away another one's mark.
    await stores.EDGE_LOGS.put(
      `${marksPrefix}stream=${stream}/${hourPath(hour)}/${sha256Hex(object)}.json`,
      JSON.stringify({ v: 1, now, late }),
    );
  }
}

async function markInD1(db: D1Database, { stream, hour, now, late }: Omit<Mark, "object">): Promise<void> {
  await db
    .prepare(markSql)
    .bind(stream, hour, now, late ? 1 : 0)
    .run();
}

const marksPrefix = "dirty/v1/";
const streamOfMark = /\/stream=([^/]+)\//;

/** Brings marks that lie in R2 to D1. Throws when D1 is still down: they stay. */
export async function takeOverMarks({ EDGE_LOGS, METRICS_DB }: LogStores, now: number): Promise<number> {
  let taken = 0;
  for await (const { key } of listAll(EDGE_LOGS, { prefix: marksPrefix })) {
    const hour = hourOfKey(key);
    const stream = streamOfMark.exec(key)?.[1];
    if (hour !== undefined && stream !== undefined) await markInD1(METRICS_DB, { stream, hour, now, late: true });
    await EDGE_LOGS.delete(key);
    taken += 1;
  }
  return taken;
}

/** An operator's mark: the hour is looked at again, whatever is known of it. */
export async function markByHand(db: D1Database, { stream, hour }: StreamHour, now: number): Promise<void> {
  await markInD1(db, { stream, hour, now, late: true });
}

/** The last hour that has been over for long enough. */
export function lastCompactable(now: number): number {
  return hourOf(now - logCompactAfterMs) - 1;
}

const rowColumns = "stream, hour, marks, marked_ms, done, compacted_ms";

/** Dirty hours that are old enough, oldest first. */
export async function dirtyHours(db: D1Database, { now, max }: { now: number; max: number }): Promise<HourRow[]> {
  const sql = `SELECT ${rowColumns} FROM log_hours WHERE marks > done AND hour <= ?1 ORDER BY hour, stream LIMIT ?2`;
  return (await db.prepare(sql).bind(lastCompactable(now), max).all<HourRow>()).results;
}

/** What is known of a stream's hours, `toHour` excluded. */
export async function hoursOf(db: D1Database, range: { stream: string; fromHour: number; toHour: number }): Promise<HourRow[]> {
  const sql = `SELECT ${rowColumns} FROM log_hours WHERE stream = ?1 AND hour >= ?2 AND hour < ?3 ORDER BY hour`;
  return (await db.prepare(sql).bind(range.stream, range.fromHour, range.toHour).all<HourRow>()).results;
}

/** Notes that a compaction has seen all objects up to that mark. Later marks leave the hour dirty. */
export async function settleHour(db: D1Database, done: StreamHour & { readonly marks: number; readonly now: number }): Promise<void> {
  const sql = `UPDATE log_hours SET done = max(done, ?3), compacted_ms = ?4 WHERE stream = ?1 AND hour = ?2`;
  await db.prepare(sql).bind(done.stream, done.hour, done.marks, done.now).run();
}

/** Hours that have been compacted for the grace period and not touched since, oldest first. */
export async function settledHours(db: D1Database, { before, max }: { before: number; max: number }): Promise<HourRow[]> {
  const sql = `SELECT ${rowColumns} FROM log_hours WHERE marks <= done AND compacted_ms < ?1 ORDER BY hour, stream LIMIT ?2`;
  return (await db.prepare(sql).bind(before, max).all<HourRow>()).results;
}

/** Drops the row unless it was marked meanwhile. */
export async function forgetHour(db: D1Database, { stream, hour, marks }: HourRow): Promise<void> {
  await db.prepare("DELETE FROM log_hours WHERE stream = ?1 AND hour = ?2 AND marks = ?3").bind(stream, hour, marks).run();
}
