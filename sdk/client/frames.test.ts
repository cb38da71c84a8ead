import superjson from "superjson";
import { expect, it } from "vitest";
import { renderBatches, renderPosition } from "../../channels/dialects/native.ts";
import { readFrames, revive } from "./frames.ts";

const event = { type: "opportunity_detected", channel: "c", epoch: "e", offset: 2, prev: 1, id: "x", time: "t", data: {} };

it.each([
  ["no text", new ArrayBuffer(4)],
  ["no JSON", "{"],
  ["no object", "[1]"],
  ["null", "null"],
])("refuses %s", (_why, text) => {
  expect(readFrames(text)).toBeUndefined();
});

it.each([
  ["an unknown type", { type: "fireworks" }],
  ["an event without a position", { ...event, offset: undefined }],
  ["a position that is no whole number", { ...event, offset: 1.5 }],
  ["a negative prev", { ...event, prev: -1 }],
  ["data that is no object", { ...event, data: [] }],
  ["subscribed without an epoch", { type: "subscribed", channel: "c", offset: 1 }],
  ["a type that every object has", { type: "constructor" }],
])("leaves out %s", (_why, frame) => {
  expect(readFrames(JSON.stringify(frame))).toEqual([]);
});

it("takes a batch apart in order, and keeps what stands beside a frame it does not know", () => {
  const [text = ""] = renderBatches([JSON.stringify(event), '{"type":"fireworks"}', renderPosition("c", 9)]);
  expect(readFrames(text)?.map(({ kind, frame }) => [kind, frame.type])).toEqual([
    ["event", "opportunity_detected"],
    ["control", "position"],
  ]);
});

it("brings BigInt and Date back as they were sent, deep inside as well", () => {
  const sent = { amount: 2n ** 200n, legs: [{ at: new Date("2026-11-24T02:00:00.123Z"), size: "1.5" }] };
  const { json, meta } = superjson.serialize(sent);
  const [read] = readFrames(JSON.stringify({ ...event, data: json, meta })) ?? [];
  if (read?.kind !== "event") throw new Error("no event");
  expect(revive(read.frame.data, read.frame.meta)).toEqual(sent);
});

it("keeps the plain data when the annotations do not fit them", () => {
  const data = { amount: "not a number" };
  expect(revive(data, { values: { amount: ["bigint"] } })).toEqual(data);
  expect(revive(data, { values: { "__proto__.polluted": ["bigint"] } })).toEqual(data);
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
});
