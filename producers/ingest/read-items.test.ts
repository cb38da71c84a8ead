import { expect, it } from "vitest";
import { AppError } from "../../platform/errors.ts";
import { requestBytesMax, requestEventsMax } from "../../schemas/limits.ts";
import type { Item } from "./item.ts";
import { ingestLimits, readItems } from "./read-items.ts";

const encoder = new TextEncoder();

function request(body: BodyInit | null, type: string | null = "application/json", headers: Record<string, string> = {}): Request {
  const all = new Headers(headers);
  if (type !== null) all.set("content-type", type);
  return new Request("https://edge.test/api/events", { method: "POST", body, headers: all });
}

/** A body that arrives in these pieces, without an announced length. */
function pieces(parts: readonly (string | Uint8Array)[], end: "closes" | "stalls" = "closes"): ReadableStream<Uint8Array> {
  const queue = parts.map((part) => (typeof part === "string" ? encoder.encode(part) : part));
  return new ReadableStream({
    async pull(controller) {
      const next = queue.shift();
      if (next !== undefined) controller.enqueue(next);
      else if (end === "closes") controller.close();
      else await new Promise(() => undefined);
    },
  });
}

async function statusOf(reading: Promise<unknown>): Promise<number> {
  try {
    await reading;
    return 200;
  } catch (error) {
    if (error instanceof AppError) return error.status;
    throw error;
  }
}

const ndjson = "application/x-ndjson";
const faults = (items: readonly Item[]): (string | undefined)[] => items.map((item) => ("fault" in item ? item.fault : undefined));

it.each([
  null,
  "text/plain",
  "application/xml",
  "application/json-seq",
  "application/jsonx",
  "constructor",
  "application/json; charset=latin1",
])("answers 415 to media type %s", async (type) => {
  expect(await statusOf(readItems(request(encoder.encode("[{}]"), type)))).toBe(415);
});

it("answers 415 to an encoding it cannot undo rather than calling the body malformed", async () => {
  expect(await statusOf(readItems(request("[{}]", "application/json", { "content-encoding": "compress" })))).toBe(415);
});

it.each([
  "application/json",
  "Application/JSON; charset=UTF-8",
  'application/json;charset="utf-8"',
  "application/cloudevents+json",
  "application/cloudevents-batch+json",
])("reads %s", async (type) => {
  expect(await readItems(request('[{"a":1},{"b":2}]', type))).toEqual([{ value: { a: 1 } }, { value: { b: 2 } }]);
  expect(await readItems(request('{"a":1}', type))).toEqual([{ value: { a: 1 } }]);
});

it.each(["", " ", "[", '{"a":', "[NaN]", "nul", "7", '"x"', "null", "[]", "[{}] x"])("answers 400 to the body %j", async (body) => {
  expect(await statusOf(readItems(request(body)))).toBe(400);
});

it("answers 400 to invalid UTF-8, also when it is cut off at the end", async () => {
  expect(await statusOf(readItems(request(new Uint8Array([0x22, 0xff, 0x22]))))).toBe(400);
  expect(await statusOf(readItems(request(pieces(['{"a":"', new Uint8Array([0xc3])]))))).toBe(400);
});

it("puts a character together that arrives in two pieces", async () => {
  const [first, second] = [new Uint8Array([0xc3]), new Uint8Array([0xa9])];
  expect(await readItems(request(pieces(['{"a":"', first, second, '"}'])))).toEqual([{ value: { a: "é" } }]);
  expect(await readItems(request(pieces(['{"a":"', first, second, '"}']), ndjson))).toEqual([{ value: { a: "é" } }]);
});

it.each([
  ["application/json", 0, 200],
  ["application/json", 1, 413],
  [ndjson, 0, 200],
  [ndjson, 1, 413],
])("takes %s up to the body limit: %i byte past it is %i, announced or not", async (type, past, status) => {
  const body = `{"a":1}${" ".repeat(requestBytesMax - 7 + past)}`;
  expect(await statusOf(readItems(request(encoder.encode(body), type)))).toBe(status);
  expect(await statusOf(readItems(request(pieces([body]), type)))).toBe(status);
});

it("refuses by the announced length without reading the body", async () => {
  const announced = request(pieces([], "stalls"), "application/json", { "content-length": String(requestBytesMax + 1) });
  expect(await statusOf(readItems(announced))).toBe(413);
});

it.each([
  ["application/json", 0, 200],
  ["application/json", 1, 413],
  [ndjson, 0, 200],
  [ndjson, 1, 413],
])("takes %s up to the event limit: %i past it is %i", async (type, past, status) => {
  const events = Array.from({ length: requestEventsMax + past }, () => "{}");
  const body = type === ndjson ? events.join("\n") : `[${events.join(",")}]`;
  expect(await statusOf(readItems(request(body, type)))).toBe(status);
});

it.each(["application/json", ndjson])("answers 408 to a %s body that stalls", async (type) => {
  expect(await statusOf(readItems(request(pieces(['{"a":1}\n'], "stalls"), type), { ...ingestLimits, timeoutMs: 20 }))).toBe(408);
});

it("answers 400 when the sender goes away in the middle", async () => {
  const body = new ReadableStream({
    pull(controller) {
      controller.error(new Error("connection lost"));
    },
  });
  expect(await statusOf(readItems(request(body)))).toBe(400);
});

it("reports a truncated last line by its index and keeps what came before", async () => {
  const items = await readItems(request('{"a":1}\n{"b":2}\n{"c":', ndjson));
  expect(items.slice(0, 2)).toEqual([{ value: { a: 1 } }, { value: { b: 2 } }]);
  expect(faults(items)[2]).toContain("cut short");
});

it("takes a last line without its newline when it is whole", async () => {
  expect(await readItems(request('{"a":1}\n{"b":2}', ndjson))).toHaveLength(2);
});

it.each([
  ["cut off in the middle of a character", Uint8Array.of(0x5b, 0xe2, 0x82)],
  ["with a byte that never stands there", Uint8Array.of(0x5b, 0xff, 0x5d)],
])("leaves nothing of a body %s in the next ones, whose byte order mark is none of their text", async (_, bad) => {
  const sized = (bytes: Uint8Array): Request => request(bytes, "application/json", { "content-length": String(bytes.byteLength) });
  const good = encoder.encode('\ufeff{"pair":"€"}');
  for (let times = 0; times < 2; times++) {
    expect(await statusOf(readItems(sized(bad)))).toBe(400);
    expect(await readItems(sized(good))).toEqual([expect.objectContaining({ value: { pair: "€" } })]);
    expect(await readItems(sized(good))).toHaveLength(1);
  }
});

it("reports an unreadable line in its place: bad JSON or bad UTF-8", async () => {
  const items = await readItems(request(pieces(["{}\n{oops}\n", new Uint8Array([0x22, 0xff, 0x22, 0x0a]), "{}\n"]), ndjson));
  expect(faults(items)).toEqual([undefined, "the line is not valid JSON", "the line is not valid UTF-8", undefined]);
});

it("ignores blank lines and the carriage returns of other systems", async () => {
  expect(await readItems(request('\r\n{"a":1}\r\n\n  \n{"b":2}\r\n', ndjson))).toEqual([{ value: { a: 1 } }, { value: { b: 2 } }]);
  expect(await statusOf(readItems(request("\n \n", ndjson)))).toBe(400);
});

it("splits lines the same wherever the body is cut into pieces", async () => {
  const text = '{"a":"é"}\n\n{"b":[1,2]}\r\n{"c":"\\n"}';
  const bytes = encoder.encode(text);
  const whole = await readItems(request(text, ndjson));
  expect(whole).toHaveLength(3);
  for (let size = 1; size <= bytes.length; size += 1) {
    const parts = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) => bytes.slice(index * size, (index + 1) * size));
    expect(await readItems(request(pieces(parts), ndjson))).toEqual(whole);
  }
});
