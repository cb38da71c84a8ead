import { expect, it } from "vitest";
import { renderReport, speedRatio, type Measured } from "./report.ts";

const runs = (...seconds: number[]): Measured[] => seconds.map((value) => ({ seconds: value, cpuSeconds: value / 2 }));
const results = { zcat: runs(1, 2), raw: runs(2, 8), parquet: runs(5, 10), "rebuild raw": runs(100), "rebuild parquet": [] };

it("compares within each round, not across them", () => {
  expect(speedRatio(results, "raw")).toEqual({ median: 0.375, min: 0.25, max: 0.5 });
  expect(speedRatio(results, "rebuild raw").median).toBe(0.01);
});

it("says whether both dry runs reach their share, and leaves out what did not run", () => {
  const text = renderReport(1_000, results);
  expect(text).toContain("dry run at least 0.25 of the pipe: no");
  expect(text).not.toContain("rebuild of D1, Parquet");
  expect(renderReport(1_000, { ...results, parquet: runs(4, 8) })).toContain("dry run at least 0.25 of the pipe: yes");
});
