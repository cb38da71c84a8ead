import * as fc from "fast-check";
import { expect, it } from "vitest";
import { executionData, opportunityData, otherData, sentEvent } from "../tests/support/sent-events.ts";
import { eventTypes, parseEvent } from "./event.ts";
import type { EdgeEvent } from "./event.ts";
import { idCharsMax, sourceCharsMax } from "./limits.ts";
import { renderEvent } from "./render.ts";

const type = "opportunity.detected";

function faultOf(input: unknown): { path: string; message: string } | undefined {
  const parsed = parseEvent(input);
  return parsed.ok ? undefined : parsed.fault;
}

function pathOf(input: unknown): string | undefined {
  return faultOf(input)?.path;
}

function parsed(input: unknown): EdgeEvent {
  const result = parseEvent(input);
  if (!result.ok) throw new Error(`${result.fault.path}: ${result.fault.message}`);
  return result.event;
}

it.each(Object.keys(eventTypes))("takes an event of type %s", (name) => {
  expect(parsed(sentEvent(name)).type).toBe(name);
});

it.each([undefined, null, 1, "x", [], () => undefined])("refuses %s as an event", (input) => {
  expect(parseEvent(input).ok).toBe(false);
});

it("names the types there are when it refuses one there is not", () => {
  expect(faultOf(sentEvent("opportunity.invented"))).toMatchObject({
    path: "type",
    message: expect.stringContaining("opportunity.detected"),
  });
  for (const name of ["", "toString", "__proto__", "constructor", "x".repeat(10_000)]) expect(pathOf(sentEvent(name))).toBe("type");
});

it.each([
  ["specversion", { specversion: "0.3" as "1.0" }],
  ["id", { id: "" }],
  ["id", { id: "x".repeat(idCharsMax + 1) }],
  ["id", { id: "a\u0000b" }],
  ["id", { id: "a\nb" }],
  ["source", { source: "" }],
  ["source", { source: "x".repeat(sourceCharsMax + 1) }],
  ["source", { source: "a\u0000b" }],
  ["time", { time: "yesterday" }],
  ["time", { time: "2026-11-24T02:00:00" }],
  ["time", { time: "2026-02-30T00:00:00Z" }],
  ["time", { time: "2026-11-24T24:00:00Z" }],
  ["time", { time: "2026-11-24T23:59:60Z" }],
  ["time", { time: "1969-12-31T23:59:59Z" }],
  ["time", { time: "9999-12-31T23:59:59-12:00" }],
  ["traceparent", { traceparent: "junk" }],
  ["traceparent", { traceparent: `00-${"0".repeat(32)}-${"b".repeat(16)}-01` }],
  ["datacontenttype", { datacontenttype: "text/xml" }],
  ["subject", { subject: "somebody-else" }],
  ["meta", { meta: [] }],
  ["Upper", { Upper: 1 }],
  ["data_base64", { data_base64: "" }],
  ["list", { list: [] }],
  ["object", { object: {} }],
])("refuses a bad %s by its path", (path, changes: Record<string, unknown>) => {
  expect(pathOf(sentEvent(type, changes))).toBe(path);
});

it("takes an id and a source of exactly the longest allowed", () => {
  expect(parsed(sentEvent(type, { id: "x".repeat(idCharsMax), source: "s".repeat(sourceCharsMax) })).id).toHaveLength(idCharsMax);
});

it.each(["specversion", "id", "source", "type", "time", "data"])("says which attribute is missing: %s", (name) => {
  const { [name]: _, ...rest } = sentEvent(type);
  expect(pathOf(rest)).toBe(name);
});

it.each(["opportunity_id", "chain", "dex_a", "token_pair", "estimated_profit", "risk_score", "expiry_time", "execution_status"])(
  "says which field of an opportunity is missing: data.%s",
  (name) => {
    const { [name]: _, ...data } = opportunityData();
    expect(pathOf(sentEvent(type, { data }))).toBe(`data.${name}`);
  },
);

it.each([
  ["opportunity_id", "x".repeat(idCharsMax + 1)],
  ["opportunity_id", "a\u0000b"],
  ["chain", "Arbitrum One"],
  ["chain_id", 0],
  ["chain_id", "1"],
  ["estimated_profit", 24.5],
  ["estimated_profit", "NaN"],
  ["estimated_profit", "1e999"],
  ["estimated_profit", "-0"],
  ["volume", "9".repeat(200)],
  ["risk_score", 10.01],
  ["risk_score", -0.01],
  ["risk_score", "3"],
  ["confidence", 1.01],
  ["execution_status", "done"],
  ["profit_currency", "us dollars"],
  ["timestamp", 1_700_000_000_000],
  ["expiry_time", "0000-01-01T00:00:00+01:00"],
  ["gas_estimate", "-1"],
  ["route", Array.from({ length: 65 }, () => 1)],
  ["metadata", "text"],
  ["metadata", null],
])("refuses data.%s = %j", (name, value) => {
  expect(pathOf(sentEvent(type, { data: opportunityData({ [name]: value }) }))).toBe(`data.${name}`);
});

it.each([
  ["a lone surrogate", '{"metadata":{"note":"\\ud800"}}', "data.metadata.note"],
  ["a number out of range", '{"metadata":{"n":1e999}}', "data.metadata.n"],
  ["negative zero", '{"risk_score":-0}', "data.risk_score"],
  ["50 levels", `{"metadata":{"deep":${"[".repeat(50)}${"]".repeat(50)}}}`, `data.metadata.deep${".0".repeat(29)}`],
  ["a prototype", '{"__proto__":{"chain":"base"}}', "data.__proto__"],
])("keeps %s out", (_, text, path) => {
  // Spread defines a parsed __proto__ field as a field, like JSON.parse does.
  const data = { ...opportunityData(), ...(JSON.parse(text) as object) };
  expect(pathOf(sentEvent(type, { data }))).toBe(path);
});

it("leaves a 78-digit amount untouched", () => {
  const amount = `1${"0".repeat(76)}7`;
  const event = parsed(sentEvent(type, { data: opportunityData({ volume: amount, amount_in: amount }) }));
  expect(event.data).toMatchObject({ volume: amount, amount_in: amount });
});

it("keeps unknown fields and extension attributes", () => {
  const event = parsed(
    sentEvent(type, { data: opportunityData({ mempool: { seen: true } }), partitionkey: "k", sequence: 3, sampled: false }),
  );
  expect(event.data["mempool"]).toEqual({ seen: true });
  expect(event.extensions).toEqual({ partitionkey: "k", sequence: 3, sampled: false });
});

it("brings every time to UTC with milliseconds", () => {
  const data = opportunityData({ timestamp: "2026-11-24T03:00:00+01:00", expiry_time: "2026-11-24T02:00:00.123456789Z" });
  const event = parsed(sentEvent(type, { time: "2026-11-24T02:00:00Z", data }));
  expect(event.time).toBe("2026-11-24T02:00:00.000Z");
  expect(event.data).toMatchObject({ timestamp: "2026-11-24T02:00:00.000Z", expiry_time: "2026-11-24T02:00:00.123Z" });
});

it("fills in what is said by default: currency and subject", () => {
  const { profit_currency: _, ...data } = opportunityData({ opportunity_id: "o-7" });
  const event = parsed(sentEvent(type, { data }));
  expect(event.data["profit_currency"]).toBe("USD");
  expect(event.subject).toBe("o-7");
});

/** One in five may hold any JSON, most of which has numbers that lose digits and is refused; the others hold what is taken. */
const kept = fc.oneof(fc.string(), fc.boolean(), fc.constant(null), fc.integer(), fc.array(fc.string(), { maxLength: 3 }));
const extra = fc.oneof(
  { arbitrary: fc.dictionary(fc.string(), kept), weight: 4 },
  { arbitrary: fc.dictionary(fc.string(), fc.jsonValue()), weight: 1 },
);
const anyData = fc.oneof(
  extra.map((fields) => ({ name: type, data: { ...fields, ...opportunityData() } })),
  extra.map((fields) => ({ name: "execution.completed", data: { ...fields, ...executionData() } })),
  fc.constantFrom(...Object.entries(otherData).map(([name, data]) => ({ name, data: { ...data } }))),
);
/** Events as they might be sent: mostly valid, with fields, times, ids and extensions nobody thought of. */
const anySent = fc
  .record({
    body: anyData,
    extensions: fc.dictionary(fc.stringMatching(/^[a-z0-9]{1,8}$/), fc.oneof(fc.string(), fc.double(), fc.boolean())),
    when: fc.date({ min: new Date(-1e14), max: new Date(3e14), noInvalidDate: true }).map((date) => date.toISOString()),
    id: fc.string(),
  })
  .map(({ body, extensions, when, id }) => {
    const times = { timestamp: when, last_update: when, last_modified: when, created_at: when };
    return { ...extensions, ...sentEvent(body.name, { id, data: { ...body.data, ...times } }) };
  });

it("reads the same event again from its own rendering, whatever was sent", () => {
  let accepted = 0;
  fc.assert(
    fc.property(anySent, (sent) => {
      const first = parseEvent(sent);
      if (!first.ok) return;
      accepted += 1;
      const text = renderEvent(first.event);
      const again = parsed(JSON.parse(text));
      expect(again).toEqual(first.event);
      expect(renderEvent(again)).toBe(text);
      expect(text).not.toContain("\n");
    }),
    { numRuns: 500 },
  );
  // Without this the property could hold for nothing.
  expect(accepted).toBeGreaterThan(50);
});

it("answers whatever it is given and never throws", () => {
  fc.assert(
    fc.property(fc.anything({ withNullPrototype: true, withSparseArray: true }), fc.anything(), (input, data) => {
      expect(parseEvent(input).ok).toBe(false);
      expect(parseEvent({ ...sentEvent(type), data }).ok).toBe(false);
    }),
    { numRuns: 500 },
  );
});
