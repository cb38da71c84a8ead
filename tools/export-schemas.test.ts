import { expect, it } from "vitest";
import { eventTypes } from "../schemas/event.ts";
import { findStale, renderSchemas } from "./export-schemas.ts";

interface ObjectSchema {
  $schema?: string;
  type?: string;
  const?: string;
  format?: string;
  pattern?: string;
  default?: unknown;
  required?: string[];
  properties?: Record<string, ObjectSchema>;
}

function schemaOf(name: string): ObjectSchema {
  return JSON.parse(renderSchemas().get(name) ?? "") as ObjectSchema;
}

it("names what is stale: missing, different and left over", () => {
  const expected = new Map([
    ["a.json", "1"],
    ["b.json", "2"],
    ["c.json", "3"],
  ]);
  const present = new Map([
    ["a.json", "1"],
    ["b.json", "other"],
    ["d.json", "4"],
  ]);
  expect(findStale(expected, present).map((line) => line.split(" ")[0])).toEqual(["b.json", "c.json", "d.json"]);
  expect(findStale(expected, expected)).toEqual([]);
});

it("writes one schema for the envelope and one for each event type", () => {
  expect([...renderSchemas().keys()]).toEqual(["envelope.json", ...Object.keys(eventTypes).map((type) => `${type}.json`)]);
});

it("describes what may be sent: fields with a default are optional, times are any RFC 3339", () => {
  const { properties, required } = schemaOf("opportunity.detected.json");
  expect(properties?.["type"]?.const).toBe("opportunity.detected");
  expect(required).toEqual(expect.arrayContaining(["specversion", "id", "source", "type", "time", "data"]));
  const data = properties?.["data"];
  expect(data?.required).toContain("estimated_profit");
  expect(data?.required).not.toContain("profit_currency");
  expect(data?.properties?.["profit_currency"]?.default).toBe("USD");
  expect(data?.properties?.["timestamp"]?.format).toBe("date-time");
});

it.each(["24.50", "-0.5", "1".repeat(78)])("has the pattern that money follows: %s", (text) => {
  const pattern = schemaOf("opportunity.detected.json").properties?.["data"]?.properties?.["estimated_profit"]?.pattern ?? "";
  expect(new RegExp(pattern, "u").test(text)).toBe(true);
  expect(new RegExp(pattern, "u").test(`${text}e3`)).toBe(false);
});
