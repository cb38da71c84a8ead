/** Events for tests of stores and consumers: valid by construction, each field open to be set. */
import { parseEvent } from "../../schemas/event.ts";
import type { EdgeEvent } from "../../schemas/event.ts";
import { renderEvent } from "../../schemas/render.ts";
import { versionOf } from "../../schemas/version.ts";

export interface EventOptions {
  readonly id?: string;
  readonly type?: string;
  readonly source?: string;
  readonly timeMs: number;
  readonly data?: Readonly<Record<string, unknown>>;
}

function parsed(input: unknown): EdgeEvent {
  const result = parseEvent(input);
  if (!result.ok) throw new Error(`${result.fault.path}: ${result.fault.message}`);
  return result.event;
}

export function opportunity(entity: string, options: EventOptions): EdgeEvent {
  const time = new Date(options.timeMs).toISOString();
  return parsed({
    specversion: "1.0",
    id: options.id ?? `${entity}@${options.timeMs}`,
    source: options.source ?? "test",
    type: options.type ?? "opportunity.detected",
    time,
    data: {
      opportunity_id: entity,
      chain: "arbitrum",
      dex_a: "uniswap_v3",
      dex_b: "sushiswap",
      token_pair: "WETH/USDC",
      price_difference: "0.012",
      volume: "1000209768293722043",
      estimated_profit: "24.50",
      risk_score: 3,
      timestamp: time,
      expiry_time: new Date(options.timeMs + 30_000).toISOString(),
      execution_status: "pending",
      ...options.data,
    },
  });
}

export function execution(entity: string, options: EventOptions): EdgeEvent {
  const time = new Date(options.timeMs).toISOString();
  return parsed({
    specversion: "1.0",
    id: options.id ?? `${entity}@${options.timeMs}`,
    source: options.source ?? "test",
    type: options.type ?? "execution.submitted",
    time,
    data: {
      execution_id: entity,
      opportunity_id: `${entity}-opportunity`,
      chain: "arbitrum",
      status: "submitted",
      created_at: time,
      ...options.data,
    },
  });
}

/** The events of one log row, from `first` on. */
export function rowOfEvents(first: number, at: number, events: readonly EdgeEvent[]) {
  const lines = events.map((event) => renderEvent(event)).join("\n");
  return { first, count: events.length, at, stale: [], earlier: events.map(() => 0), lines };
}

export function placed(event: EdgeEvent, offset: number, epoch = "e1") {
  return { event, version: versionOf(event), epoch, offset };
}
