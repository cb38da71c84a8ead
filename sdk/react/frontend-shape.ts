/** The deployed frontend's own types, made of the edge's: numbers for decimals, two token names for a pair, its four statuses. Numbers are
 *  for showing only; whoever computes with money uses the decimal strings of useOpportunities. */
import type { Market, Opportunity } from "../client/index.ts";

export interface FrontendOpportunity {
  readonly id: string;
  readonly chain: string;
  readonly tokenA: string;
  readonly tokenB: string;
  readonly profit: number;
  readonly gasEstimate: number;
  /** Epoch milliseconds. */
  readonly timestamp: number;
  readonly status: "pending" | "executing" | "completed" | "failed";
}

export interface FrontendMarket {
  readonly profit: number;
  readonly successRate: number;
  readonly latency: number;
  readonly totalOpportunities: number;
  readonly totalExecutions: number;
  readonly lastUpdate: number;
}

const statuses: Readonly<Record<Opportunity["execution_status"], FrontendOpportunity["status"]>> = {
  pending: "pending",
  executing: "executing",
  executed: "completed",
  expired: "failed",
  failed: "failed",
};

export function toFrontendOpportunity(data: Opportunity): FrontendOpportunity {
  const [tokenA = data.token_pair, tokenB = ""] = data.token_pair.split("/", 2);
  return {
    id: data.opportunity_id,
    chain: data.chain,
    tokenA,
    tokenB,
    profit: Number(data.estimated_profit),
    gasEstimate: Number(data.gas_estimate ?? 0),
    timestamp: Date.parse(data.timestamp),
    status: statuses[data.execution_status],
  };
}

export function toFrontendMarket(data: Market): FrontendMarket {
  return {
    profit: Number(data.profit),
    successRate: Number(data.success_rate),
    latency: data.latency_ms,
    totalOpportunities: data.total_opportunities,
    totalExecutions: data.total_executions,
    lastUpdate: Date.parse(data.last_update),
  };
}
