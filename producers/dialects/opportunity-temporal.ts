/** The Temporal workers' opportunity: tokens with symbol and decimals, amounts in wei, profits in ETH and USD as text, risks from 0 to 1. */
import { inWholeUnits } from "./decimal-text.ts";
import { dialect } from "./dialect.ts";
import { field, optional, orAbsent } from "./mapping.ts";
import type { Mapping } from "./mapping.ts";
import { chainFrom, chainIdFrom, currency, pairFrom, statusFrom, unknownAmount, unknownRisk } from "./opportunity.ts";
import { has, isFields } from "./reading.ts";
import { decimal, identity, integer, number, risk, strategyType, time, tokenDecimals, venue } from "./units.ts";

const chainPaths = ["chain", "chainId"];

const volume: Mapping = {
  to: "volume",
  from: ["tokens.baseAmount", "tokens.tokenA.decimals"],
  says: "wei → decimal by tokenA's decimals",
  otherwise: unknownAmount,
  compute(reading) {
    const units = reading.take("tokens.baseAmount", integer);
    const decimals = reading.take("tokens.tokenA.decimals", tokenDecimals);
    return units === undefined || decimals === undefined ? undefined : inWholeUnits(units, decimals);
  },
};

const factors = ["slippageRisk", "frontrunRisk", "liquidityRisk", "priceImpact"].map((name) => `riskFactors.${name}`);

const riskScore: Mapping = {
  to: "risk_score",
  from: ["riskScore", ...factors],
  says: `riskScore, else the greatest of the factors (${risk(1).says})`,
  otherwise: unknownRisk,
  derived: { unless: "riskScore" },
  compute(reading) {
    const said = reading.take("riskScore", risk(1));
    const scores = factors.map((path) => reading.take(path, risk(1))).filter((score) => score !== undefined);
    return said ?? (scores.length > 0 ? Math.max(...scores) : undefined);
  },
};

export const temporalOpportunity = dialect({
  name: "temporal",
  kinds: ["opportunity"],
  tells: "`tokens.tokenA` and `expectedProfitUSD`",
  recognise: (record) => has(record, "expectedProfitUSD") && isFields(record["tokens"]) && has(record["tokens"], "tokenA"),
  typeOf: () => "opportunity.detected",
  times: ["timestamp", "detectedAt"],
  mappings: [
    field("opportunity_id", "id", identity),
    chainFrom(chainPaths),
    chainIdFrom(chainPaths),
    field("dex_a", "dexs.0.name", venue),
    field("dex_b", "dexs.-1.name", venue),
    pairFrom(["tokens.tokenA.symbol", "tokens.tokenB.symbol"]),
    orAbsent(field("price_difference", "profitPercentage", decimal), unknownAmount.absent),
    volume,
    field("estimated_profit", "expectedProfitUSD", decimal),
    currency("USD"),
    riskScore,
    field("timestamp", ["detectedAt", "timestamp"], time),
    field("expiry_time", "expiresAt", time),
    statusFrom(["status"]),
    optional("strategy_type", ["strategyType", "strategy"], strategyType),
    optional("confidence", "confidence", number),
    optional("gas_estimate", "estimatedGas", integer),
    optional("amount_in", "tokens.baseAmount", integer),
  ],
});
