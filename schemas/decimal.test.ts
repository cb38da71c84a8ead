import { expect, it } from "vitest";
import { DecimalString, IntegerString } from "./decimal.ts";

const digits78 = "115792089237316195423570985008687907853269984665640564039457584007913129639935";

it.each(["0", "-1", "24.50", "0.000000000000000001", "1000209768293722043", digits78, `-${digits78}.${"9".repeat(36)}`])(
  "takes %s and leaves it untouched",
  (text) => {
    expect(digits78).toHaveLength(78);
    expect(DecimalString.parse(text)).toBe(text);
  },
);

it.each([
  ["", "empty"],
  ["NaN", "not a number"],
  ["Infinity", "not finite"],
  ["-Infinity", "not finite"],
  ["1e999", "an exponent"],
  ["1e3", "an exponent"],
  ["0x10", "hexadecimal"],
  ["-0", "negative zero"],
  ["-0.00", "negative zero with a fraction"],
  ["00", "leading zeros"],
  ["01.5", "a leading zero"],
  ["+1", "a plus sign"],
  [".5", "no digit before the point"],
  ["5.", "no digit after the point"],
  ["1,000", "a separator"],
  ["1_000", "a separator"],
  [" 1", "a space before"],
  ["1 ", "a space after"],
  ["1\n", "a newline after"],
  ["١٢", "digits of another script"],
  [`1${digits78}`, "79 digits"],
  ["9".repeat(200), "200 digits"],
  [`0.${"1".repeat(37)}`, "37 decimals"],
])("refuses %j: %s", (text) => {
  expect(DecimalString.safeParse(text).success).toBe(false);
});

it.each([24.5, 1, null, undefined, true, {}, ["1"], 10n])("refuses %s, which is not text", (value) => {
  expect(DecimalString.safeParse(value).success).toBe(false);
  expect(IntegerString.safeParse(value).success).toBe(false);
});

it.each(["0", "21000", digits78])("takes the integer %s untouched", (text) => {
  expect(IntegerString.parse(text)).toBe(text);
});

it.each(["", "-1", "-0", "1.0", "01", "1e18", "0xff", `1${digits78}`, "9".repeat(200), "1\n"])("refuses %j as an integer", (text) => {
  expect(IntegerString.safeParse(text).success).toBe(false);
});

it("refuses a megabyte of digits as fast as it refuses a word", () => {
  expect(DecimalString.safeParse("1".repeat(1_000_000)).success).toBe(false);
  expect(DecimalString.safeParse(`0.${"0".repeat(1_000_000)}x`).success).toBe(false);
});
