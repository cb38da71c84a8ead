/** The opportunity of the owner's edge at commit 56feac5: chain by number, tokens and pools as lists, a deadline. It names no venue. */
import { dialect } from "./dialect.ts";
import { field, optional, orAbsent } from "./mapping.ts";
import { chainFrom, chainIdFrom, currency, pairFrom, statusFrom, unknownAmount, unknownRisk, unknownVenue } from "./opportunity.ts";
import { has } from "./reading.ts";
import { findToken } from "./tokens.ts";
import { asSent, chain, decimal, identity, integer, number, risk, strategyType, time, venue } from "./units.ts";

export const edgeOpportunity = dialect({
  name: "edge-56feac5",
  kinds: ["opportunity"],
  tells: "`chain_id`, `tokens` as a list and `deadline`",
  recognise: (record) => has(record, "chain_id", "deadline") && Array.isArray(record["tokens"]),
  typeOf: () => "opportunity.detected",
  times: ["updated_at", "created_at"],
  mappings: [
    field("opportunity_id", "id", identity),
    chainFrom(["chain_id"]),
    chainIdFrom(["chain_id"]),
    orAbsent(field("dex_a", "metadata.dex_a", venue), unknownVenue.absent),
    orAbsent(field("dex_b", "metadata.dex_b", venue), unknownVenue.absent),
    pairFrom(["tokens.0", "tokens.1"], (name, reading) => findToken(reading.take("chain_id", chain) ?? "", name)?.symbol),
    orAbsent(field("price_difference", "metadata.price_difference", decimal), unknownAmount.absent),
    orAbsent(field("volume", "metadata.volume", decimal), unknownAmount.absent),
    field("estimated_profit", "expected_profit", decimal),
    currency("USD"),
    orAbsent(field("risk_score", "risk_score", risk(10)), unknownRisk.absent),
    field("timestamp", "created_at", time),
    field("expiry_time", "deadline", time),
    statusFrom(["execution_status", "status"]),
    optional("strategy_type", "strategy_type", strategyType),
    optional("confidence", "confidence", number),
    optional("gas_estimate", ["gas_estimate", "metadata.gas_estimate"], integer),
    optional("amount_in", "metadata.amount_in", integer),
    optional("route", "pools", asSent),
  ],
});
