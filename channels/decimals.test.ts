import { expect, it } from "vitest";
import { compareDecimals, isDecimal } from "./decimals.ts";

it.each(["", "-", ".5", "5.", "1e3", "NaN", "0x10", "1,5", " 1", "+1"])("does not take %j for a decimal", (text) => {
  expect(isDecimal(text)).toBe(false);
  expect(() => compareDecimals(text, "0")).toThrow(TypeError);
});

it.each([
  ["0.1", "0.10", 0],
  ["-0", "0.000", 0],
  ["007", "7", 0],
  ["9", "10", -1],
  ["0.09", "0.1", -1],
  ["0.10001", "0.1", 1],
  ["-2", "1", -1],
  ["-2", "-10", 1],
  ["-0.5", "-0.25", -1],
  ["24.50", "24.499999999999999999999999999999999999", 1],
  ["1000209768293722043", "1000209768293722042", 1],
  [`${"9".repeat(78)}.1`, `${"9".repeat(78)}.2`, -1],
])("orders %s and %s as numbers, whatever their length", (a, b, order) => {
  expect(Math.sign(compareDecimals(a, b))).toBe(order);
  expect(Math.sign(compareDecimals(b, a))).toBe(order === 0 ? 0 : -order);
});
