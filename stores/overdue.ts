/** Whether what runs by the clock has run: work that the crons would have taken away by now. */
import { dirtyHours } from "./compaction-hours.ts";
import { hotTables } from "./hot-cache-tables.ts";
import type { HotDatabases } from "./prune.ts";

/** Start of the oldest hour that waits for its compaction although it could have begun `forMs` ago; undefined when none does. */
export async function findOverdueHour(db: D1Database, { now, forMs }: { now: number; forMs: number }): Promise<number | undefined> {
  const [oldest] = await dirtyHours(db, { now: now - forMs, max: 1 });
  return oldest === undefined ? undefined : oldest.hour * 3_600_000;
}

/** Keys looked at in each table: the primary key has no order in time, so this is a sample, and reads cost a thousandth of a write. */
const sampleRows = 1_000;

/** Rows among the first of each table that pruning should have deleted `forMs` ago. */
export async function countOverdueRows(databases: HotDatabases, { now, forMs }: { now: number; forMs: number }): Promise<number> {
  const counts = hotTables.flatMap(({ retentionMs, database, id, name }) => {
    if (retentionMs === undefined) return [];
    const sql = `SELECT count(*) AS n FROM (SELECT time_ms FROM ${name} ORDER BY ${id} LIMIT ${sampleRows}) WHERE time_ms < ?1`;
    return [
      databases[database]
        .prepare(sql)
        .bind(now - retentionMs - forMs)
        .first<number>("n"),
    ];
  });
  return (await Promise.all(counts)).reduce<number>((sum, count) => sum + (count ?? 0), 0);
}
