/** Events as a channel takes them: parsed, versioned and rendered like ingest does it. */
import { parseEvent } from "../../schemas/event.ts";
import type { Publication } from "../../schemas/rpc.ts";
import { toPublication } from "../../schemas/version.ts";

export interface OpportunityOptions {
  readonly id: string;
  readonly entity?: string;
  readonly type?: "opportunity.detected" | "opportunity.updated" | "opportunity.expired";
  readonly timeMs?: number;
  readonly status?: string;
  readonly chain?: string;
  readonly profit?: string;
}

/** A canonical opportunity event as the backend would post it. */
export function opportunityJson(options: OpportunityOptions): Record<string, unknown> {
  const {
    id,
    entity = id,
    type = "opportunity.detected",
    timeMs = Date.now(),
    status = "pending",
    chain = "arbitrum",
    profit = "24.50",
  } = options;
  const time = new Date(timeMs).toISOString();
  const data = {
    opportunity_id: entity,
    chain,
    dex_a: "uniswap_v3",
    dex_b: "sushiswap",
    token_pair: "WETH/USDC",
    price_difference: "0.42",
    volume: "1000",
    estimated_profit: profit,
    risk_score: 3,
    timestamp: time,
    expiry_time: new Date(timeMs + 30_000).toISOString(),
    execution_status: status,
  };
  return { specversion: "1.0", id, source: "contabo/test", type, time, data };
}

export function publication(options: OpportunityOptions): Publication {
  const result = parseEvent(opportunityJson(options));
  if (!result.ok) throw new Error(`${result.fault.path}: ${result.fault.message}`);
  return toPublication(result.event);
}
