import { describe, expect, it } from "vitest";
import { matches, parseFilters } from "./filter.ts";

const data = {
  chain: "arbitrum",
  dex_a: "uniswap_v3",
  dex_b: "camelot",
  token_pair: "WETH/USDC",
  estimated_profit: "24.50",
  execution_status: "pending",
  risk_score: 3,
};

describe("parsing", () => {
  it.each([
    [{ chian: "arbitrum" }, "filters.chian"],
    [{ min_profit: "ten" }, "filters.min_profit"],
    [{ min_profit: 1e-9 }, "filters.min_profit"],
    [{ min_profit: Number.NaN }, "filters.min_profit"],
    [{ chain: 42161 }, "filters.chain"],
    [{ chain: "" }, "filters.chain"],
    [{ dex: "x".repeat(129) }, "filters.dex"],
    [{ max_risk: "low" }, "filters.max_risk"],
    [{ ["__proto__x"]: 1 }, "filters.__proto__x"],
  ])("refuses %j and names the field", (input, path) => {
    expect(parseFilters(input)).toMatchObject({ ok: false, path });
  });

  it("writes equal filters alike, whatever their order", () => {
    const one = parseFilters({ min_profit: "10", chain: "base" });
    const other = parseFilters({ chain: "base", min_profit: 10 });
    expect(JSON.stringify(one)).toBe(JSON.stringify(other));
  });
});

describe("matching", () => {
  it.each([
    [{}, true],
    [{ chain: "arbitrum" }, true],
    [{ chain: "base" }, false],
    [{ dex: "camelot" }, true],
    [{ dex: "sushiswap" }, false],
    [{ min_profit: "24.5" }, true],
    [{ min_profit: "24.51" }, false],
    [{ min_profit: "9" }, true],
    [{ status: "pending" }, true],
    [{ status: "executed" }, false],
    [{ max_risk: 3 }, true],
    [{ max_risk: 2.9 }, false],
    [{ token_pair: "WETH/USDC" }, true],
    [{ token_pair: "USDC/WETH" }, false],
    [{ token_pair: "weth/usdc" }, false],
    [{ dex: "uniswap_v3" }, true],
    [{ max_risk: "3.0" }, true],
    [{ max_risk: 0 }, false],
    [{ min_profit: "-1" }, true],
    [{ strategy_id: "s1" }, false],
    [{ chain: "arbitrum", dex: "camelot", max_risk: 5, min_profit: 24, status: "pending", token_pair: "WETH/USDC" }, true],
    [{ chain: "arbitrum", min_profit: "100" }, false],
  ])("%j decides %s", (input, expected) => {
    const parsed = parseFilters(input);
    expect(parsed.ok && matches(parsed.filters, data)).toBe(expected);
  });

  it("compares an execution by its actual profit and its status", () => {
    expect(matches({ min_profit: "5", status: "confirmed" }, { actual_profit: "5.0", status: "confirmed" })).toBe(true);
    expect(matches({ min_profit: "5" }, { status: "confirmed" })).toBe(false);
  });

  it("finds an execution by its strategy, and leaves out what lacks a field that is asked for", () => {
    expect(matches({ strategy_id: "s1" }, { strategy_id: "s1" })).toBe(true);
    expect(matches({ strategy_id: "s1" }, { strategy_id: "s2" })).toBe(false);
    for (const filters of [{ chain: "base" }, { dex: "camelot" }, { token_pair: "A/B" }, { status: "pending" }, { max_risk: 10 }]) {
      expect(matches(filters, {})).toBe(false);
    }
  });

  it("is not misled by a value that is no decimal or no number", () => {
    expect(matches({ min_profit: "1" }, { estimated_profit: "lots" })).toBe(false);
    expect(matches({ min_profit: "1" }, { estimated_profit: 99 })).toBe(false);
    expect(matches({ max_risk: 5 }, { risk_score: "3" })).toBe(false);
    expect(
      matches({ min_profit: "99999999999999999999999999999999999999.1" }, { estimated_profit: "99999999999999999999999999999999999999.2" }),
    ).toBe(true);
  });
});
