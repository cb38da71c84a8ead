import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DecimalString } from "../../schemas/decimal.ts";
import { decimalOf, ratioDecimal, roundTo, scaledDecimal, unitsOf } from "./exact.ts";

describe("exact numbers", () => {
  it.each([Number.NaN, Number.POSITIVE_INFINITY])("refuses %s, which has no decimal form", (value) => {
    expect(() => decimalOf(value)).toThrow("no decimal form");
  });

  it.each([
    [7.0162607306805e-5, "0.000070162607306805"],
    [-0.5, "-0.5"],
    [-0, "0"],
    [1e21, "1000000000000000000000"],
    [1.5e22, "15000000000000000000000"],
    [905.97, "905.97"],
  ])("writes %d without an exponent", (value, text) => expect(decimalOf(value)).toBe(text));

  it("writes a decimal that reads back as the same double and passes the schema", () => {
    const value = fc.double({ min: 1e-18, max: 1e15, noNaN: true });
    fc.assert(
      fc.property(value, (number) => {
        expect(Number(decimalOf(number))).toBe(number);
        expect(DecimalString.safeParse(decimalOf(number)).success).toBe(true);
      }),
    );
  });

  it("refuses to drop a digit when it counts units", () => {
    expect(() => unitsOf("0.001", 2)).toThrow("more than 2 decimals");
    expect(() => unitsOf("1e3", 2)).toThrow("not a decimal");
  });

  it("turns units into text and back", () => {
    fc.assert(
      fc.property(fc.bigInt(-(10n ** 40n), 10n ** 40n), (units) => {
        expect(unitsOf(scaledDecimal(units, 18), 18)).toBe(units);
      }),
    );
  });

  it("rounds ratios down, below zero too", () => {
    expect(ratioDecimal({ numerator: 2n, denominator: 3n }, 4)).toBe("0.6666");
    expect(ratioDecimal({ numerator: -2n, denominator: 3n }, 4)).toBe("-0.6667");
  });

  it("never rounds a score to negative zero", () => {
    expect(Object.is(roundTo(-0.0001, 2), 0)).toBe(true);
  });
});
