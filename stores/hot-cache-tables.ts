/** Which table of the hot cache holds a stream's entities, and which columns an event fills (schemas/d1/*.sql). Pure.
 *  Columns copy what is filtered and sorted; `data` is the event's data as it stands. */
import type { Execution, Metric, Opportunity, Strategy } from "../schemas/data.ts";
import type { EdgeEvent } from "../schemas/event.ts";
import { executionRetentionMs, metricRetentionMs, opportunityRetentionMs } from "../schemas/limits.ts";
import type { Version } from "../schemas/version.ts";

/** An event at its position in a stream. */
export interface Placed {
  readonly event: EdgeEvent;
  readonly version: Version;
  readonly epoch: string;
  readonly offset: number;
}

type Column = string | number | null;

export interface HotTable {
  readonly stream: string;
  readonly name: string;
  /** The binding of its database. */
  readonly database: "OPPORTUNITIES_DB" | "STRATEGIES_DB" | "METRICS_DB";
  /** Column of the primary key. */
  readonly id: string;
  /** Columns of this table alone; those of `shared` follow. */
  readonly columns: readonly string[];
  /** Rows whose newest state is older are pruned; undefined keeps them for good. */
  readonly retentionMs: number | undefined;
  readonly idOf: (placed: Placed) => string;
  readonly valuesOf: (event: EdgeEvent) => readonly Column[];
}

/** What every table has: version, position, identity and the data itself. */
export const sharedColumns = ["time_ms", "rank", "key", "epoch", "offset", "event_id", "data"] as const;

const opportunities: HotTable = {
  stream: "opportunities",
  name: "opportunities",
  database: "OPPORTUNITIES_DB",
  id: "opportunity_id",
  columns: ["chain", "dex_a", "dex_b", "token_pair", "status", "strategy_type", "estimated_profit", "risk_score", "expires_ms"],
  retentionMs: opportunityRetentionMs,
  idOf: ({ event }) => event.subject,
  valuesOf: (event) => {
    const data = event.data as Opportunity;
    const { chain, dex_a, dex_b, token_pair, execution_status, strategy_type, estimated_profit, risk_score, expiry_time } = data;
    const numbers = [Number(estimated_profit), risk_score, Date.parse(expiry_time)];
    return [chain, dex_a, dex_b, token_pair, execution_status, strategy_type ?? null, ...numbers];
  },
};

const executions: HotTable = {
  stream: "executions",
  name: "executions",
  database: "OPPORTUNITIES_DB",
  id: "execution_id",
  columns: ["opportunity_id", "strategy_id", "chain", "status", "transaction_hash", "actual_profit", "created_ms"],
  retentionMs: executionRetentionMs,
  idOf: ({ event }) => event.subject,
  valuesOf: (event) => {
    const { opportunity_id, strategy_id, chain, status, transaction_hash, actual_profit, created_at } = event.data as Execution;
    const profit = actual_profit === undefined ? null : Number(actual_profit);
    return [opportunity_id, strategy_id ?? null, chain, status, transaction_hash ?? null, profit, Date.parse(created_at)];
  },
};

const strategies: HotTable = {
  stream: "strategies",
  name: "strategies",
  database: "STRATEGIES_DB",
  id: "strategy_id",
  columns: ["name", "type", "is_active", "modified_ms"],
  retentionMs: undefined,
  idOf: ({ event }) => event.subject,
  valuesOf: (event) => {
    const { name, type, is_active, last_modified } = event.data as Strategy;
    return [name, type, is_active ? 1 : 0, Date.parse(last_modified)];
  },
};

const metrics: HotTable = {
  stream: "metrics",
  name: "performance_metrics",
  database: "METRICS_DB",
  id: "id",
  columns: ["metric_type", "value", "chain", "strategy_id", "aggregation_period"],
  retentionMs: metricRetentionMs,
  // A metric is its own entity, and two sources may use one id.
  idOf: ({ version }) => version.key,
  valuesOf: (event) => {
    const { metric_type, value, chain, strategy_id, aggregation_period } = event.data as Metric;
    return [metric_type, Number(value), chain ?? null, strategy_id ?? null, aggregation_period ?? null];
  },
};

export const hotTables: readonly HotTable[] = [opportunities, executions, strategies, metrics];

const byStream = new Map(hotTables.map((table) => [table.stream, table]));

/** The table of a stream, or undefined for a stream the hot cache does not hold. */
export function findHotTable(stream: string): HotTable | undefined {
  return byStream.get(stream);
}

/** Every column in the order `rowOf` fills them. */
export function columnsOf(table: HotTable): readonly string[] {
  return [table.id, ...table.columns, ...sharedColumns];
}

/** One row as JSON, an array in the order of `columnsOf`. */
export function rowOf(table: HotTable, placed: Placed): string {
  const { event, version, epoch, offset } = placed;
  const shared = [version.timeMs, version.rank, version.key, epoch, offset, event.id, event.data];
  return JSON.stringify([table.idOf(placed), ...table.valuesOf(event), ...shared]);
}
