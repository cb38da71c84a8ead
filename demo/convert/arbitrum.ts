/** From one recorded arbitrage to the events of its life (rules: demo/README.md): detected when its gap opened, submitted and
 *  completed at its block's time, the opportunity executed. One that joins no opening has execution events alone. */
import { decimalOf, ratioDecimal, roundTo, scaledDecimal, unitsOf } from "./exact.ts";
import { isoOf, provenance, type Draft } from "./draft.ts";
import type { Arbitrage, Opening, RecordedExecution, Swap } from "./rolling.ts";
import { pairOf, venueSlug } from "./tokens.ts";

const from = "christoftorres/Rolling-in-the-Shadows";
export const arbitrumSource = "contabo/arbitrum-searcher";
/** The longest recorded time from an opening swap to the transaction that took it: after it nothing was ever taken. */
const expiryMs = 31_000;
const wholeTokenPlaces = 18;

export function lifecycleOf(arbitrage: Arbitrage): Draft[] {
  const { execution, opening } = arbitrage;
  const blockMs = execution.block_timestamp * 1_000;
  const draft = draftOf(execution);
  const executionDrafts = [
    draft({ stage: 1, atMs: blockMs, type: "execution.submitted", data: executionData(arbitrage, "submitted") }),
    draft({ stage: 2, atMs: blockMs, type: "execution.completed", data: executionData(arbitrage, "confirmed") }),
  ];
  if (opening === undefined) return executionDrafts;
  const detectedMs = opening.atMs ?? blockMs;
  return [
    draft({ stage: 0, atMs: detectedMs, type: "opportunity.detected", data: opportunityData(execution, opening, "pending") }),
    ...executionDrafts,
    draft({ stage: 3, atMs: blockMs, type: "opportunity.updated", data: opportunityData(execution, opening, "executed") }),
  ];
}

function draftOf(execution: RecordedExecution): (part: Pick<Draft, "atMs" | "type" | "data"> & { stage: number }) => Draft {
  return ({ stage, atMs, type, data }) => ({
    atMs,
    order: [execution.block_number, execution.transaction.transactionIndex, stage],
    id: `arb-${shortId(execution)}-${stage}`,
    source: arbitrumSource,
    type,
    data,
  });
}

export function opportunityId(execution: RecordedExecution): string {
  return `arb-${shortId(execution)}`;
}

/** 80 bits of the recording's own sha256: no two of 1,083 share them. */
function shortId(execution: RecordedExecution): string {
  return execution.id.slice(0, 20);
}

export function strategyIdOf(execution: RecordedExecution): string {
  return `arbitrum-cyclic-${legsOf(execution)}-leg`;
}

export function legsOf(execution: RecordedExecution): number {
  return firstCycle(execution).swaps.length;
}

function firstCycle(execution: RecordedExecution): { readonly swaps: readonly Swap[]; readonly first: Swap; readonly last: Swap } {
  const swaps = execution.arbitrages[0]?.swaps ?? [];
  const first = swaps[0];
  const last = swaps.at(-1);
  if (first === undefined || last === undefined) throw new Error(`${execution.id} has no swaps`);
  return { swaps, first, last };
}

function opportunityData(execution: RecordedExecution, opening: Opening, status: "pending" | "executed"): Record<string, unknown> {
  const { swaps, first, last } = firstCycle(execution);
  const detectedMs = opening.atMs ?? execution.block_timestamp * 1_000;
  return {
    opportunity_id: opportunityId(execution),
    chain: "arbitrum",
    chain_id: 42_161,
    dex_a: venueSlug(first.protocol_name),
    dex_b: venueSlug(last.protocol_name),
    token_pair: pairOf(first),
    price_difference: cycleGainPercent(first, last),
    volume: volumeUsd(execution, first),
    estimated_profit: execution.total_gain_usd === null ? "0" : decimalOf(execution.total_gain_usd),
    profit_currency: "USD",
    risk_score: riskScore(execution),
    timestamp: isoOf(detectedMs),
    expiry_time: isoOf(detectedMs + expiryMs),
    execution_status: status,
    strategy_type: `cyclic_${swaps.length}_leg`,
    confidence: confidenceOf(swaps.length, opening),
    gas_estimate: String(execution.transaction.gas),
    amount_in: first.in_amount,
    route: execution.arbitrages.flatMap((cycle) => cycle.swaps.map(hopOf)),
    metadata: {
      ...provenance({
        recordedAt: isoOf(status === "pending" ? detectedMs : execution.block_timestamp * 1_000),
        from,
        derived: ["price_difference", "volume", "estimated_profit", "risk_score", "expiry_time", "confidence", "gas_estimate"],
      }),
      ...(opening.transactionHash === undefined ? {} : { opened_by: opening.transactionHash }),
    },
  };
}

function executionData({ execution, opening }: Arbitrage, status: "submitted" | "confirmed"): Record<string, unknown> {
  const blockMs = execution.block_timestamp * 1_000;
  const outcome = {
    block_number: execution.block_number,
    gas_used: gasUsed(execution),
    ...(execution.total_profit_usd === null ? {} : { actual_profit: decimalOf(execution.total_profit_usd) }),
    ...(opening?.atMs === undefined ? {} : { execution_time: blockMs - opening.atMs }),
  };
  return {
    execution_id: `exe-${shortId(execution)}`,
    opportunity_id: opportunityId(execution),
    strategy_id: strategyIdOf(execution),
    chain: "arbitrum",
    transaction_hash: execution.transaction.hash,
    ...(status === "confirmed" ? outcome : {}),
    profit_currency: "USD",
    status,
    created_at: isoOf(blockMs),
    metadata: {
      ...provenance({ recordedAt: isoOf(blockMs), from, derived: ["strategy_id", "created_at", "execution_time"] }),
      flash_loans: execution.flash_loans.length,
    },
  };
}

function hopOf(swap: Swap): Record<string, string> {
  return {
    dex: venueSlug(swap.protocol_name),
    pool: swap.exchange,
    token_in: swap.in_token,
    token_out: swap.out_token,
    amount_in: swap.in_amount,
    amount_out: swap.out_amount,
  };
}

/** Exact gas: the source gives the fee paid and the price per unit; both are doubles that divide to a whole number. */
export function gasUsed(execution: RecordedExecution): string {
  return String(Math.round((execution.transaction_cost_eth * 1e18) / execution.transaction.gasPrice));
}

/** What the cycle returned beyond what it took, in percent: first and last token are the same, so raw amounts compare. */
function cycleGainPercent(first: Swap, last: Swap): string {
  const paid = BigInt(first.in_amount);
  return ratioDecimal({ numerator: (BigInt(last.out_amount) - paid) * 100n, denominator: paid }, 6);
}

/** USD put in, to the cent; "0" where the source knows no price. */
function volumeUsd(execution: RecordedExecution, first: Swap): string {
  const balance = execution.token_balance[first.in_token];
  if (balance === undefined || balance.one_token_to_eth_price === null) return "0";
  const price = unitsOf((balance.one_token_to_eth_price * execution.eth_usd_price).toFixed(wholeTokenPlaces), wholeTokenPlaces);
  const scale = 10n ** BigInt(balance.decimals + wholeTokenPlaces - 2);
  return scaledDecimal((BigInt(first.in_amount) * price) / scale, 2);
}

/** The share of the gross gain that costs eat, 0–10; 10 where nothing is gained or the gain is unknown. */
export function riskScore({ total_cost_usd, total_gain_usd }: RecordedExecution): number {
  if (total_gain_usd === null || total_gain_usd <= 0) return 10;
  return roundTo(Math.min(10, Math.max(0, (10 * total_cost_usd) / total_gain_usd)), 1);
}

/** 0.9 for two legs, a tenth less for each further one, halved where the opening swap is unknown. */
export function confidenceOf(legs: number, opening: Opening): number {
  const byLegs = Math.max(0.1, 1.1 - 0.1 * legs);
  return roundTo(opening.atMs === undefined ? byLegs / 2 : byLegs, 2);
}
