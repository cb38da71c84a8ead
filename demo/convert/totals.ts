/** Running totals over the executions as they complete: what a monitor would report of them. Pure: drafts in, drafts out. */
import { scaledDecimal, unitsOf } from "./exact.ts";
import { compareDrafts, isoOf, provenance, type Draft } from "./draft.ts";

const from = "christoftorres/Rolling-in-the-Shadows";
export const monitorSource = "contabo/arbitrum-monitor";
const marketEvery = 5;
const strategyEvery = 25;
const metricEvery = 25;
/** A net loss of more than this is worth a warning, a gain of more than this a notice. */
const lossUsd = -1;
const gainUsd = 100;
/** Doubles carry at most this many decimals once written out in full. */
const profitPlaces = 36;

interface Totals {
  executions: number;
  profitable: number;
  opportunities: number;
  profit: bigint;
  gas: bigint;
  lagSumMs: number;
  lagCount: number;
}

const nothing = (): Totals => ({ executions: 0, profitable: 0, opportunities: 0, profit: 0n, gas: 0n, lagSumMs: 0, lagCount: 0 });

/** The reports that follow from `drafts`, each right after the event that made it due. */
export function reportsOn(drafts: readonly Draft[]): Draft[] {
  const overall = nothing();
  const byStrategy = new Map<string, Totals>();
  const reports: Draft[] = [];
  for (const draft of drafts.toSorted(compareDrafts)) {
    if (draft.type === "opportunity.detected") overall.opportunities += 1;
    if (draft.type !== "execution.completed") continue;
    const strategyId = String(draft.data["strategy_id"]);
    const own = byStrategy.get(strategyId) ?? nothing();
    byStrategy.set(strategyId, own);
    for (const totals of [overall, own]) count(totals, draft.data);
    if (overall.executions % marketEvery === 0) reports.push(marketReport(draft, overall));
    if (overall.executions % metricEvery === 0) reports.push(gasReport(draft, overall));
    if (own.executions === 1 || own.executions % strategyEvery === 0) reports.push(strategyReport(draft, strategyId, own));
    reports.push(...alertOn(draft));
  }
  return reports;
}

function count(totals: Totals, data: Draft["data"]): void {
  const profit = data["actual_profit"];
  const lagMs = data["execution_time"];
  totals.executions += 1;
  totals.gas += BigInt(String(data["gas_used"]));
  if (typeof profit === "string") {
    const units = unitsOf(profit, profitPlaces);
    totals.profit += units;
    if (units > 0n) totals.profitable += 1;
  }
  if (typeof lagMs === "number") {
    totals.lagSumMs += lagMs;
    totals.lagCount += 1;
  }
}

function report(after: Draft, place: number, part: Pick<Draft, "id" | "type" | "data">): Draft {
  return { atMs: after.atMs, order: [...after.order, place], source: monitorSource, ...part };
}

function marks(after: Draft, derived: readonly string[]): Record<string, unknown> {
  return provenance({ recordedAt: isoOf(after.atMs), from, derived });
}

function successRate({ profitable, executions }: Totals): string {
  return scaledDecimal((BigInt(profitable) * 10_000n) / BigInt(executions), 4);
}

function meanLagMs({ lagSumMs, lagCount }: Totals): number {
  return lagCount === 0 ? 0 : Math.round(lagSumMs / lagCount);
}

function marketReport(after: Draft, totals: Totals): Draft {
  const data = {
    profit: scaledDecimal(totals.profit, profitPlaces),
    success_rate: successRate(totals),
    latency_ms: meanLagMs(totals),
    total_opportunities: totals.opportunities,
    total_executions: totals.executions,
    last_update: isoOf(after.atMs),
    metadata: marks(after, ["profit", "success_rate", "latency_ms", "total_opportunities", "total_executions"]),
  };
  return report(after, 1, { id: `market-${totals.executions}`, type: "market.updated", data });
}

function gasReport(after: Draft, totals: Totals): Draft {
  const data = {
    metric_type: "gas_used_mean",
    value: String(totals.gas / BigInt(totals.executions)),
    chain: "arbitrum",
    metadata: marks(after, ["value"]),
    timestamp: isoOf(after.atMs),
  };
  return report(after, 2, { id: `metric-gas-${totals.executions}`, type: "metrics.recorded", data });
}

function strategyReport(after: Draft, strategyId: string, totals: Totals): Draft {
  const legs = Number(/(\d+)-leg$/.exec(strategyId)?.[1]);
  const data = {
    strategy_id: strategyId,
    name: `Arbitrum cyclic arbitrage, ${legs} legs`,
    type: "cyclic_arbitrage",
    is_active: true,
    parameters: { legs, chain: "arbitrum" },
    risk_limits: {},
    performance_metrics: {
      executions: totals.executions,
      success_rate: successRate(totals),
      total_profit_usd: scaledDecimal(totals.profit, profitPlaces),
      gas_used: String(totals.gas),
      latency_ms_mean: meanLagMs(totals),
    },
    last_modified: isoOf(after.atMs),
    metadata: marks(after, ["name", "type", "is_active", "parameters", "risk_limits", "performance_metrics"]),
  };
  return report(after, 3, { id: `strategy-${legs}-leg-${totals.executions}`, type: "strategy.updated", data });
}

function alertOn(after: Draft): Draft[] {
  const profit = Number(after.data["actual_profit"] ?? 0);
  if (profit >= lossUsd && profit <= gainUsd) return [];
  const level = profit < lossUsd ? "warning" : "info";
  const verb = profit < lossUsd ? "lost" : "gained";
  const executionId = String(after.data["execution_id"]);
  const data = {
    level,
    message: `${executionId} ${verb} ${Math.abs(profit).toFixed(2)} USD net of costs`,
    category: "execution",
    timestamp: isoOf(after.atMs),
    execution_id: executionId,
    metadata: marks(after, ["level", "message", "category"]),
  };
  return [report(after, 4, { id: `alert-${executionId}`, type: "system.alert", data })];
}
