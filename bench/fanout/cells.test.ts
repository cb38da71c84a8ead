import { expect, it } from "vitest";
import { matrix, nameOf, parseList } from "./cells.ts";

it.each(["", "0", "1,x", "1.5", "-3", "1,,2"])("refuses %j for a list of counts", (text) => {
  expect(() => parseList(text)).toThrow("not a list");
});

it("leaves out what nobody could deliver", () => {
  expect(matrix([1, 100, 1_000], [20, 200, 1_000]).map(nameOf)).toEqual([
    "1 × 20/s",
    "1 × 200/s",
    "1 × 1000/s",
    "100 × 20/s",
    "100 × 200/s",
    "100 × 1000/s",
    "1000 × 20/s",
  ]);
});
