/** Events of every type as a sender would post them, for tests of any layer. */

export interface SentEvent {
  specversion: "1.0";
  id: string;
  source: string;
  type: string;
  subject?: string;
  time: string;
  data: Record<string, unknown>;
  [extension: string]: unknown;
}

let serial = 0;

/** An id no other test of this file uses. */
export function freshId(prefix = "t"): string {
  serial += 1;
  return `${prefix}-${serial}`;
}

export function opportunityData(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    opportunity_id: freshId("opp"),
    chain: "arbitrum",
    dex_a: "uniswap_v3",
    dex_b: "sushiswap",
    token_pair: "WETH/USDC",
    price_difference: "0.0042",
    volume: "1000209768293722043",
    estimated_profit: "24.50",
    profit_currency: "USD",
    risk_score: 2.5,
    timestamp: "2026-11-24T02:00:00.123Z",
    expiry_time: "2026-11-24T02:00:12.123Z",
    execution_status: "pending",
    ...changes,
  };
}

export function executionData(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    execution_id: freshId("exec"),
    opportunity_id: "opp-0",
    chain: "arbitrum",
    transaction_hash: "0xabc123",
    profit_currency: "USD",
    status: "submitted",
    created_at: "2026-11-24T02:00:01.000Z",
    ...changes,
  };
}

const time = "2026-11-24T02:00:01.000Z";

/** Smallest `data` of the types that are not opportunities or executions. */
export const otherData: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "strategy.updated": {
    strategy_id: "s1",
    name: "Triangle",
    type: "triangular",
    is_active: true,
    parameters: {},
    risk_limits: {},
    last_modified: time,
  },
  "market.updated": {
    profit: "1.5",
    success_rate: "0.97",
    latency_ms: 12.5,
    total_opportunities: 3,
    total_executions: 1,
    last_update: time,
  },
  "metrics.recorded": { metric_type: "gas", value: "12", timestamp: time },
  "system.alert": { level: "warning", message: "gas is high", timestamp: time },
  "workflow.updated": { workflow_id: "w1", status: "running", timestamp: time },
  "workflow.completed": { workflow_id: "w1", status: "completed", timestamp: time },
  "agent.updated": { workflow_id: "w1", agent_id: "a1", status: "idle", timestamp: time },
};

function dataOf(type: string): Record<string, unknown> {
  if (type.startsWith("opportunity.")) return opportunityData();
  if (type.startsWith("execution.")) return executionData();
  return { ...otherData[type] };
}

/** A valid event of the type, happening at `changes.time` or now. */
export function sentEvent(type: string, changes: Partial<SentEvent> = {}): SentEvent {
  return {
    specversion: "1.0",
    id: freshId(),
    source: "contabo/test",
    type,
    time: new Date().toISOString(),
    data: dataOf(type),
    ...changes,
  };
}
