import { expect, it } from "vitest";
import { eventId } from "./event.ts";
import { percentileMs } from "./histogram.ts";
import { EventReader, Tally } from "./reader.ts";

const stamp = 5_000_000;

function frame(offset: number, prev: number): string {
  return `{"type":"opportunity_detected","channel":"c","epoch":"e","offset":${offset},"prev":${prev},"id":"${eventId(stamp, offset)}","data":{}}`;
}

function readAll(texts: readonly string[], hasPositions: boolean, sinceMicros = 0): Tally {
  const tally = new Tally();
  const reader = new EventReader(tally, { hasPositions, sinceMicros });
  for (const text of texts) reader.read(Buffer.from(text), stamp + 2_000);
  return tally;
}

it("sees a hole and an event out of order", () => {
  const tally = readAll([frame(7, 4), frame(9, 8), frame(8, 7)], true);
  expect(tally).toMatchObject({ delivered: 3, holes: 1, disordered: 1 });
});

it("counts every event of a batch frame and takes what a filter left out for no hole", () => {
  const batch = `{"type":"batch","frames":[${frame(7, 4)},${frame(100, 7)}]}`;
  expect(readAll(['{"type":"subscribed","offset":4}', batch, frame(101, 100)], true)).toMatchObject({
    delivered: 3,
    holes: 0,
    disordered: 0,
  });
});

it("reads how late an event is, with or without positions", () => {
  const tally = readAll([`42["event",{"specversion":"1.0","id":"${eventId(stamp, 1)}"}]`], false);
  expect(tally.delivered).toBe(1);
  expect(percentileMs(tally.lag, 0.5)).toBeCloseTo(2, 0);
});

it("does not count what an earlier run left behind, but sees the hole after it", () => {
  expect(readAll([frame(7, 6), frame(9, 8)], true, stamp + 1)).toMatchObject({ delivered: 0, holes: 1 });
});

it("does not pass over frames that lack the positions it was promised", () => {
  expect(() => readAll([`{"id":"${eventId(stamp, 1)}"}`], true)).toThrow("no positions");
});
