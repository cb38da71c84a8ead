import { expect, it } from "vitest";
import { merge, newHistogram, percentileMs, record } from "./histogram.ts";

it("has no percentile of nothing", () => {
  expect(percentileMs(newHistogram(), 0.5)).toBeUndefined();
});

it("keeps delays out of range in its outermost buckets", () => {
  const histogram = newHistogram();
  record(histogram, -5);
  record(histogram, 1e15);
  expect(percentileMs(histogram, 0.5)).toBeLessThan(0.002);
  expect(percentileMs(histogram, 1)).toBeGreaterThan(6e7);
});

it("tells a percentile within 3 %, of one run or of several", () => {
  const halves = [newHistogram(), newHistogram()];
  for (let ms = 1; ms <= 1_000; ms++) record(halves[ms % 2] ?? newHistogram(), ms * 1_000);
  const whole = merge(halves);
  expect(Math.abs((percentileMs(whole, 0.5) ?? 0) / 500 - 1)).toBeLessThan(0.03);
  expect(Math.abs((percentileMs(whole, 0.99) ?? 0) / 990 - 1)).toBeLessThan(0.03);
});
