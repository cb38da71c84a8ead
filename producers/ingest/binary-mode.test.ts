/** CloudEvents over HTTP in binary mode: the shapes of the HTTP binding's own examples, with event types of ours. */
import { expect, it } from "vitest";
import { AppError } from "../../platform/errors.ts";
import type { Item } from "./item.ts";
import { readItems } from "./read-items.ts";
import { validateItems } from "./validate.ts";

const attributes = {
  "ce-specversion": "1.0",
  "ce-type": "system.alert",
  "ce-time": "2026-11-24T03:56:24Z",
  "ce-id": "1234-1234-1234",
  "ce-source": "/mycontext/subcontext",
};
const data = { level: "info", message: "m", timestamp: "2026-11-24T03:56:24Z" };

function request(headers: Record<string, string>, body: BodyInit | null = JSON.stringify(data)): Request {
  // A body that is text would announce itself as text/plain.
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  return new Request("https://edge.test/api/events", { method: "POST", headers: { ...attributes, ...headers }, body: bytes });
}

const json = { "content-type": "application/json; charset=utf-8" };

async function read(headers: Record<string, string>, body?: BodyInit | null): Promise<Record<string, unknown>> {
  const [item] = await readItems(request(headers, body));
  if (item === undefined || !("value" in item)) throw new Error(JSON.stringify(item));
  return item.value as Record<string, unknown>;
}

async function itemOf(headers: Record<string, string>): Promise<Item | undefined> {
  return (await readItems(request({ ...json, ...headers })))[0];
}

async function statusOf(reading: Promise<unknown>): Promise<number> {
  return await reading.then(
    () => 200,
    (error: unknown) => (error instanceof AppError ? error.status : 0),
  );
}

it("reads the binding's example: headers are attributes, the body is the data, its type is content-type", async () => {
  expect(await read({ ...json, "ce-comexampleextension1": "value", "ce-comexampleothervalue": "5" })).toEqual({
    specversion: "1.0",
    type: "system.alert",
    time: "2026-11-24T03:56:24Z",
    id: "1234-1234-1234",
    source: "/mycontext/subcontext",
    comexampleextension1: "value",
    comexampleothervalue: "5",
    datacontenttype: "application/json; charset=utf-8",
    data,
  });
});

it.each([
  ["Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"],
  ["%22quoted%22", '"quoted"'],
  ['"a \\"b\\" c"', 'a "b" c'],
  ["100%", "100%"],
  ["50%zz", "50%zz"],
  ["%e2%82%ac", "€"],
  ["%25", "%"],
])("decodes the header value %s as the binding says", async (header, value) => {
  expect((await read({ ...json, "ce-note": header }))["note"]).toBe(value);
});

it("refuses bytes that are no UTF-8, by the attribute's name", async () => {
  expect(await itemOf({ "ce-note": "%ff" })).toEqual({ fault: expect.stringContaining("ce-note"), path: "note" });
});

it.each(["data", "datacontenttype"])("refuses ce-%s, which has another place in binary mode", async (name) => {
  expect(await itemOf({ [`ce-${name}`]: "x" })).toMatchObject({ path: name });
});

it.each(["application/json", "application/vnd.arbitragex.alert+json", "text/json", "APPLICATION/JSON"])(
  "takes data of type %s",
  async (type) => {
    const value = await read({ "content-type": type });
    const { valid, rejected } = validateItems([{ value }], { nowMs: Date.parse(attributes["ce-time"]) });
    expect(rejected).toEqual([]);
    expect(JSON.parse(valid[0]?.publication.text ?? "")).toMatchObject({ datacontenttype: type, data: { level: "info" } });
  },
);

it("takes data without a type for JSON, as CloudEvents does", async () => {
  expect(await read({})).not.toHaveProperty("datacontenttype");
});

it.each(["application/xml", "text/plain", "application/x-ndjson", "application/jsonx", "application/json; charset=latin1"])(
  "answers 415 to data of type %s",
  async (type) => {
    expect(await statusOf(readItems(request({ "content-type": type })))).toBe(415);
  },
);

it.each(["{", "nul", "{} {}"])("answers 400 to the data %j", async (body) => {
  expect(await statusOf(readItems(request(json, body)))).toBe(400);
});

it.each<[Record<string, string>, string]>([
  [{ "ce-specversion": "0.3" }, "specversion"],
  [{ "ce-specversion": "" }, "specversion"],
  [{ "ce-id": "" }, "id"],
  [{ "ce-source": "" }, "source"],
  [{ "ce-type": "com.example.someevent" }, "type"],
  [{ "ce-time": "yesterday" }, "time"],
  [{ "ce-Bad_Name": "x" }, "bad_name"],
  [{ "ce-meta": "x" }, "meta"],
])("refuses the attributes %j by name", async (headers, path) => {
  const items = await readItems(request({ ...json, ...headers }));
  expect(validateItems(items, { nowMs: Date.parse(attributes["ce-time"]) }).rejected[0]?.path).toBe(path);
});

it("refuses an empty body for its missing data, and data that is no object", async () => {
  for (const body of [null, "[]", "7"]) {
    const { rejected } = validateItems(await readItems(request(json, body)), { nowMs: Date.parse(attributes["ce-time"]) });
    expect(rejected[0]?.path).toBe("data");
  }
});

it("is structured mode whatever ce-* headers there are, when the media type says so", async () => {
  const event = { specversion: "1.0", id: "body" };
  const items = await readItems(request({ "content-type": "application/cloudevents+json" }, JSON.stringify(event)));
  expect(items).toEqual([{ value: event }]);
});
