import { expect, it } from "vitest";
import { utf8Bytes } from "../../platform/bytes.ts";
import { eventTypes } from "../../schemas/event.ts";
import { eventAheadMsMax, eventBehindMsMax, eventBytesMax } from "../../schemas/limits.ts";
import { opportunityData, sentEvent } from "../../tests/support/sent-events.ts";
import type { SentEvent } from "../../tests/support/sent-events.ts";
import { validateItems } from "./validate.ts";
import type { Validated, ValidationContext } from "./validate.ts";

const nowMs = Date.parse("2026-11-24T02:00:00.000Z");
const type = "opportunity.detected";

function validate(values: readonly unknown[], context: Partial<ValidationContext> = {}): Validated {
  return validateItems(
    values.map((value) => ({ value })),
    { nowMs, ...context },
  );
}

function at(offsetMs: number): SentEvent {
  return sentEvent(type, { time: new Date(nowMs + offsetMs).toISOString() });
}

/** An event whose rendered text has exactly `bytes` bytes. */
function ofBytes(bytes: number): SentEvent {
  const event = at(0);
  event.data["metadata"] = { pad: "" };
  const [rendered] = validate([event]).valid;
  const missing = bytes - utf8Bytes(rendered?.publication.text ?? "");
  event.data["metadata"] = { pad: "é".repeat(Math.floor(missing / 2)) + "x".repeat(missing % 2) };
  return event;
}

it("rejects a bad event by its index, id and path and lets its neighbours in", () => {
  const bad = sentEvent(type, { id: "bad-1", time: at(0).time, data: opportunityData({ risk_score: 11 }) });
  const { valid, rejected } = validate([at(0), bad, at(0)]);
  expect(valid).toHaveLength(2);
  expect(rejected).toEqual([{ index: 1, id: "bad-1", code: "INVALID_PARAMETERS", message: expect.any(String), path: "data.risk_score" }]);
});

it.each([null, 7, "text", [], [[]], true])("rejects %j, which is no event at all", (value) => {
  expect(validate([value]).rejected).toHaveLength(1);
});

it("rejects a line that could not be read in its place", () => {
  const { valid, rejected } = validateItems([{ value: at(0) }, { fault: "not JSON" }, { value: at(0) }], { nowMs });
  expect(valid).toHaveLength(2);
  expect(rejected).toEqual([{ index: 1, code: "INVALID_PARAMETERS", message: "not JSON" }]);
});

it.each([
  ["at the limit ahead", eventAheadMsMax, true],
  ["one ms further ahead", eventAheadMsMax + 1, false],
  ["at the limit behind", -eventBehindMsMax, true],
  ["one ms further behind", -eventBehindMsMax - 1, false],
])("decides by its clock: a time %s", (_, offsetMs, accepted) => {
  const { rejected } = validate([at(offsetMs)]);
  expect(rejected.map(({ path }) => path)).toEqual(accepted ? [] : ["time"]);
});

it("rejects a time in 2099", () => {
  expect(validate([sentEvent(type, { time: "2099-01-01T00:00:00Z" })]).rejected[0]).toMatchObject({
    code: "INVALID_PARAMETERS",
    path: "time",
  });
});

it("takes an event of the rendered size limit and not one of one byte more, counted in UTF-8", () => {
  expect(utf8Bytes(validate([ofBytes(eventBytesMax)]).valid[0]?.publication.text ?? "")).toBe(eventBytesMax);
  expect(validate([ofBytes(eventBytesMax + 1)]).rejected[0]?.code).toBe("PAYLOAD_TOO_LARGE");
});

it("counts the rendered size, not the sent one: escapes do not make an event larger", () => {
  const [limit] = validate([JSON.parse(JSON.stringify(ofBytes(eventBytesMax)).replaceAll("é", "\\u00e9"))]).valid;
  expect(utf8Bytes(limit?.publication.text ?? "")).toBe(eventBytesMax);
});

it("gives the request's traceparent to events that have none, and only a valid one", () => {
  const header = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
  const own = `00-${"c".repeat(32)}-${"d".repeat(16)}-00`;
  const [first, second] = validate([at(0), { ...at(0), traceparent: own }], { traceparent: header }).valid;
  expect(JSON.parse(first?.publication.text ?? "")).toMatchObject({ traceparent: header });
  expect(JSON.parse(second?.publication.text ?? "")).toMatchObject({ traceparent: own });
  for (const bad of [
    "junk",
    header.replace(/^00/, "ff"),
    `00-${"0".repeat(32)}-${"b".repeat(16)}-01`,
    `00-${"a".repeat(32)}-${"0".repeat(16)}-01`,
  ]) {
    expect(JSON.parse(validate([at(0)], { traceparent: bad }).valid[0]?.publication.text ?? "")).not.toHaveProperty("traceparent");
  }
});

it("sends each event type to a stream of the catalogue", () => {
  const { valid, rejected } = validate(Object.keys(eventTypes).map((name) => sentEvent(name, { time: at(0).time })));
  expect(rejected).toEqual([]);
  expect(new Set(valid.map(({ stream }) => stream)).size).toBe(7);
});

it("does not echo more of a bad event than a few hundred characters", () => {
  const deep = { ["k".repeat(50_000)]: "\ud800" };
  const [item] = validate([sentEvent(type, { data: deep })]).rejected;
  expect(JSON.stringify(item).length).toBeLessThan(1_500);
});
