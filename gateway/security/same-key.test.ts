import { expect, it } from "vitest";
import { isSameKey } from "./same-key.ts";

it.each([
  ["k", "k", true],
  ["", "", true],
  ["k", "K", false],
  ["k", "k\0", false],
  ["k", "", false],
  ["schlüssel", "schlüssel", true],
  ["x".repeat(512), "x".repeat(512), true],
  ["x".repeat(512), "x".repeat(511), false],
  ["x".repeat(513), "x".repeat(513), true],
  ["x".repeat(513), `${"x".repeat(512)}y`, false],
  ["x".repeat(600), "x".repeat(512), false],
])("%j and %j are the same key or not", (given, expected, isSame) => {
  expect(isSameKey(given, expected)).toBe(isSame);
});
