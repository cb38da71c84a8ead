import { expect, it } from "vitest";
import { sentEvent, opportunityData } from "../tests/support/sent-events.ts";
import { parseEvent } from "./event.ts";
import type { EdgeEvent } from "./event.ts";
import { renderEvent, renderReplayed, splitWire } from "./render.ts";

function rendered(changes: Record<string, unknown>): { event: EdgeEvent; text: string } {
  const parsed = parseEvent(sentEvent("opportunity.detected", changes));
  if (!parsed.ok) throw new Error(`${parsed.fault.path}: ${parsed.fault.message}`);
  return { event: parsed.event, text: renderEvent(parsed.event) };
}

it.each([
  ["nothing special", {}],
  ["data-like text in the id", { id: ',"data":{' }],
  ["data-like text in the source", { source: 'a","data":{"x":1},"z":"' }],
  ["data-like text in an extension", { note: '\\",\\"data\\":' }],
  ["an extension whose name is a number", { 10: "ten", 2: "two" }],
  ["extensions of every kind", { text: "t", amount: 1.5, flag: true }],
  ["newlines, quotes and line separators in data", { data: opportunityData({ metadata: { note: 'a\nb\r\u2028"\\,"data":' } }) }],
  ["what was sent before an adapter changed it", { original: '{"type":"x","data":{"original":"y"},"meta":1}' }],
  ["meta", { meta: { values: { volume: ["bigint"] } } }],
])("splits attributes from data with %s", (_, changes: Record<string, unknown>) => {
  const { event, text } = rendered(changes);
  expect(text).not.toContain("\n");
  const { tail, ...head } = splitWire(text);
  const { id, type, source, subject, time } = event;
  expect(head).toEqual({ id, type, source, subject, time });
  const { data, meta } = event;
  expect(JSON.parse(`{${tail}}`)).toEqual(JSON.parse(JSON.stringify({ data, meta })));
});

it("keeps what was sent in the text and out of the tail that frames are made of", () => {
  const original = JSON.stringify({ data: { secret: '","data":' } });
  const { event, text } = rendered({ original });
  expect(event.original).toBe(original);
  expect(JSON.parse(text)).toMatchObject({ original });
  expect(splitWire(text).tail).not.toContain("secret");
});

it("gives the frames of a replay the position of the original, which reads back, in place of what was sent", () => {
  const { event } = rendered({ original: '{"secret":1}', meta: { values: {} } });
  const position = { channel: "opportunities", epoch: "e1", offset: 7, at: 1_795_000_000_000 };
  const text = renderReplayed(event, position);
  expect(JSON.parse(`{${splitWire(text).tail}}`)).toEqual({
    data: JSON.parse(JSON.stringify(event.data)),
    meta: event.meta,
    original: position,
  });
  expect(text).not.toContain("secret");
  const again = parseEvent(JSON.parse(text));
  const { original: _, ...sent } = event;
  expect(again).toEqual({ ok: true, event: { ...sent, replayed: position } });
});

it("puts attributes first and data last, so a frame is the text's tail behind another head", () => {
  const { text } = rendered({ traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01`, note: "x" });
  expect(Object.keys(JSON.parse(text) as object)).toEqual([
    "specversion",
    "id",
    "source",
    "type",
    "subject",
    "time",
    "traceparent",
    "note",
    "data",
  ]);
});
