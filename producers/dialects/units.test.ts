import { describe, expect, it } from "vitest";
import { chainIds, toChain } from "./chains.ts";
import { inWholeUnits, shifted, toDecimalText, toIntegerText } from "./decimal-text.ts";
import { toEventType } from "./event-names.ts";
import { findToken } from "./tokens.ts";
import { blockNumber, identity, number, risk, strategyType, time, venue } from "./units.ts";
import type { Unit } from "./units.ts";

function read(unit: Unit, value: unknown): unknown {
  const converted = unit.read(value);
  return "value" in converted ? converted.value : undefined;
}

describe("decimals", () => {
  it.each([
    [1e-7, "0.0000001"],
    [1.5e21, "1500000000000000000000"],
    [0.1 + 0.2, "0.30000000000000004"],
    [-2.5, "-2.5"],
    [-0, "0"],
    ["-0.00", "0.00"],
    ["007.50", "7.50"],
    [" 12 ", "12"],
    ["1.5E-3", "0.0015"],
    ["-1e2", "-100"],
    ["5.", "5"],
    ["123456789012345678901234567890.123456789", "123456789012345678901234567890.123456789"],
  ])("%j is %s, moved character by character", (value, text) => {
    expect(toDecimalText(value)).toBe(text);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, "", ".", "1,000", "1.2.3", "0x10", "ten", "1e9999", null, {}, [], true, "9".repeat(401)])(
    "%j is none",
    (value) => {
      expect(toDecimalText(value)).toBeUndefined();
    },
  );

  it.each([
    ["0xde0b6b3a7640000", "1000000000000000000"],
    ["0XFF", "255"],
    [42, "42"],
    ["42.00", "42"],
    ["1e3", "1000"],
    [`0x${"f".repeat(64)}`, String(2n ** 256n - 1n)],
  ])("the integer %j is %s", (value, text) => {
    expect(toIntegerText(value)).toBe(text);
  });

  it.each([-1, 1.5, "0x", "0xg", `0x${"f".repeat(65)}`, "1.5", "", null])("%j is no non-negative integer", (value) => {
    expect(toIntegerText(value)).toBeUndefined();
  });

  it.each([
    ["1500000", 6, "1.5"],
    ["1", 18, "0.000000000000000001"],
    ["1000000000000000000", 18, "1"],
    ["7", 0, "7"],
    ["0", 18, "0"],
  ])("%s units at %i decimals are %s", (units, decimals, text) => {
    expect(inWholeUnits(units, decimals)).toBe(text);
  });

  it("shifts both ways", () => {
    expect([shifted("0.38", 1), shifted("-38", -1), shifted("2.5", 3)]).toEqual(["3.8", "-3.8", "2500"]);
  });
});

describe("times", () => {
  it.each([
    ["2026-11-24T02:00:00Z", "2026-11-24T02:00:00.000Z"],
    ["2026-11-24T02:00:00.123456789Z", "2026-11-24T02:00:00.123Z"],
    ["2026-11-24T03:00:00.9999+01:00", "2026-11-24T02:00:00.999Z"],
    ["2026-11-24 02:00:00", "2026-11-24T02:00:00.000Z"],
    ["2026-11-24 02:00:00.5", "2026-11-24T02:00:00.500Z"],
    [1_795_485_600, "2026-11-24T02:00:00.000Z"],
    [1_795_485_600.25, "2026-11-24T02:00:00.250Z"],
    [1_795_485_600_123, "2026-11-24T02:00:00.123Z"],
    ["1795485600123", "2026-11-24T02:00:00.123Z"],
  ])("%j is %s", (value, text) => {
    expect(read(time, value)).toBe(text);
  });

  it.each(["", "now", "2026-11-24", "2026-11-24T02:00:00", "2026-02-30 00:00:00", "24/11/2026", 0, -5, 1e14, 1e15, Number.NaN, null, {}])(
    "%j is none: it is not guessed",
    (value) => {
      expect(read(time, value)).toBeUndefined();
    },
  );
});

describe("chains", () => {
  it.each(Object.entries(chainIds))("%s is known by slug, number and Title Case", (slug, id) => {
    const titled = slug.slice(0, 1).toUpperCase() + slug.slice(1);
    expect([slug, id, String(id), titled, ` ${slug.toUpperCase()} `].map(toChain)).toEqual(Array.from({ length: 5 }, () => slug));
  });

  it.each([
    ["Arbitrum One", "arbitrum"],
    ["BNB Smart Chain", "bsc"],
    ["solana", "solana"],
  ])("%s is %s", (name, slug) => {
    expect(toChain(name)).toBe(slug);
  });

  it.each([0, 3, -1, 1.5, "99999", "Some Other Chain", "", "🦄", null, {}])("%j is none", (value) => {
    expect(toChain(value)).toBeUndefined();
  });
});

it.each<[1 | 10 | 100, unknown, number | undefined]>([
  [1, 0.07, 0.7],
  [1, "0.29", 2.9],
  [1, 1, 10],
  [1, 1.01, undefined],
  [10, 3.8, 3.8],
  [10, 10.1, undefined],
  [100, 38, 3.8],
  [100, 100, 10],
  [100, 101, undefined],
  [100, -1, undefined],
  [10, "high", undefined],
])("on a scale to %i a risk of %j is %j of 10", (top, value, score) => {
  expect(read(risk(top), value)).toBe(score);
});

it.each([
  ["Uniswap V3", "uniswap_v3"],
  ["UniswapV3", "uniswap_v3"],
  ["uniswap-v3", "uniswap_v3"],
  ["SushiSwap", "sushiswap"],
  ["  Curve.fi ", "curve_fi"],
  ["🦄", undefined],
  ["", undefined],
  [7, undefined],
])("the venue %j is %j", (name, slug) => {
  expect(read(venue, name)).toBe(slug);
});

it.each([
  ["CrossDex", "cross_dex"],
  ["Triangular", "triangular"],
  ["FLASH_LOAN", "flash_loan"],
  ["Cyclic2Leg", "cyclic_2_leg"],
  ["cyclic_2_leg", "cyclic_2_leg"],
])("the strategy %s is %s", (name, snake) => {
  expect(read(strategyType, name)).toBe(snake);
});

it.each([
  [identity, 42, "42"],
  [identity, 1.5, undefined],
  [identity, "", undefined],
  [number, "0.9", 0.9],
  [number, "much", undefined],
  [blockNumber, "0x10", 16],
  [blockNumber, -1, undefined],
])("reads %o %j as %j", (unit, value, expected) => {
  expect(read(unit as Unit, value)).toBe(expected);
});

it.each([
  ["opportunity_detected", "opportunity.detected"],
  ["opportunity:detected", "opportunity.detected"],
  ["arbitrage.opportunity.detected", "opportunity.detected"],
  ["opportunity.detected", "opportunity.detected"],
  ["EXECUTION_COMPLETED", "execution.completed"],
  ["execution:failed", "execution.failed"],
  ["arbitrage:execution:submitted", "execution.submitted"],
  ["system_alert", "system.alert"],
  ["system:alert", "system.alert"],
  ["system.error", "system.alert"],
  ["workflow_status_update", "workflow.updated"],
  ["workflow_completed", "workflow.completed"],
  ["agent_status_update", "agent.updated"],
  ["system_metrics_update", "metrics.recorded"],
  ["opportunity_new", undefined],
  ["constructor", undefined],
  ["__proto__", undefined],
  ["", undefined],
])("the event name %j is %j", (name, type) => {
  expect(toEventType(name)).toBe(type);
});

it("knows a token by its contract on its own chain only, in any case", () => {
  expect(findToken("arbitrum", "0x82aF49447D8a07e3bd95BD0d56f35241523fBab1")).toEqual({ symbol: "WETH", decimals: 18 });
  expect(findToken("ethereum", "0x82aF49447D8a07e3bd95BD0d56f35241523fBab1")).toBeUndefined();
});
