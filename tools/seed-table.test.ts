import { describe, expect, it } from "vitest";
import { problemsOf, seedRows } from "./seed-table.ts";

const head = "| Seed | Module | Test |\n|---|---|---|\n";
const exists = (path: string): boolean => path === "a.ts" || path === "a.test.ts";

function problems(row: string): string[] {
  return seedRows(head + row).flatMap((each) => problemsOf(each, exists));
}

describe("the map of the seed", () => {
  it("refuses a row whose module or test is gone", () => {
    expect(problems("| x | `a.ts` | `b.test.ts` |")).toEqual(["docs/seed.md:3 x: test b.test.ts does not exist"]);
  });

  it("refuses a row that names nothing", () => {
    expect(problems("| x | `a.ts` | |")).toEqual(['docs/seed.md:3 x: names no test, nor "not yet (topic)"']);
  });

  it("refuses «not yet» without a topic", () => {
    expect(problems("| x | not yet | not yet (gateway) |")).toHaveLength(1);
  });

  it("accepts targets that exist, «not yet», and both together", () => {
    expect(problems("| x | `a.ts` | `a.test.ts` |")).toEqual([]);
    expect(problems("| x | not yet (gateway) | not yet (gateway) |")).toEqual([]);
    expect(problems("| x | `a.ts`; refresh not yet (gateway) | `a.test.ts` |")).toEqual([]);
  });
});
