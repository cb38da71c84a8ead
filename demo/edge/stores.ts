/** Reads D1 and R2 of the local edge the way the project does: the hot cache by its own tables, the log through its own reader. Runs
 *  beside the runtime, in its thread. */
import { streams } from "../../channels/catalogue.ts";
import { splitWire } from "../../schemas/render.ts";
import { hourOf, hourPrefix, streamPrefix } from "../../stores/event-log.ts";
import { openObject } from "../../stores/event-log-object.ts";
import { readLog, type LogCoverage } from "../../stores/event-log-reader.ts";
import { hotTables, type HotTable } from "../../stores/hot-cache-tables.ts";
import type { CachedRow } from "../ledger.ts";
import type { Database } from "./migrate.ts";

export type Databases = Readonly<Record<HotTable["database"], Database>>;

/** Rows by stream, as `Ledger.uncoveredRows` names them. */
export type WantedRows = Readonly<Record<string, readonly string[]>>;

/** Newest state of each wanted row that exists. */
export async function readCache(databases: Databases, wanted: WantedRows): Promise<CachedRow[]> {
  const found: CachedRow[] = [];
  for (const { stream, id, name, database } of hotTables) {
    const rows = wanted[stream] ?? [];
    if (rows.length === 0) continue;
    const sql = `SELECT ${id} AS id, time_ms, rank, key FROM ${name} WHERE ${id} IN (SELECT value FROM json_each(?))`;
    const statement = databases[database].prepare(sql).bind(JSON.stringify(rows));
    const { results } = await statement.all<{ id: string; time_ms: number; rank: number; key: string }>();
    for (const row of results) found.push({ stream, row: row.id, version: { timeMs: row.time_ms, rank: row.rank, key: row.key } });
  }
  return found;
}

export interface LogReading {
  /** Every event given, in order, as often as it was given. */
  readonly ids: readonly string[];
  /** Positions that no object holds, from a stream's first event of the window to its last. */
  readonly missing: readonly (LogCoverage["missing"][number] & { readonly stream: string })[];
}

/** Objects written meanwhile may hold times a little past our own clock. */
const aheadMs = 60_000;

/** Reads the log of a run through its reader. */
export async function readWholeLog(bucket: R2Bucket, fromMs: number): Promise<LogReading> {
  const ids: string[] = [];
  const missing: LogReading["missing"][number][] = [];
  for (const { name: stream } of streams) {
    const window = { stream, from: fromMs, to: Date.now() + aheadMs };
    const note = (coverage: LogCoverage): void => {
      missing.push(...coverage.missing.map((range) => ({ ...range, stream })));
    };
    for await (const { text } of readLog(bucket, window, note)) ids.push(splitWire(text).id);
  }
  return { ids, missing };
}

/** Follows the log as it grows. Objects never change, so each is read once: cheap enough for every few seconds. */
export class LogFollower {
  readonly #bucket: R2Bucket;
  readonly #fromMs: number;
  readonly #read = new Set<string>();

  constructor(bucket: R2Bucket, fromMs: number) {
    this.#bucket = bucket;
    this.#fromMs = fromMs;
  }

  /** Ids in objects that were not there before. */
  async follow(): Promise<string[]> {
    const ids: string[] = [];
    for (const { name } of streams) {
      for (const key of await this.#newKeys(name)) {
        ids.push(...(await this.#idsIn(key)));
        this.#read.add(key);
      }
    }
    return ids;
  }

  async #newKeys(stream: string): Promise<string[]> {
    const keys: string[] = [];
    let startAfter = hourPrefix(stream, hourOf(this.#fromMs));
    for (;;) {
      const page = await this.#bucket.list({ prefix: streamPrefix(stream), startAfter });
      keys.push(...page.objects.map(({ key }) => key).filter((key) => !this.#read.has(key)));
      const last = page.objects.at(-1);
      if (!page.truncated || last === undefined) return keys;
      startAfter = last.key;
    }
  }

  async #idsIn(key: string): Promise<string[]> {
    const ids: string[] = [];
    const cursor = await openObject(this.#bucket, key);
    if (cursor === undefined) return ids;
    do {
      if (cursor.line.at >= this.#fromMs) ids.push(splitWire(cursor.line.text).id);
    } while (cursor.advance());
    return ids;
  }
}
