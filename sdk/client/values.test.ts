import { expect, it } from "vitest";
import { findStream, streams } from "../../channels/catalogue.ts";
import { compareDecimals as edgeCompare } from "../../channels/decimals.ts";
import { matches as edgeMatches } from "../../channels/filter.ts";
import { keyOf, ruleOf, type Filters } from "./channels.ts";
import { compareDecimals } from "./decimal.ts";
import { lastingFilters, matches } from "./filters.ts";

it("knows the edge's streams, their views and which have a snapshot", () => {
  for (const { name, chainViews, sinks, lastValue } of streams) {
    expect(ruleOf(name), name).toEqual({
      hasSnapshot: sinks.includes("hot-cache") || lastValue === true,
      hasChainViews: chainViews,
      isLastValue: lastValue === true,
    });
  }
  expect(findStream("opportunities")).toBeDefined();
  expect(ruleOf("replay:01kb")).toEqual({ hasSnapshot: false, hasChainViews: false, isLastValue: false });
});

it.each([
  "nothing",
  "opportunities:",
  "opportunities:a:b",
  "opportunities:Arbitrum!",
  "market:arbitrum",
  "replay:",
  "replay:a:b",
  "constructor",
  "",
])("refuses the channel %j before a socket is opened", (name) => {
  expect(() => ruleOf(name)).toThrow(/there is no channel/);
});

it("gives equal subscriptions one key, whatever the order of their filters", () => {
  expect(keyOf("market", { chain: "base", dex: "x" })).toBe(keyOf("market", { dex: "x", chain: "base" }));
  expect(keyOf("market", { chain: "base" })).not.toBe(keyOf("market", { chain: "bsc" }));
});

const decimals = [
  "-10",
  "-9.5",
  "-0.1",
  "0",
  "0.0",
  "0.09",
  "0.1",
  "0.10",
  "9",
  "10",
  "24.5",
  "24.50",
  `${"9".repeat(77)}8`,
  "9".repeat(78),
];

it("orders decimals as the edge does, to the last of 78 digits", () => {
  for (const a of decimals)
    for (const b of decimals) expect(Math.sign(compareDecimals(a, b)) + 0, `${a} ${b}`).toBe(Math.sign(edgeCompare(a, b)) + 0);
});

it("puts text that is no decimal before every number instead of throwing in the middle of a render", () => {
  expect([..."x,5,-3,1e9".split(",")].sort(compareDecimals)).toEqual(["x", "1e9", "-3", "5"]);
});

const data = {
  chain: "base",
  dex_a: "a",
  dex_b: "b",
  token_pair: "W/U",
  execution_status: "pending",
  estimated_profit: "24.50",
  risk_score: 3,
};

it.each<[Filters, boolean]>([
  [{}, true],
  [{ chain: "base", dex: "b", token_pair: "W/U", status: "pending", min_profit: "24.5", max_risk: 3 }, true],
  [{ chain: "bsc" }, false],
  [{ dex: "c" }, false],
  [{ token_pair: "U/W" }, false],
  [{ status: "executed" }, false],
  [{ min_profit: "24.51" }, false],
  [{ max_risk: 2.9 }, false],
  [{ strategy_id: "s" }, false],
])("filters as the edge does: %j", (filters, expected) => {
  expect(matches(filters, data)).toBe(expected);
  expect(edgeMatches(filters, data)).toBe(expected);
});

it("leaves to the edge only the filters whose fields stay as they are", () => {
  expect(lastingFilters({ chain: "base", status: "pending", min_profit: "1", max_risk: 2, dex: "a" })).toEqual({ chain: "base", dex: "a" });
});
