/** Reads the hot cache: lists in keyset order, one entity by id, and the pages of a snapshot. Decides the SQL; who may read and what a
 *  request means is decided before. Rows come back as the event's `data` with the key to continue from. */

export type EntityKind = "opportunities" | "executions" | "strategies";
/** Metrics have snapshots, but no list of their own. */
export type SnapshotKind = EntityKind | "metrics";

export interface CacheBindings {
  readonly OPPORTUNITIES_DB: D1Database;
  readonly STRATEGIES_DB: D1Database;
  readonly METRICS_DB: D1Database;
}

interface Table {
  readonly binding: keyof CacheBindings;
  readonly name: string;
  readonly id: string;
  readonly profit?: string;
}

/** Below every profit DecimalString lets in (10^78): an execution without a profit yet sorts last among the profitable. */
const noProfit = -1e300;

const tables: Readonly<Record<SnapshotKind, Table>> = {
  opportunities: { binding: "OPPORTUNITIES_DB", name: "opportunities", id: "opportunity_id", profit: "estimated_profit" },
  executions: { binding: "OPPORTUNITIES_DB", name: "executions", id: "execution_id", profit: `COALESCE(actual_profit, ${noProfit})` },
  strategies: { binding: "STRATEGIES_DB", name: "strategies", id: "strategy_id" },
  metrics: { binding: "METRICS_DB", name: "performance_metrics", id: "id" },
};

/** A leading minus: greatest first. */
export type Sort = "time" | "-time" | "profit" | "-profit";

export interface Filter {
  readonly chain?: string | undefined;
  readonly status?: string | undefined;
  readonly minProfit?: number | undefined;
  readonly tokenPair?: string | undefined;
  readonly dex?: string | undefined;
  readonly opportunityId?: string | undefined;
  readonly strategyId?: string | undefined;
  readonly active?: boolean | undefined;
  /** Opportunities only: pending ones, and those of a list that names no status, must end after this time. */
  readonly unexpiredAtMs?: number | undefined;
}

/** Where a page begins: behind this row. */
export interface After {
  readonly key: number;
  readonly id: string;
}

export interface Page {
  readonly sort: Sort;
  readonly limit: number;
  readonly after?: After | undefined;
}

export type Data = Readonly<Record<string, unknown>>;

export interface EntityPage {
  readonly items: readonly Data[];
  /** Present when there is more. */
  readonly next?: After;
}

export interface Statement {
  readonly sql: string;
  readonly params: readonly (string | number)[];
}

type Condition = readonly [sql: string, ...params: (string | number)[]];

export async function listEntities(env: CacheBindings, kind: EntityKind, query: { filter: Filter; page: Page }): Promise<EntityPage> {
  const { sql, params } = listStatement(kind, query.filter, query.page);
  const { results } = await env[tables[kind].binding]
    .prepare(sql)
    .bind(...params)
    .all<{ sort_key: number; id: string; data: string }>();
  const rows = results.slice(0, query.page.limit);
  const items = rows.map((row) => JSON.parse(row.data) as Data);
  const last = rows.at(-1);
  return results.length > rows.length && last !== undefined ? { items, next: { key: last.sort_key, id: last.id } } : { items };
}

export async function findEntity(env: CacheBindings, kind: EntityKind, id: string): Promise<Data | undefined> {
  const table = tables[kind];
  const row = await env[table.binding].prepare(`SELECT data FROM ${table.name} WHERE ${table.id} = ?`).bind(id).first<{ data: string }>();
  return row === null ? undefined : (JSON.parse(row.data) as Data);
}

/** One row more than the page: it tells whether there is a next one. */
export function listStatement(kind: EntityKind, filter: Filter, page: Page): Statement {
  const table = tables[kind];
  const key = page.sort.endsWith("profit") && table.profit !== undefined ? table.profit : "time_ms";
  const [order, beyond] = page.sort.startsWith("-") ? ["DESC", "<"] : ["ASC", ">"];
  const conditions = conditionsOf(kind, filter);
  // Equal keys are told apart by id, or a page boundary inside a tie would repeat or lose rows.
  if (page.after !== undefined) conditions.push([`(${key}, ${table.id}) ${beyond} (?, ?)`, page.after.key, page.after.id]);
  const sql = `SELECT ${key} AS sort_key, ${table.id} AS id, data FROM ${table.name}${where(conditions)} ORDER BY ${key} ${order}, ${table.id} ${order} LIMIT ?`;
  return { sql, params: [...paramsOf(conditions), page.limit + 1] };
}

function conditionsOf(kind: EntityKind, filter: Filter): Condition[] {
  const { chain, status, minProfit, tokenPair, dex, opportunityId, strategyId, active, unexpiredAtMs } = filter;
  const conditions: Condition[] = [];
  if (status !== undefined) conditions.push(["status = ?", status]);
  const isLiving = kind === "opportunities" && (status === undefined || status === "pending");
  if (isLiving && unexpiredAtMs !== undefined) conditions.push([living, unexpiredAtMs]);
  if (chain !== undefined) conditions.push(["chain = ?", chain]);
  if (minProfit !== undefined) conditions.push([`${tables[kind].profit ?? "0"} >= ?`, minProfit]);
  if (tokenPair !== undefined) conditions.push(["token_pair = ?", tokenPair]);
  if (dex !== undefined) conditions.push(["(dex_a = ? OR dex_b = ?)", dex, dex]);
  if (opportunityId !== undefined) conditions.push(["opportunity_id = ?", opportunityId]);
  if (strategyId !== undefined) conditions.push(["strategy_id = ?", strategyId]);
  if (active !== undefined) conditions.push(["is_active = ?", active ? 1 : 0]);
  return conditions;
}

export interface SnapshotQuery {
  readonly chain?: string | undefined;
  readonly nowMs: number;
  readonly limit: number;
  /** Entities behind this id. */
  readonly after?: string | undefined;
}

export interface SnapshotRow {
  readonly id: string;
  readonly epoch: string;
  readonly offset: number;
  readonly data: Data;
}

export interface SnapshotPage {
  readonly rows: readonly SnapshotRow[];
  /** Id to continue behind. */
  readonly next?: string;
}

/** Reads the primary: a replica may lag behind what the channel was told is applied. */
export async function readSnapshot(env: CacheBindings, kind: SnapshotKind, query: SnapshotQuery): Promise<SnapshotPage> {
  const { sql, params } = snapshotStatement(kind, query);
  const primary = env[tables[kind].binding].withSession("first-primary");
  const { results } = await primary
    .prepare(sql)
    .bind(...params)
    .all<{ id: string; epoch: string; offset: number; data: string }>();
  const rows = results.slice(0, query.limit).map(({ data, ...row }) => ({ ...row, data: JSON.parse(data) as Data }));
  const last = rows.at(-1);
  return results.length > rows.length && last !== undefined ? { rows, next: last.id } : { rows };
}

/** Ordered by id: it never changes, so an update between two pages can neither hide a row nor show it twice. */
export function snapshotStatement(kind: SnapshotKind, query: SnapshotQuery): Statement {
  const table = tables[kind];
  // Unary plus keeps the planner off the primary key, which would walk two hours of dead rows to find the living few.
  const order = kind === "opportunities" ? `+${table.id}` : table.id;
  const conditions: Condition[] = [];
  if (kind === "opportunities") conditions.push([living, query.nowMs]);
  if (query.chain !== undefined) conditions.push(["chain = ?", query.chain]);
  if (query.after !== undefined) conditions.push([`${order} > ?`, query.after]);
  const sql = `SELECT ${table.id} AS id, epoch, offset, data FROM ${table.name}${where(conditions)} ORDER BY ${order} LIMIT ?`;
  return { sql, params: [...paramsOf(conditions), query.limit + 1] };
}

/** The partial index serves a query only if it says the index's own condition. A row that is `expired` is past, whatever its time says. */
const living = "(status <> 'expired' AND expires_ms > ?)";

function where(conditions: readonly Condition[]): string {
  return conditions.length === 0 ? "" : ` WHERE ${conditions.map(([sql]) => sql).join(" AND ")}`;
}

function paramsOf(conditions: readonly Condition[]): (string | number)[] {
  return conditions.flatMap(([, ...params]) => params);
}
