/** A second copy of the hot cache's tables, filled from the log alone and compared with the live one, row for row. Named by its replay, so
 *  that a later one finds what was left behind by those that did not come to their end. */
import type { HotTable } from "./hot-cache-tables.ts";
import { columnsOf } from "./hot-cache-tables.ts";
import type { HotDatabases } from "./prune.ts";

/** Rows compared by one statement: reads of some megabytes, which hold up nobody for long. */
const pageRowsMax = 5_000;
const freshName = /^verify_([0-9a-z]{1,64})_[a-z_]+$/;

/** The table of the same shape that a replay fills. */
export function freshTable(id: string, table: HotTable): HotTable {
  const name = `verify_${id}_${table.name}`;
  if (!freshName.test(name)) throw new Error(`"${id}" is no id of a replay`);
  return { ...table, name };
}

/** As the live table is now, checks and all, without its indexes. Safe to repeat. */
export async function createFresh(databases: HotDatabases, id: string, table: HotTable): Promise<HotTable> {
  const fresh = freshTable(id, table);
  const db = databases[table.database];
  const sql = await db.prepare("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?1").bind(table.name).first<string>("sql");
  const body = sql?.slice(sql.indexOf("("));
  if (body === undefined) throw new Error(`there is no table ${table.name}`);
  await db.prepare(`CREATE TABLE IF NOT EXISTS ${fresh.name} ${body}`).run();
  return fresh;
}

/** Safe to repeat. */
export async function dropFresh(databases: HotDatabases, fresh: HotTable): Promise<void> {
  await databases[fresh.database].prepare(`DROP TABLE IF EXISTS ${fresh.name}`).run();
}

/** Drops what replays left behind that `keeps` does not speak for. Returns the names. */
export async function dropLeftovers(db: D1Database, keeps: (ids: readonly string[]) => Promise<ReadonlySet<string>>): Promise<string[]> {
  const sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB 'verify_*'";
  const found = (await db.prepare(sql).all<{ name: string }>()).results.flatMap(({ name }) => {
    const id = freshName.exec(name)?.[1];
    return id === undefined ? [] : [{ name, id }];
  });
  if (found.length === 0) return [];
  const kept = await keeps([...new Set(found.map(({ id }) => id))]);
  const left = found.filter(({ id }) => !kept.has(id)).map(({ name }) => name);
  for (const name of left) await db.prepare(`DROP TABLE IF EXISTS ${name}`).run();
  return left;
}

export interface Difference {
  readonly table: string;
  readonly id: string;
  /** The live row is not there, is older than the log's state, has the same version and other columns, or stands at a position among those
   *  that were read, and the log has no line of it. */
  readonly live: "missing" | "older" | "other" | "unlogged";
  /** Those that differ. */
  readonly columns?: readonly string[];
}

export interface Comparison {
  /** Rows of the fresh table that may still be in the live one. */
  readonly compared: number;
  readonly equal: number;
  /** Live writes went on: they are ahead of the log that was read. */
  readonly newer: number;
  readonly unequal: number;
  readonly different: readonly Difference[];
}

export interface ComparisonWish {
  readonly table: HotTable;
  readonly fresh: HotTable;
  /** Rows whose state is older may have been pruned meanwhile. */
  readonly horizonMs: number;
  readonly differencesMax: number;
  /** Whether every line of the window was read: only then a live row may be missed in the fresh table. */
  readonly isWhole: boolean;
  readonly pageRows?: number;
}

/** Undefined when there is no fresh table: nothing of the window was for it. */
export async function compareFresh(databases: HotDatabases, wish: ComparisonWish): Promise<Comparison | undefined> {
  const db = databases[wish.table.database];
  const known = await db.prepare("SELECT 1 AS known FROM sqlite_master WHERE type = 'table' AND name = ?1").bind(wish.fresh.name).first();
  if (known === null) return undefined;
  const { pageRows = pageRowsMax, horizonMs, differencesMax } = wish;
  let [compared, equal, newer, unequal] = [0, 0, 0, 0];
  const different: Difference[] = [];
  const [countSql, listSql] = [db.prepare(countsOf(wish)), db.prepare(differencesOf(wish))];
  for (let after = ""; ;) {
    const counts = await countSql
      .bind(after, horizonMs, pageRows)
      .first<Record<"rows" | "equal" | "newer", number> & { end: string | null }>();
    if (counts === null || counts.end === null) break;
    compared += counts.rows;
    equal += counts.equal;
    newer += counts.newer;
    unequal += counts.rows - counts.equal - counts.newer;
    const wanted = differencesMax - different.length;
    if (counts.rows > counts.equal + counts.newer && wanted > 0) {
      const { results } = await listSql.bind(after, horizonMs, counts.end, wanted).all<Record<string, unknown>>();
      different.push(...results.map((row) => differenceOf(wish.table, row)));
    }
    after = counts.end;
  }
  if (wish.isWhole) {
    const { results } = await db.prepare(unloggedOf(wish)).bind(horizonMs, differencesMax).all<{ id: string; total: number }>();
    unequal += results[0]?.total ?? 0;
    const unlogged = results.map(({ id }): Difference => ({ table: wish.table.name, id, live: "unlogged" }));
    different.push(...unlogged.slice(0, differencesMax - different.length));
  }
  return { compared, equal, newer, unequal, different };
}

/** The version guard's order. */
const version = (name: string): string => `(${name}.time_ms, ${name}.rank, ${name}.key)`;

function countsOf({ table, fresh }: ComparisonWish): string {
  const same = columnsOf(table).map((column) => `l.${column} IS f.${column}`);
  return `SELECT COUNT(*) AS rows, MAX(f.${table.id}) AS end,
      COALESCE(SUM(${same.join(" AND ")}), 0) AS equal,
      COALESCE(SUM(${version("l")} > ${version("f")}), 0) AS newer
    FROM (SELECT * FROM ${fresh.name} WHERE ${table.id} > ?1 AND time_ms >= ?2 ORDER BY ${table.id} LIMIT ?3) f
    LEFT JOIN ${table.name} l ON l.${table.id} = f.${table.id}`;
}

function differencesOf({ table, fresh }: ComparisonWish): string {
  const columns = columnsOf(table);
  const differs = columns.map((column) => `l.${column} IS NOT f.${column} AS "not_${column}"`);
  return `SELECT f.${table.id} AS id, l.${table.id} IS NULL AS missing, ${version("l")} < ${version("f")} AS older, ${differs.join(", ")}
    FROM ${fresh.name} f LEFT JOIN ${table.name} l ON l.${table.id} = f.${table.id}
    WHERE f.${table.id} > ?1 AND f.${table.id} <= ?3 AND f.time_ms >= ?2
      AND (l.${table.id} IS NULL OR ${version("l")} < ${version("f")}
        OR (${version("l")} = ${version("f")} AND NOT (${columns.map((column) => `l.${column} IS f.${column}`).join(" AND ")})))
    ORDER BY f.${table.id} LIMIT ?4`;
}

function unloggedOf({ table, fresh }: ComparisonWish): string {
  return `SELECT l.${table.id} AS id, COUNT(*) OVER () AS total FROM ${table.name} l
    JOIN (SELECT epoch, MIN(offset) AS first, MAX(offset) AS last FROM ${fresh.name} GROUP BY epoch) r
      ON l.epoch = r.epoch AND l.offset BETWEEN r.first AND r.last
    WHERE l.time_ms >= ?1 AND NOT EXISTS (SELECT 1 FROM ${fresh.name} f WHERE f.${table.id} = l.${table.id})
    ORDER BY l.${table.id} LIMIT ?2`;
}

function differenceOf(table: HotTable, row: Readonly<Record<string, unknown>>): Difference {
  const head = { table: table.name, id: String(row["id"]) };
  if (row["missing"] === 1) return { ...head, live: "missing" };
  if (row["older"] === 1) return { ...head, live: "older" };
  return { ...head, live: "other", columns: columnsOf(table).filter((column) => row[`not_${column}`] === 1) };
}
