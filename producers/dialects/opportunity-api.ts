/** The opportunity of the backend's docs/API.md in an envelope of its own, such as a frame of its socket: the canonical fields, with numbers,
 *  chains and times as its services write them. In a CloudEvents envelope with a canonical type it is canonical already and comes by no adapter. */
import { dialect } from "./dialect.ts";
import { field, optional } from "./mapping.ts";
import { chainFrom, chainIdFrom, statusFrom } from "./opportunity.ts";
import { has } from "./reading.ts";
import { asSent, decimal, identity, integer, number, risk, text, time, venue } from "./units.ts";

export const apiOpportunity = dialect({
  name: "api",
  kinds: ["opportunity"],
  tells: "`opportunity_id` and `token_pair`",
  recognise: (record) => has(record, "opportunity_id", "token_pair"),
  isForeign: () => false,
  typeOf: () => "opportunity.detected",
  times: ["updated_at", "timestamp"],
  mappings: [
    field("opportunity_id", "opportunity_id", identity),
    chainFrom(["chain", "chain_id"]),
    chainIdFrom(["chain", "chain_id"]),
    field("dex_a", "dex_a", venue),
    field("dex_b", "dex_b", venue),
    field("token_pair", "token_pair", text),
    field("price_difference", "price_difference", decimal),
    field("volume", "volume", decimal),
    field("estimated_profit", "estimated_profit", decimal),
    optional("profit_currency", "profit_currency", text),
    field("risk_score", "risk_score", risk(10)),
    field("timestamp", "timestamp", time),
    field("expiry_time", "expiry_time", time),
    statusFrom(["execution_status", "status"]),
    optional("strategy_type", "strategy_type", text),
    optional("confidence", "confidence", number),
    optional("gas_estimate", "gas_estimate", integer),
    optional("amount_in", "amount_in", integer),
    optional("route", "route", asSent),
  ],
});
