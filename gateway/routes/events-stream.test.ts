/** NDJSON over HTTP, through the whole Worker to the Channel objects: what is a stream, what is not, and what is refused before it begins. */
import { env, exports } from "cloudflare:workers";
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { channelStub } from "../../durable-objects/stubs.ts";
import { requestBytesMax, streamBytesMax, streamsMax } from "../../schemas/limits.ts";
import { sentEvent } from "../../tests/support/sent-events.ts";

const encoder = new TextEncoder();
const ndjson = "application/x-ndjson";
const streaming = { accept: ndjson };
const lineOf = (event: unknown): string => `${JSON.stringify(event)}\n`;
const eventsOf = (count: number) => Array.from({ length: count }, () => sentEvent("opportunity.detected"));

async function post(body: BodyInit, headers: Record<string, string> = {}, query = ""): Promise<Response> {
  return await exports.default.fetch(`https://edge.test/api/events${query}`, {
    method: "POST",
    headers: { "content-type": ndjson, "x-api-key": "test-ingest-key-1", ...headers },
    body,
  });
}

type Verdict = Readonly<Record<string, unknown>>;

async function verdictsOf(response: Response): Promise<Verdict[]> {
  return (await response.text())
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Verdict);
}

/** A body without an announced length. */
function piecesOf(bytes: Uint8Array, size = 50_000): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.byteLength) return controller.close();
      controller.enqueue(bytes.slice(at, at + size));
      at += size;
    },
  });
}

const topOf = async (stream: string): Promise<number> => (await channelStub(env, stream).status({ v: 1, stream })).top;

describe("refused before it begins", () => {
  it.each([
    ["no key", { "x-api-key": "" }, "", 401],
    ["another charset", { "content-type": `${ndjson}; charset=iso-8859-1` }, "", 415],
    ["an unknown encoding", { "content-encoding": "compress" }, "", 415],
    ["an announced length beyond a stream's", { "content-length": String(streamBytesMax + 1) }, "", 413],
    ["an unknown delivery", {}, "?delivery=slow", 400],
  ])("%s", async (_, headers, query, status) => {
    const response = await post(lineOf(sentEvent("opportunity.detected")), { ...streaming, ...headers }, query);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ success: false });
  });

  it("one stream too many, with the time to come back; as soon as one ends there is room", async () => {
    const releases: (() => void)[] = [];
    const running = await Promise.all(
      Array.from({ length: streamsMax }, async () => {
        const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
        const writer = writable.getWriter();
        releases.push(() => void writer.close());
        return await post(readable, streaming);
      }),
    );
    const refused = await post(lineOf(sentEvent("opportunity.detected")), streaming);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "5"]);
    expect(await refused.json()).toMatchObject({ error: { code: "CAPACITY_EXCEEDED" } });
    for (const release of releases) release();
    for (const response of running) expect(await verdictsOf(response)).toEqual([expect.objectContaining({ summary: expect.anything() })]);
    expect((await verdictsOf(await post(lineOf(sentEvent("opportunity.detected")), streaming))).at(-1)).toMatchObject({
      summary: { accepted: 1 },
    });
  });
});

it("answers what is asked for line by line with a verdict a line and a summary", async () => {
  const [event] = eventsOf(1);
  const response = await post(`${lineOf(event)}{oops\n${lineOf(event)}`, streaming);
  expect([response.status, response.headers.get("content-type")]).toEqual([200, ndjson]);
  expect(await verdictsOf(response)).toEqual([
    { line: 1, id: event?.id, status: "accepted" },
    { line: 2, status: "rejected", code: "INVALID_PARAMETERS", message: "the line is not valid JSON" },
    { line: 3, id: event?.id, status: "duplicate" },
    { summary: { accepted: 1, duplicates: 1, rejected: 1, lines: 3 } },
  ]);
});

it("carries the request's traceparent into the events", async () => {
  const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
  const event = sentEvent("system.alert");
  await verdictsOf(await post(lineOf(event), { ...streaming, traceparent }));
  const { event: newest } = await channelStub(env, "alerts").latest({ v: 1, stream: "alerts" });
  expect(newest).toMatchObject({ text: expect.stringContaining(traceparent) });
});

it("parks on the inbox what is asked to be queued", async () => {
  const before = await topOf("strategies");
  const response = await post(lineOf(sentEvent("strategy.updated")), streaming, "?delivery=queued");
  expect((await verdictsOf(response)).at(-1)).toMatchObject({ summary: { accepted: 1 } });
  expect(await topOf("strategies")).toBe(before);
});

const codings: readonly [string, (bytes: Uint8Array) => Uint8Array][] = [
  ["gzip", gzipSync],
  ["deflate", deflateSync],
  ["br", brotliCompressSync],
  ["zstd", zstdCompressSync],
];

describe("small, and not asked for line by line", () => {
  const bytesOf = (count: number): Uint8Array => encoder.encode(eventsOf(count).map(lineOf).join(""));

  it("is one request, answered 202, whether its length is announced or not", async () => {
    for (const body of [bytesOf(20), piecesOf(bytesOf(20), 100)]) {
      const response = await post(body);
      expect(response.status).toBe(202);
      expect(await response.json()).toEqual({ success: true, data: { accepted: 20, duplicates: 0, rejected: [] } });
    }
  });

  it.each(codings)("and is in %s, likewise", async (coding, compress) => {
    const response = await post(compress(bytesOf(20)), { "content-encoding": coding });
    expect(response.status).toBe(202);
    expect(await response.json()).toMatchObject({ data: { accepted: 20 } });
  });

  it.each(codings)("JSON in %s is taken like any other", async (coding, compress) => {
    const body = compress(encoder.encode(JSON.stringify(eventsOf(20))));
    const response = await post(body, { "content-type": "application/json", "content-encoding": coding });
    expect(await response.json()).toMatchObject({ success: true, data: { accepted: 20 } });
  });

  it.each(["application/json", ndjson])("%s that is not of its coding is a bad request", async (type) => {
    expect((await post(bytesOf(1), { "content-type": type, "content-encoding": "gzip" })).status).toBe(400);
  });

  it.each(codings.filter(([coding]) => coding !== "zstd"))(
    "JSON in %s that inflates beyond a request is too large",
    async (coding, compress) => {
      const body = compress(new Uint8Array(4 * requestBytesMax).fill(0x20));
      expect((await post(body, { "content-type": "application/json", "content-encoding": coding })).status).toBe(413);
    },
  );
});

describe("larger than a request", () => {
  const events = eventsOf(4_000);
  const bytes = encoder.encode(events.map(lineOf).join(""));

  it("is a stream, whether its length is announced or not: each line answered in order", async () => {
    expect(bytes.byteLength).toBeGreaterThan(requestBytesMax);
    const before = await topOf("opportunities");
    const first = await post(bytes);
    expect(first.status).toBe(200);
    expect(await verdictsOf(first)).toEqual([
      ...events.map(({ id }, index) => ({ line: index + 1, id, status: "accepted" })),
      { summary: { accepted: 4_000, duplicates: 0, rejected: 0, lines: 4_000 } },
    ]);
    expect(await topOf("opportunities")).toBe(before + 4_000);
    const again = await verdictsOf(await post(piecesOf(bytes)));
    expect(again.at(-1)).toEqual({ summary: { accepted: 0, duplicates: 4_000, rejected: 0, lines: 4_000 } });
  });

  it("when it is inflated is a stream too", async () => {
    const response = await post(gzipSync(bytes), { "content-encoding": "gzip" });
    expect(response.status).toBe(200);
    expect((await verdictsOf(response)).at(-1)).toEqual({ summary: { accepted: 0, duplicates: 4_000, rejected: 0, lines: 4_000 } });
  });

  it("in lines, if not in bytes, is a stream as well", async () => {
    const response = await post("1\n".repeat(1_001));
    expect(response.status).toBe(200);
    expect((await verdictsOf(response)).at(-1)).toEqual({ summary: { accepted: 0, duplicates: 0, rejected: 1_001, lines: 1_001 } });
  });

  it("out of proportion is refused: before it is answered when it shows by then, at its line when it shows later", async () => {
    const bomb = new Uint8Array(16 * requestBytesMax);
    expect((await post(gzipSync(bomb), { "content-encoding": "gzip" })).status).toBe(413);
    const late = new Uint8Array([...gzipSync(bytes), ...gzipSync(bomb)]);
    const verdicts = await verdictsOf(await post(late, { "content-encoding": "gzip" }));
    expect(verdicts.at(-1)).toMatchObject({ error: { code: "PAYLOAD_TOO_LARGE", line: verdicts.length } });
    expect(verdicts.length).toBeGreaterThan(1_000);
  });
});
