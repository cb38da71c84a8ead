/** Which events make a batch, and when. */
import { expect, it } from "vitest";
import { BatchBuffer } from "./buffer.ts";

const bounds = { batchEventsMax: 3, batchBytesMax: 100, lingerMs: 20 };
const sized = (bytes: number): { bytes: number } => ({ bytes });

function holding(...sizes: number[]): BatchBuffer<{ bytes: number }> {
  const buffer = new BatchBuffer<{ bytes: number }>(bounds);
  for (const [index, bytes] of sizes.entries()) buffer.add(sized(bytes), index);
  return buffer;
}

it("has nothing due while it is empty", () => {
  expect(holding().dueInMs(0)).toBeUndefined();
  expect(holding().take()).toEqual([]);
});

it("lets the first event linger, and not longer", () => {
  expect(holding(10, 10).dueInMs(5)).toBe(15);
  expect(holding(10).dueInMs(1_000)).toBe(0);
});

it.each([
  ["events", [1, 1, 1, 1], [1, 1, 1]],
  ["bytes", [40, 40, 40], [40, 40]],
])("is due at once when it holds a batch by %s, and takes no more than that", (_, sizes, taken) => {
  const buffer = holding(...sizes);
  expect(buffer.dueInMs(2)).toBe(0);
  expect(buffer.take()).toEqual(taken.map(sized));
  expect([buffer.size, buffer.bytes]).toEqual([1, (sizes.at(-1) ?? 0) + 1]);
});

it("takes one event that is larger than a batch alone", () => {
  const buffer = holding(500, 1);
  expect(buffer.take()).toEqual([sized(500)]);
  expect(buffer.take()).toEqual([sized(1)]);
  expect(buffer.bytes).toBe(0);
});
