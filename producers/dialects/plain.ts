/** Canonical `data` of strategies and the market in an envelope of its own: nothing to convert but the envelope. */
import { dialect } from "./dialect.ts";
import { field, optional } from "./mapping.ts";
import { asSent, decimal, identity, number, text, time } from "./units.ts";

export const strategyInForeignEnvelope = dialect({
  name: "strategy",
  kinds: ["strategy"],
  tells: "a strategy's event by another name, such as `strategy_updated`",
  recognise: () => true,
  isForeign: () => false,
  times: ["last_modified"],
  mappings: [
    field("strategy_id", "strategy_id", identity),
    field("name", "name", text),
    field("type", "type", text),
    field("is_active", "is_active", asSent),
    field("parameters", "parameters", asSent),
    field("risk_limits", "risk_limits", asSent),
    optional("performance_metrics", "performance_metrics", asSent),
    field("last_modified", "last_modified", time),
  ],
});

export const marketInForeignEnvelope = dialect({
  name: "market",
  kinds: ["market"],
  tells: "the market's event by another name, such as `market_updated`",
  recognise: () => true,
  isForeign: () => false,
  times: ["last_update"],
  mappings: [
    field("profit", "profit", decimal),
    field("success_rate", "success_rate", decimal),
    field("latency_ms", "latency_ms", number),
    field("total_opportunities", "total_opportunities", number),
    field("total_executions", "total_executions", number),
    field("last_update", "last_update", time),
  ],
});
