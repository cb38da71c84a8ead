/** Deletes from the hot cache what is older than its retention. Only the pending rows have an index, so it walks the primary key in
 *  slices: each statement reads a bounded number of rows and holds D1's single writer for milliseconds. */
import { hotTables } from "./hot-cache-tables.ts";
import type { HotTable } from "./hot-cache-tables.ts";

/** Keys read by one statement. A million rows are a hundred slices: reads cost a thousandth of a write. */
const sliceRowsMax = 10_000;
/** A consumer whose clock runs behind the cron's must still refuse every event that could revive a pruned row. */
const clockMarginMs = 5 * 60_000;

export type HotDatabases = Readonly<Record<HotTable["database"], D1Database>>;

export interface PruneOptions {
  readonly now: number;
  readonly sliceRows?: number;
}

/** Rows deleted, by table. */
export async function pruneHotCache(databases: HotDatabases, options: PruneOptions): Promise<Record<string, number>> {
  const deleted: Record<string, number> = {};
  for (const table of hotTables) {
    if (table.retentionMs === undefined) continue;
    const beforeMs = options.now - table.retentionMs - clockMarginMs;
    deleted[table.name] = await pruneTable(databases[table.database], table, { beforeMs, sliceRows: options.sliceRows ?? sliceRowsMax });
  }
  return deleted;
}

async function pruneTable(db: D1Database, table: HotTable, slice: { beforeMs: number; sliceRows: number }): Promise<number> {
  const { id, name } = table;
  const endSql = db.prepare(`SELECT ${id} AS id FROM ${name} WHERE ${id} > ?1 ORDER BY ${id} LIMIT 1 OFFSET ?2`);
  const deleteSql = db.prepare(`DELETE FROM ${name} WHERE ${id} > ?1 AND ${id} <= ?2 AND time_ms < ?3`);
  const deleteRestSql = db.prepare(`DELETE FROM ${name} WHERE ${id} > ?1 AND time_ms < ?2`);
  let deleted = 0;
  let after = "";
  for (;;) {
    const end = await endSql.bind(after, slice.sliceRows - 1).first<string>("id");
    const statement = end === null ? deleteRestSql.bind(after, slice.beforeMs) : deleteSql.bind(after, end, slice.beforeMs);
    deleted += (await statement.run()).meta.changes;
    if (end === null) return deleted;
    after = end;
  }
}
