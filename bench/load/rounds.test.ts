import { expect, it } from "vitest";
import { ratioOf, rotated, spreadOf } from "./rounds.ts";

it("has a middle of odd and of even rounds, and none of nothing", () => {
  expect(spreadOf([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
  expect(spreadOf([4, 1, 2, 3])).toEqual({ median: 2.5, min: 1, max: 4 });
  expect(spreadOf([]).median).toBeNaN();
});

it("takes ratios within a round: a machine that is slow for a minute is slow for both", () => {
  expect(ratioOf([1, 10, 2], [2, 20, 4])).toEqual({ median: 0.5, min: 0.5, max: 0.5 });
  expect(ratioOf([1, 10], [2])).toEqual({ median: 0.5, min: 0.5, max: 0.5 });
});

it("lets everybody begin once", () => {
  expect([0, 1, 2, 3].map((round) => rotated(["a", "b", "c"], round).join(""))).toEqual(["abc", "bca", "cab", "abc"]);
  expect(rotated([], 3)).toEqual([]);
});
