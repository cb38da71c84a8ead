/** The Rust searcher's opportunity: tokens by address, amounts as U256 in hex, profits as f64 in ETH, no chain of its own. */
import { chainInSource } from "./chains.ts";
import { inWholeUnits } from "./decimal-text.ts";
import { dialect } from "./dialect.ts";
import { field, optional } from "./mapping.ts";
import type { Mapping } from "./mapping.ts";
import { chainFrom, chainIdFrom, currency, pairFrom, statusFrom, unknownAmount, unknownRisk } from "./opportunity.ts";
import { has } from "./reading.ts";
import type { Reading } from "./reading.ts";
import { findToken } from "./tokens.ts";
import type { Token } from "./tokens.ts";
import { asSent, chain, decimal, identity, integer, number, risk, strategyType, text, time, venue, words } from "./units.ts";

const chainPaths = ["metadata.chain", "chain"];

/** Steps of equal width; named as derived, because a level is no score. */
const competition = words({ low: "2.5", medium: "5", high: "7.5", extreme: "10" });

const volume: Mapping = {
  to: "volume",
  from: ["amount_in", "token_in"],
  says: "amount_in in whole tokens, where the token is one of the commonest",
  otherwise: unknownAmount,
  derived: {},
  compute(reading) {
    const units = reading.take("amount_in", integer);
    const token = tokenOf(reading, "token_in");
    return units === undefined || token === undefined ? undefined : inWholeUnits(units, token.decimals);
  },
};

/** Amounts of two tokens do not compare: only a cycle that ends in the token it began with tells its gain. */
const difference: Mapping = {
  to: "price_difference",
  from: ["metadata.price_difference", "amount_in", "amount_out", "token_in", "token_out"],
  says: "metadata.price_difference, else the gain in percent when token_out is token_in",
  otherwise: unknownAmount,
  derived: { unless: "metadata.price_difference" },
  compute(reading) {
    const said = reading.take("metadata.price_difference", decimal);
    if (said !== undefined || reading.at("token_in") !== reading.at("token_out")) return said;
    const paid = BigInt(reading.take("amount_in", integer) ?? 0);
    const got = BigInt(reading.take("amount_out", integer) ?? 0);
    return paid === 0n ? undefined : inWholeUnits(String(((got - paid) * 10n ** BigInt(gainPlaces + 2)) / paid), gainPlaces);
  },
};

/** Digits after the point of a percentage. */
const gainPlaces = 6;

const riskScore: Mapping = {
  to: "risk_score",
  from: ["risk_score", "competition_level"],
  says: `risk_score (${risk(1).says}), else competition_level: ${competition.says}`,
  otherwise: unknownRisk,
  derived: { unless: "risk_score" },
  compute(reading) {
    const said = reading.take("risk_score", risk(1));
    if (said !== undefined) return said;
    const level = reading.take("competition_level", competition);
    return level === undefined ? undefined : Number(level);
  },
};

function chainOf(reading: Reading): string | undefined {
  return reading.takeFirst(chainPaths, chain) ?? chainInSource(reading.source);
}

function tokenOf(reading: Reading, path: string): Token | undefined {
  const slug = chainOf(reading);
  const address = reading.take(path, text);
  return slug === undefined || address === undefined ? undefined : findToken(slug, address);
}

export const rustOpportunity = dialect({
  name: "rust",
  kinds: ["opportunity"],
  tells: "`strategy_type`, `token_in` and `source_dex`",
  recognise: (record) => has(record, "strategy_type", "token_in", "source_dex"),
  typeOf: () => "opportunity.detected",
  times: ["updated_at", "detected_at"],
  mappings: [
    field("opportunity_id", "id", identity),
    chainFrom(chainPaths),
    chainIdFrom(chainPaths),
    field("dex_a", "source_dex", venue),
    field("dex_b", "target_dex", venue),
    pairFrom(["token_in", "token_out"], (name, reading) => findToken(chainOf(reading) ?? "", name)?.symbol),
    difference,
    volume,
    field("estimated_profit", "estimated_profit", decimal),
    currency("ETH"),
    riskScore,
    field("timestamp", "detected_at", time),
    field("expiry_time", "expires_at", time),
    statusFrom(["execution_status", "status"]),
    optional("strategy_type", "strategy_type", strategyType),
    optional("confidence", "confidence", number),
    optional("gas_estimate", "estimated_gas", integer),
    optional("amount_in", "amount_in", integer),
    optional("route", "route", asSent),
  ],
});
