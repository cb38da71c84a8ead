import { describe, expect, it } from "vitest";
import type { StoredRow } from "./sequence.ts";
import { Tail } from "./tail.ts";

const bytesMax = 100;

function row(first: number, count = 1, bytes = 10): StoredRow {
  const texts = Array.from({ length: count }, (_, index) => `event ${first + index}`);
  return { first, count, at: 1, bytes, stale: [], earlier: texts.map(() => 0), lines: texts.join("\n") };
}

function tailOf(...rows: readonly StoredRow[]): Tail {
  const tail = new Tail(bytesMax);
  for (const one of rows) tail.append([one], 1);
  return tail;
}

function offsetsIn(tail: Tail, since: number, until = 1_000): number[] | undefined {
  return tail.rowsAfter(since, until, bytesMax)?.flatMap(({ first, count }) => Array.from({ length: count }, (_, index) => first + index));
}

describe("Tail", () => {
  it("answers from any offset that it holds, also from within a row and up to within one", () => {
    const tail = tailOf(row(5, 3), row(8), row(9, 4));
    expect(offsetsIn(tail, 4)).toEqual([5, 6, 7, 8, 9, 10, 11, 12]);
    expect(offsetsIn(tail, 5, 10)).toEqual([6, 7, 8, 9, 10]);
    expect(offsetsIn(tail, 11)).toEqual([12]);
    expect(offsetsIn(tail, 12)).toEqual([]);
    expect(tail.rowsAfter(5, 6, bytesMax)).toEqual([{ first: 6, count: 1, at: 1, stale: [], earlier: [0], lines: "event 6" }]);
  });

  it("says that it does not reach so far back rather than leaving something out", () => {
    expect(offsetsIn(tailOf(), 0)).toBeUndefined();
    expect(offsetsIn(tailOf(row(5)), 3)).toBeUndefined();
    const bounded = tailOf(row(1, 1, 60), row(2, 1, 30), row(3, 1, 20));
    expect(offsetsIn(bounded, 0)).toBeUndefined();
    expect(offsetsIn(bounded, 1)).toEqual([2, 3]);
  });

  it("keeps the newest row even when it alone is past the bound, and hands over at least one", () => {
    const tail = tailOf(row(1), row(2, 1, 500));
    expect(offsetsIn(tail, 0)).toBeUndefined();
    expect(offsetsIn(tail, 1)).toEqual([2]);
  });

  it("hands over about as many bytes as are asked for", () => {
    const rows = tailOf(row(1, 1, 40), row(2, 1, 40), row(3, 1, 20)).rowsAfter(0, 3, 90);
    expect(rows?.map(({ first }) => first)).toEqual([1, 2]);
  });

  it("forgets what the log has overwritten", () => {
    const tail = tailOf(row(1), row(2), row(3));
    tail.append([row(4)], 3);
    expect(offsetsIn(tail, 1)).toBeUndefined();
    expect(offsetsIn(tail, 2)).toEqual([3, 4]);
  });
});
