/** The channel's tables. One row a batch in `log`, one blob a flush in `seen`, a few named values in `state`; rows and their meaning
 *  are decided elsewhere. Synchronous SQL: nothing interleaves, and whatever is sent afterwards waits for durability. */
import { z } from "zod";
import { OperationSlot } from "../../schemas/operations.ts";
import { historyReplyBytesMax } from "../../schemas/limits.ts";
import { cutRow } from "../../schemas/row.ts";
import type { LogRow } from "../../schemas/rpc.ts";
import { counted } from "../counted-sql.ts";
import { decodeSeen, encodeSeen, type SeenEvent } from "./seen.ts";
import type { StoredRow } from "./sequence.ts";
import { SavedOperations } from "./tally.ts";

const Identity = z.object({ v: z.literal(1), stream: z.string(), epoch: z.string(), createdAt: z.number() });
const Ranges = z.array(z.tuple([z.number(), z.number()]).readonly()).readonly();
const SettledState = z.object({ offset: z.number(), islands: Ranges, incomplete: Ranges });
const Standstill = z.object({ since: z.number(), patienceMs: z.number() });
export const SavedProgress = z.object({
  v: z.literal(1),
  /** By sink: first offset not yet handed over. */
  cursors: z.record(z.string(), z.number()),
  settled: SettledState,
  standstill: Standstill.optional(),
  /** Counted since the row of operations was written. */
  operations: z.array(OperationSlot).optional(),
});

export type Identity = z.infer<typeof Identity>;
export type SavedProgress = z.infer<typeof SavedProgress>;
/** Since when the settled position has not moved, and how long that is borne. */
export type Standstill = z.infer<typeof Standstill>;

type LogRecord = { first: number; count: number; at: number; bytes: number; stale: string; earlier: string; lines: string };

export interface Extent {
  /** Oldest offset held, or top + 1 when none is. */
  readonly first: number;
  readonly events: number;
  readonly bytes: number;
  readonly oldestAt: number | undefined;
}

/** A row without its lines. */
export interface RowSize {
  readonly first: number;
  readonly count: number;
  readonly at: number;
  readonly bytes: number;
}

export class ChannelStorage {
  readonly #storage: DurableObjectStorage;
  readonly #sql: Pick<SqlStorage, "exec">;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#sql = counted(storage.sql);
    this.#createTables();
  }

  #createTables(): void {
    this.#sql.exec(`
      CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS log (first INTEGER PRIMARY KEY, count INTEGER NOT NULL, at INTEGER NOT NULL, bytes INTEGER NOT NULL,
        stale TEXT NOT NULL, earlier TEXT NOT NULL, lines TEXT NOT NULL);
      CREATE TABLE IF NOT EXISTS seen (first INTEGER PRIMARY KEY, at INTEGER NOT NULL, body BLOB NOT NULL);
      CREATE TABLE IF NOT EXISTS interest (relay TEXT PRIMARY KEY, generation INTEGER NOT NULL) WITHOUT ROWID;
    `);
  }

  // ---- named values
  identity(): Identity | undefined {
    return this.#read("identity", Identity);
  }
  progress(): SavedProgress | undefined {
    return this.#read("progress", SavedProgress);
  }
  /** Undefined also where they can't be read: a bill that begins anew stops no stream. */
  operations(): SavedOperations | undefined {
    try {
      return this.#read("operations", SavedOperations);
    } catch {
      return undefined;
    }
  }
  write(name: "identity" | "progress" | "operations", value: Identity | SavedProgress | SavedOperations): void {
    this.#sql.exec(
      "INSERT INTO state (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
      name,
      JSON.stringify(value),
    );
  }

  /** All of the work or none of it. One statement is whole by itself: a transaction around it would be two more. */
  atomically(statements: number, work: () => void): void {
    if (statements === 1) work();
    else this.#storage.transactionSync(work);
  }

  // ---- log
  append(row: StoredRow): void {
    this.#sql.exec("INSERT INTO log (first, count, at, bytes, stale, earlier, lines) VALUES (?, ?, ?, ?, ?, ?, ?)", ...valuesOf(row));
  }

  /** Writes the row over an old one: one row billed, where a deletion and an insertion were two. */
  overwrite(old: number, row: StoredRow): void {
    this.#sql.exec(
      "UPDATE log SET first = ?, count = ?, at = ?, bytes = ?, stale = ?, earlier = ?, lines = ? WHERE first = ?",
      ...valuesOf(row),
      old,
    );
  }

  lastRow(): { last: number; at: number } | undefined {
    return this.#sql
      .exec<{ last: number; at: number }>("SELECT first + count - 1 AS last, at FROM log ORDER BY first DESC LIMIT 1")
      .toArray()[0];
  }

  extent(top: number): Extent {
    const [held] = this.#sql
      .exec<{ events: number | null; bytes: number | null; first: number | null; oldest: number | null }>(
        "SELECT sum(count) AS events, sum(bytes) AS bytes, min(first) AS first, min(at) AS oldest FROM log",
      )
      .toArray();
    return { first: held?.first ?? top + 1, events: held?.events ?? 0, bytes: held?.bytes ?? 0, oldestAt: held?.oldest ?? undefined };
  }

  bytesFrom(offset: number): number {
    return this.#sql.exec<{ bytes: number | null }>("SELECT sum(bytes) AS bytes FROM log WHERE first >= ?", offset).one().bytes ?? 0;
  }

  /** Rows after `since` and up to `until`, cut to them; stops once about `bytesMax` are read, after at least one row. */
  rowsAfter(since: number, until: number, bytesMax = historyReplyBytesMax): LogRow[] {
    const rows: LogRow[] = [];
    let bytes = 0;
    // The row holding since + 1 starts at or before it.
    const from =
      this.#sql.exec<{ first: number | null }>("SELECT max(first) AS first FROM log WHERE first <= ?", since + 1).one().first ?? since + 1;
    for (const record of this.#sql.exec<LogRecord>("SELECT * FROM log WHERE first >= ? AND first <= ? ORDER BY first", from, until)) {
      const row = cutRow(toRow(record), since + 1, until);
      if (row === undefined) continue;
      if (rows.length > 0 && bytes + record.bytes > bytesMax) break;
      rows.push(row);
      bytes += record.bytes;
    }
    return rows;
  }

  /** Rows from the oldest on. */
  *oldest(): Generator<RowSize> {
    yield* this.#sql.exec<{ first: number; count: number; at: number; bytes: number }>(
      "SELECT first, count, at, bytes FROM log ORDER BY first",
    );
  }

  *newestRows(): Generator<LogRow> {
    for (const record of this.#sql.exec<LogRecord>("SELECT * FROM log ORDER BY first DESC")) yield toRow(record);
  }

  trimBefore(first: number): void {
    this.#sql.exec("DELETE FROM log WHERE first < ?", first);
  }

  // ---- seen
  appendSeen(first: number, at: number, events: readonly SeenEvent[]): void {
    this.#sql.exec("INSERT OR REPLACE INTO seen (first, at, body) VALUES (?, ?, ?)", first, at, encodeSeen(events));
  }

  *seenSince(at: number): Generator<{ first: number; at: number; events: SeenEvent[] }> {
    for (const { first, at: when, body } of this.#sql.exec<{ first: number; at: number; body: ArrayBuffer }>(
      "SELECT first, at, body FROM seen WHERE at >= ? ORDER BY first",
      at,
    )) {
      yield { first, at: when, events: decodeSeen(body) };
    }
  }

  /** First offset that no seen blob covers yet. */
  seenNext(): number {
    const [last] = this.#sql
      .exec<{ next: number }>("SELECT first + length(body) / 24 AS next FROM seen ORDER BY first DESC LIMIT 1")
      .toArray();
    return last?.next ?? 1;
  }

  forgetSeenBefore(at: number): void {
    // The newest blob stays: it says how far the blobs reach.
    this.#sql.exec("DELETE FROM seen WHERE at < ? AND first < (SELECT max(first) FROM seen)", at);
  }

  // ---- interest
  interests(): { relay: string; generation: number }[] {
    return this.#sql.exec<{ relay: string; generation: number }>("SELECT relay, generation FROM interest").toArray();
  }
  putInterest(relay: string, generation: number): void {
    this.#sql.exec(
      "INSERT INTO interest (relay, generation) VALUES (?, ?) ON CONFLICT (relay) DO UPDATE SET generation = excluded.generation",
      relay,
      generation,
    );
  }
  dropInterest(relay: string): void {
    this.#sql.exec("DELETE FROM interest WHERE relay = ?", relay);
  }

  /** Nothing stays, the alarm neither: what is not stored costs nothing. */
  async deleteAll(): Promise<void> {
    await Promise.all([this.#storage.deleteAlarm(), this.#storage.deleteAll()]);
  }

  /** A new epoch keeps the registrations: relays learn of it by the next deliver. */
  clearForNewEpoch(): void {
    // They are gone after deleteAll.
    this.#createTables();
    this.#sql.exec("DELETE FROM state; DELETE FROM log; DELETE FROM seen;");
  }

  #read<T>(name: string, schema: z.ZodType<T>): T | undefined {
    const [record] = this.#sql.exec<{ value: string }>("SELECT value FROM state WHERE name = ?", name).toArray();
    if (record === undefined) return undefined;
    const parsed = schema.safeParse(JSON.parse(record.value));
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    throw new Error(`the stored ${name} cannot be read: ${issue?.path.join(".")}: ${issue?.message}`);
  }
}

function valuesOf({ first, count, at, bytes, stale, earlier, lines }: StoredRow): (number | string)[] {
  return [first, count, at, bytes, JSON.stringify(stale), JSON.stringify(earlier), lines];
}

function toRow({ first, count, at, stale, earlier, lines }: LogRecord): LogRow {
  return { first, count, at, stale: JSON.parse(stale) as number[], earlier: JSON.parse(earlier) as number[], lines };
}
