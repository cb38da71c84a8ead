/** Writes the newest state of entities to D1 (DESIGN 12). One statement takes up to a megabyte of rows, and the version guard in
 *  it makes every write safe to repeat and to come late: an older state changes nothing and costs nothing. */
import { utf8Bytes } from "../platform/bytes.ts";
import { CacheTag } from "../schemas/cache.ts";
import { statementBytesMax } from "../schemas/limits.ts";
import { compareVersions } from "../schemas/version.ts";
import { announceChange } from "./changes.ts";
import { columnsOf, rowOf } from "./hot-cache-tables.ts";
import type { HotTable, Placed } from "./hot-cache-tables.ts";
import type { HotDatabases } from "./prune.ts";

export interface StatesToWrite {
  readonly table: HotTable;
  readonly placed: readonly Placed[];
  /** Epoch ms: decides which states are past the prune horizon. */
  readonly now: number;
}

/** What an upsert has done. */
export interface Written {
  /** Entities that have another state now. */
  readonly changed: number;
  /** By D1, index entries included: they are what it bills. */
  readonly rows: number;
}

/** Upserts the newest state of each entity among `placed`. Throws what D1 throws; statements before the failed one stay committed.
 *  Returns the rows D1 wrote. */
export async function upsertNewest(db: D1Database, states: StatesToWrite): Promise<number> {
  return (await applyNewest(db, states)).rows;
}

export async function applyNewest(db: D1Database, states: StatesToWrite): Promise<Written> {
  const { table } = states;
  const texts = newestStates(states).map((state) => rowOf(table, state));
  const statement = db.prepare(upsertSql(table));
  let [changed, rows] = [0, 0];
  for (const parameter of jsonArrays(texts)) {
    const { meta } = await statement.bind(parameter).run();
    changed += meta.changes;
    rows += meta.rows_written;
  }
  return { changed, rows };
}

/** The same where readers look, who are told of it. */
export async function writeHotCache(databases: HotDatabases, states: StatesToWrite): Promise<Written> {
  const { table } = states;
  try {
    return await applyNewest(databases[table.database], states);
  } finally {
    // Also of a write that failed: a part of it may be there. The time is taken now, so that a read made meanwhile is older.
    const tag = CacheTag.safeParse(table.name);
    if (tag.success) await announceChange(tag.data, { nowMs: Date.now() });
  }
}

/** States before it are pruned: one of them would revive a row. */
export function horizonOf({ retentionMs }: HotTable, now: number): number {
  return retentionMs === undefined ? Number.NEGATIVE_INFINITY : now - retentionMs;
}

/** The last state of each entity, without those older than the prune horizon. */
export function newestStates({ table, placed, now }: StatesToWrite): Placed[] {
  const horizonMs = horizonOf(table, now);
  const newest = new Map<string, Placed>();
  for (const state of placed) {
    if (state.version.timeMs < horizonMs) continue;
    const id = table.idOf(state);
    const known = newest.get(id);
    if (known === undefined || compareVersions(state.version, known.version) > 0) newest.set(id, state);
  }
  return [...newest.values()];
}

/** `WHERE true` is needed: without it SQLite reads ON CONFLICT as a join condition of the SELECT. */
function upsertSql(table: HotTable): string {
  const columns = columnsOf(table);
  const values = columns.map((_, index) => `json_extract(value, '$[${index}]')`);
  const changes = columns.slice(1).map((column) => `${column} = excluded.${column}`);
  return `INSERT INTO ${table.name} (${columns.join(", ")})
    SELECT ${values.join(", ")} FROM json_each(?1) WHERE true
    ON CONFLICT (${table.id}) DO UPDATE SET ${changes.join(", ")}
    WHERE (excluded.time_ms, excluded.rank, excluded.key) > (${table.name}.time_ms, ${table.name}.rank, ${table.name}.key)`;
}

/** Joins rows into JSON arrays of at most statementBytesMax; a row is at most an event, far below it. */
function jsonArrays(rows: readonly string[]): string[] {
  const arrays: string[] = [];
  let pending: string[] = [];
  let bytes = 2;
  for (const row of rows) {
    const cost = utf8Bytes(row) + 1;
    if (bytes + cost > statementBytesMax && pending.length > 0) {
      arrays.push(`[${pending.join(",")}]`);
      pending = [];
      bytes = 2;
    }
    pending.push(row);
    bytes += cost;
  }
  if (pending.length > 0) arrays.push(`[${pending.join(",")}]`);
  return arrays;
}
