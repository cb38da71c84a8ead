import { expect, it } from "vitest";
import { publicationOf, opportunity } from "../../tests/support/sockets.ts";
import { LiveEvent } from "./live-event.ts";
import { renderBatches, renderNative, renderRun } from "./native.ts";

const timeMs = Date.parse("2026-11-24T02:00:00.123Z");

function live(offset: number, { id = "o1", stale = false, data = {} } = {}): LiveEvent {
  const { text } = publicationOf(opportunity({ id, timeMs, data }));
  return new LiveEvent({ offset, at: timeMs, stale, earlier: 0, text });
}

it("joins a frame around the event's own text: what came in goes out untouched", () => {
  const amount = "115792089237316195423570985008687907853269984665640564039457584007913129639935";
  const frame = JSON.parse(
    renderNative({ channel: "opportunities:arbitrum", epoch: "e1" }, live(7, { data: { amount_in: amount } }), 4),
  ) as unknown;
  expect(frame).toMatchObject({
    type: "opportunity_detected",
    channel: "opportunities:arbitrum",
    epoch: "e1",
    offset: 7,
    prev: 4,
    id: "o1",
    time: "2026-11-24T02:00:00.123Z",
    data: { amount_in: amount, estimated_profit: "24.50" },
  });
  expect(frame).not.toHaveProperty("stale");
});

it("survives an id and data that look like JSON", () => {
  const id = '","data":{"x":1},"y":"';
  const frame = JSON.parse(
    renderNative({ channel: "opportunities", epoch: "e1" }, live(1, { id, data: { note: '"}],"data":' } }), 0),
  ) as unknown;
  expect(frame).toMatchObject({ id, data: { opportunity_id: id, note: '"}],"data":' } });
});

it("marks a stale event", () => {
  expect(JSON.parse(renderNative({ channel: "c", epoch: "e" }, live(1, { stale: true }), 0))).toMatchObject({ stale: true });
});

it("chains each frame of a run to the one before", () => {
  const frames = renderRun({ channel: "c", epoch: "e" }, [live(5), live(9), live(10)], 2).map(
    (text) => JSON.parse(text) as { prev: number },
  );
  expect(frames.map(({ prev }) => prev)).toEqual([2, 5, 9]);
});

it("splits a batch before it grows past what clients take as one message, and keeps the order", () => {
  const frames = Array.from({ length: 9 }, (_, index) => JSON.stringify({ index, pad: "x".repeat(60_000) }));
  const batches = renderBatches(frames);
  expect(batches.every((text) => text.length < 300_000)).toBe(true);
  const indexes = batches.flatMap((text) => (JSON.parse(text) as { frames: { index: number }[] }).frames.map(({ index }) => index));
  expect(indexes).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  expect(renderBatches([])).toEqual([]);
});
