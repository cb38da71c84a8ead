import { describe, expect, it } from "vitest";
import { ExecuteBody, LoginBody, StrategyBody } from "./bodies.ts";

const whole = { strategy_id: "s1", max_gas_price: "50000000000", slippage_tolerance: "0.005", confirmation_blocks: 1 };

function pathOf(
  schema: { safeParse(value: unknown): { error?: { issues: { path: PropertyKey[] }[] } | undefined } },
  value: unknown,
): string {
  return schema.safeParse(value).error?.issues[0]?.path.join(".") ?? "taken";
}

describe("an execution", () => {
  it.each([
    [{ ...whole, strategy_id: undefined }, "strategy_id"],
    [{ ...whole, max_gas_price: "-1" }, "max_gas_price"],
    [{ ...whole, max_gas_price: 1.5 }, "max_gas_price"],
    [{ ...whole, max_gas_price: 2 ** 60 }, "max_gas_price"],
    [{ ...whole, slippage_tolerance: "-0.1" }, "slippage_tolerance"],
    [{ ...whole, slippage_tolerance: "1e-3" }, "slippage_tolerance"],
    [{ ...whole, confirmation_blocks: 1_001 }, "confirmation_blocks"],
    [{ ...whole, confirmation_blocks: "1" }, "confirmation_blocks"],
    [{ ...whole, extra: 1 }, ""],
  ])("%j is refused by name", (value, path) => {
    expect(pathOf(ExecuteBody, value)).toBe(path);
  });

  it("is taken with amounts as text or as numbers", () => {
    expect(ExecuteBody.parse(whole)).toEqual(whole);
    const numbers = { ...whole, max_gas_price: 50_000_000_000, slippage_tolerance: 0.005 };
    expect(ExecuteBody.parse(numbers)).toEqual(numbers);
  });
});

describe("a strategy", () => {
  it("is refused where a number would not survive being read", () => {
    expect(pathOf(StrategyBody, JSON.parse('{"limits":{"max":1000209768293722043}}'))).toBe("limits.max");
    expect(pathOf(StrategyBody, JSON.parse('{"a":[1,1e21]}'))).toBe("a.1");
  });

  it("is refused when it is nested without end", () => {
    const deep: unknown = JSON.parse(`{"a":${"[".repeat(40)}${"]".repeat(40)}}`);
    expect(pathOf(StrategyBody, deep)).toMatch(/^a\.0\.0/);
  });

  it("is taken with whatever fields it has", () => {
    const value = { is_active: false, parameters: { min_profit: "1.50", slippage: 0.1, tokens: ["WETH", null] } };
    expect(StrategyBody.parse(value)).toEqual(value);
  });
});

describe("a sign-in", () => {
  it.each([[{}], [{ password: "x".repeat(1_025) }], [{ password: { $gt: "" } }], [[]], ["text"]])("%j is refused", (value) => {
    expect(LoginBody.safeParse(value).success).toBe(false);
  });

  it("is taken with the backend's fields", () => {
    expect(LoginBody.parse({ email: "a@b.example", password: "p", remember: true })).toEqual({
      email: "a@b.example",
      password: "p",
      remember: true,
    });
  });
});
