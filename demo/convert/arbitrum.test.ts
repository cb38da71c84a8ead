import { describe, expect, it } from "vitest";
import { confidenceOf, gasUsed, lifecycleOf, riskScore } from "./arbitrum.ts";
import { compareDrafts, renderDraft } from "./draft.ts";
import { joinArbitrages, type Arbitrage, type RecordedExecution } from "./rolling.ts";
import { pairOf, tokenName, venueSlug } from "./tokens.ts";
import { reportsOn } from "./totals.ts";

const usdc = "0xFF970A61A04b1cA14834A43f5dE4533eBDDB5CC8";
const weth = "0x82aF49447D8a07e3bd95BD0d56f35241523fBab1";
const names = { in_token_name: "USD Coin (Arb1)", out_token_name: "Wrapped Ether" };
const pools = { exchange: "0x308C5B91F63307439FDB51a9fA4Dfc979E2ED6B0", protocol_name: "Uniswap V3" };

/** A document of the recording, its longest fields left out. */
const execution: RecordedExecution = {
  id: "5d732c39bb92c5167f94568ec27814b1c7397de845c8dd4fbbe1919deff8a9a9",
  block_number: 117_873_000,
  block_timestamp: 1_691_100_486,
  transaction: { hash: "0x2fe561da780137714f39eeda03e10b50", gas: 7_500_003, gasPrice: 106_410_005, transactionIndex: 1 },
  arbitrages: [
    {
      swaps: [
        { in_token: usdc, out_token: weth, ...names, ...pools, in_amount: "1830814561", out_amount: "1000209768293722043" },
        { in_token: weth, out_token: usdc, ...names, ...pools, in_amount: "999992631322738687", out_amount: "1830814562" },
      ],
    },
  ],
  token_balance: { [usdc]: { decimals: 6, one_token_to_eth_price: 0.0005436932419218578 } },
  eth_usd_price: 1838.0119518760303,
  total_cost_usd: 0.12895971080469207,
  total_gain_usd: 0.39894792560030284,
  total_profit_usd: 0.26998821479561075,
  transaction_cost_eth: 7.0162607306805e-5,
  flash_loans: [],
};
const opening = { atMs: 1_691_100_484_000, transactionHash: "0x9b387b35745a518a1b2c34515413c307" };
const joined: Arbitrage = { execution, opening };

describe("one recorded arbitrage", () => {
  it("has execution events alone when no opening joins it", () => {
    expect(lifecycleOf({ execution }).map(({ type }) => type)).toEqual(["execution.submitted", "execution.completed"]);
  });

  it("is detected when its gap opened and executed at its block's time", () => {
    expect(lifecycleOf(joined).map(({ type, atMs }) => [type, atMs])).toEqual([
      ["opportunity.detected", 1_691_100_484_000],
      ["execution.submitted", 1_691_100_486_000],
      ["execution.completed", 1_691_100_486_000],
      ["opportunity.updated", 1_691_100_486_000],
    ]);
  });

  it("passes the schemas, with amounts and profit to the last digit", () => {
    const [detected, , completed] = lifecycleOf(joined).map((draft) => JSON.parse(renderDraft(draft)) as { data: Record<string, unknown> });
    expect(detected?.data).toMatchObject({
      token_pair: "USDC.e/WETH",
      amount_in: "1830814561",
      estimated_profit: "0.39894792560030284",
      price_difference: "0",
      volume: "1829.55",
      risk_score: 3.2,
      confidence: 0.9,
    });
    expect(completed?.data).toMatchObject({
      actual_profit: "0.26998821479561075",
      gas_used: "659361",
      execution_time: 2_000,
      status: "confirmed",
    });
  });

  it("says nothing of a profit the source does not know", () => {
    const [, completed] = lifecycleOf({ execution: { ...execution, total_gain_usd: null, total_profit_usd: null } });
    expect(completed?.data).not.toHaveProperty("actual_profit");
  });

  it("recovers the exact gas from the fee", () => {
    expect(gasUsed(execution)).toBe("659361");
  });

  it("scores risk by the share of the gain that costs eat, and distrusts what it cannot see", () => {
    expect(riskScore({ ...execution, total_gain_usd: null })).toBe(10);
    expect(riskScore({ ...execution, total_gain_usd: 0.01 })).toBe(10);
    expect([confidenceOf(2, opening), confidenceOf(3, opening), confidenceOf(2, {})]).toEqual([0.9, 0.8, 0.45]);
  });
});

describe("joining", () => {
  it("takes the earliest opening of a document and sorts by block", () => {
    const later = { ...execution, id: "b", block_number: 117_873_001 };
    const document = {
      id: execution.id,
      opportunities: [
        { swap: { timestamp: 30, transaction_hash: "0x3" } },
        { swap: { timestamp: 20, transaction_hash: "0x2" } },
        { swap: { timestamp: null, transaction_hash: null } },
      ],
    };
    const arbitrages = joinArbitrages([later, execution].map((line) => JSON.stringify(line)).join("\n"), JSON.stringify(document));
    expect(arbitrages.map((arbitrage) => arbitrage.opening)).toEqual([{ atMs: 20_000, transactionHash: "0x2" }, undefined]);
  });

  it("spells tokens and venues so that a pair splits at its one slash", () => {
    expect(tokenName("0x0", "a/b")).toBe("a b");
    expect(pairOf({ in_token: "0x0", out_token: weth, ...names, ...pools, in_amount: "1", out_amount: "1" })).toBe("USD Coin (Arb1)/WETH");
    expect(venueSlug("Balancer V2")).toBe("balancer_v2");
  });
});

describe("running totals", () => {
  const drafts = Array.from({ length: 5 }, (_, index) =>
    lifecycleOf({
      execution: {
        ...execution,
        id: `${index}`.repeat(64),
        block_timestamp: execution.block_timestamp + index,
        total_profit_usd: index - 2,
      },
      opening,
    }),
  ).flat();
  const reports = reportsOn(drafts);

  it("reports the market after every fifth execution, summed exactly", () => {
    const market = reports.filter(({ type }) => type === "market.updated");
    expect(market.map(({ data }) => data)).toMatchObject([
      { profit: "0", success_rate: "0.4", total_opportunities: 5, total_executions: 5, latency_ms: 4_000 },
    ]);
  });

  it("warns of a net loss above one dollar", () => {
    expect(reports.filter(({ type }) => type === "system.alert").map(({ data }) => data["level"])).toEqual(["warning"]);
  });

  it("follows the event that made it due", () => {
    const sorted = [...drafts, ...reports].toSorted(compareDrafts).map(({ type }) => type);
    expect(sorted.indexOf("strategy.updated")).toBe(sorted.indexOf("execution.completed") + 1);
  });

  it("passes the schemas", () => {
    for (const report of reports) expect(() => renderDraft(report)).not.toThrow();
  });
});
