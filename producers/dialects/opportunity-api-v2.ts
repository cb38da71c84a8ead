/** API v2's opportunity: chains by `blockchain_from`, tokens by symbol, amounts in whole tokens. */
import { dialect } from "./dialect.ts";
import { field, optional, orAbsent } from "./mapping.ts";
import { chainFrom, chainIdFrom, currency, pairFrom, statusFrom, unknownAmount, unknownRisk } from "./opportunity.ts";
import { has } from "./reading.ts";
import { asSent, decimal, identity, integer, number, risk, strategyType, time, venue } from "./units.ts";

export const apiV2Opportunity = dialect({
  name: "api-v2",
  kinds: ["opportunity"],
  tells: "`blockchain_from` and `dex_path`",
  recognise: (record) => has(record, "blockchain_from", "dex_path"),
  typeOf: () => "opportunity.detected",
  times: ["updated_at", "created_at"],
  mappings: [
    field("opportunity_id", "id", identity),
    chainFrom(["blockchain_from"]),
    chainIdFrom(["blockchain_from"]),
    field("dex_a", "dex_path.0", venue),
    field("dex_b", "dex_path.-1", venue),
    pairFrom(["token_in", "token_out"]),
    orAbsent(field("price_difference", "profit_percentage", decimal), unknownAmount.absent),
    orAbsent(field("volume", "amount_in", decimal), unknownAmount.absent),
    field("estimated_profit", "profit_amount", decimal),
    currency("USD"),
    orAbsent(field("risk_score", "risk_score", risk(100)), unknownRisk.absent),
    field("timestamp", "created_at", time),
    field("expiry_time", "expires_at", time),
    statusFrom(["execution_status", "status"]),
    optional("strategy_type", "strategy", strategyType),
    optional("confidence", "confidence_score", number),
    optional("gas_estimate", "gas_estimate", integer),
    optional("route", "dex_path", asSent),
  ],
});
