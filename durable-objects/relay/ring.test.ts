import { expect, it } from "vitest";
import { eventsOf, lastOf } from "../../schemas/row.ts";
import type { LogRow } from "../../schemas/rpc.ts";
import { Ring } from "./ring.ts";

function row(first: number, count: number, lineChars = 1): LogRow {
  const lines = Array.from({ length: count }, (_, index) => String(first + index).padStart(lineChars, "0")).join("\n");
  return { first, count, at: 0, stale: [], earlier: Array.from({ length: count }, () => 0), lines };
}

const offsets = (rows: readonly LogRow[] | undefined): number[] | undefined => rows?.flatMap(eventsOf).map(({ offset }) => offset);
const ring = (eventsMax = 10, bytesMax = 1_000): Ring => new Ring({ eventsMax, bytesMax });

it("answers a range it holds, cut inside rows, and nothing it does not hold in full", () => {
  const held = ring();
  held.append([row(5, 3), row(8, 2)]);
  expect(offsets(held.between(5, 8))).toEqual([6, 7, 8]);
  expect(offsets(held.between(4, 9))).toEqual([5, 6, 7, 8, 9]);
  expect(held.between(3, 9)).toBeUndefined();
  expect(held.between(9, 9)).toEqual([]);
  expect(ring().between(0, 1)).toBeUndefined();
});

it("forgets whole rows from the front past its bounds, never the newest", () => {
  const held = ring(4);
  held.append([row(1, 2), row(3, 2), row(5, 1)]);
  expect(held.first).toBe(3);
  held.append([row(6, 9)]);
  expect(held.first).toBe(6);
  const small = ring(100, 10);
  small.append([row(1, 1, 50)]);
  expect(small.first).toBe(1);
});

it("never pretends to be contiguous across a gap", () => {
  const held = ring();
  held.append([row(1, 2)]);
  held.append([row(5, 1)]);
  expect(held.between(1, 5)).toBeUndefined();
  expect(offsets(held.between(4, 5))).toEqual([5]);
});

it("keeps pulled rows as far back as there is room, and only what adjoins", () => {
  const held = ring(5);
  held.append([row(10, 2)]);
  held.prepend([row(1, 2), row(3, 4), row(7, 2), row(9, 2)], 11);
  expect(held.first).toBe(7);
  expect(offsets(held.between(6, 11))).toEqual([7, 8, 9, 10, 11]);
  held.prepend([row(1, 2)], 11);
  expect(held.first).toBe(7);
});

it("takes pulled rows when it is empty, if they end where the stream stands", () => {
  const held = ring();
  held.prepend([row(1, 3)], 7);
  expect(held.first).toBeUndefined();
  held.prepend([row(5, 3)], 7);
  expect(offsets(held.between(4, lastOf(row(5, 3))))).toEqual([5, 6, 7]);
});
