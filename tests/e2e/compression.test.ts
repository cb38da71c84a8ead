/** What comes over the line when a client takes a coding: the local runtime stands in for Cloudflare's edge, which may encode and decode as well,
 *  so that nothing is encoded twice, cut or held back can only be seen here. */
import {
  createBrotliDecompress,
  createGunzip,
  createZstdDecompress,
  brotliDecompressSync,
  gunzipSync,
  zstdDecompressSync,
} from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { opportunityJson } from "../support/publications.ts";
import { EdgeProcess, freshState } from "./edge-process.ts";
import { askRaw, openRaw } from "./raw-http.ts";

const inflate = { br: brotliDecompressSync, gzip: gunzipSync, zstd: zstdDecompressSync };
const decoders = { br: createBrotliDecompress, gzip: createGunzip, zstd: createZstdDecompress };
const codings = ["br", "gzip", "zstd"] as const;
const operator = { "x-api-key": "dev-ops-key-0001" };
const ingest = { "x-api-key": "dev-ingest-key-0001" };

let edge: EdgeProcess;
/** The log up to here is complete: what later tests post is not looked at. */
let postedAt: string;
beforeAll(async () => {
  edge = await (await EdgeProcess.start(["--no-feed", "--state", freshState()])).healthy();
  // Living for longer than this test: what has expired is not listed.
  const expiry_time = new Date(Date.now() + 3_600_000).toISOString();
  const events = Array.from({ length: 400 }, (_, index) => {
    const event = opportunityJson({ id: `zip-${index}` });
    return { ...event, data: { ...(event["data"] as object), expiry_time } };
  });
  const body = JSON.stringify(events);
  await askRaw(`${edge.url}/api/events`, { method: "POST", headers: { ...ingest, "content-type": "application/json" }, body });
  postedAt = new Date().toISOString();
});
afterAll(async () => {
  await edge.end("SIGTERM");
});

it("waits until what was posted can be read", async () => {
  const read = async (): Promise<number> => {
    const { body } = await askRaw(`${edge.url}/api/opportunities?limit=500`);
    return (JSON.parse(body.toString()) as { data: unknown[] }).data.length;
  };
  await expect.poll(read, { timeout: 30_000 }).toBe(400);
});

describe.each(codings)("%s", (coding) => {
  it.each(["/asyncapi.json", "/api/opportunities?limit=5", "/api/opportunities?limit=500"])(
    "of %s decodes once, to the very bytes",
    async (path) => {
      const plain = await askRaw(`${edge.url}${path}`);
      const coded = await askRaw(`${edge.url}${path}`, { headers: { "accept-encoding": coding } });
      expect([plain.headers["content-encoding"], coded.headers["content-encoding"]]).toEqual([undefined, coding]);
      expect(Buffer.compare(inflate[coding](coded.body), plain.body)).toBe(0);
      expect(() => JSON.parse(plain.body.toString())).not.toThrow();
      expect([plain.headers.vary, coded.headers.vary]).toEqual([
        expect.stringContaining("Accept-Encoding"),
        expect.stringContaining("Accept-Encoding"),
      ]);
      expect(coded.body.byteLength).toBeLessThan(plain.body.byteLength / 3);
    },
  );

  it("gives HEAD the headers of GET, and 304 to who holds the encoded answer", async () => {
    const [url, headers] = [`${edge.url}/api/opportunities?limit=100`, { "accept-encoding": coding }];
    const [get, head] = [await askRaw(url, { headers }), await askRaw(url, { headers, method: "HEAD" })];
    for (const name of ["content-encoding", "etag", "vary", "cache-control", "content-type"])
      expect([name, head.headers[name]]).toEqual([name, get.headers[name]]);
    expect([head.status, head.body.byteLength]).toEqual([200, 0]);
    const again = await askRaw(url, { headers: { ...headers, "if-none-match": String(get.headers.etag) } });
    expect([again.status, again.body.byteLength, again.headers.etag]).toEqual([304, 0, get.headers.etag]);
  });

  it("brings an operator the log whole", async () => {
    const from = new Date(Date.now() - 3_600_000).toISOString();
    const log = async (headers: Record<string, string>) =>
      askRaw(`${edge.url}/ops/logs?stream=opportunities&from=${from}&to=${postedAt}`, { headers: { ...operator, ...headers } });
    await expect.poll(async () => (await log({})).body.toString().split("\n").length, { timeout: 60_000, interval: 1_000 }).toBe(401);
    const coded = await log({ "accept-encoding": coding });
    expect(coded.headers["content-encoding"]).toBe(coding);
    expect(Buffer.compare(inflate[coding](coded.body), (await log({})).body)).toBe(0);
  });

  it("brings each verdict of a stream while the stream is open", async () => {
    const headers = { ...ingest, "content-type": "application/x-ndjson", accept: "application/x-ndjson", "accept-encoding": coding };
    const { sent, answer } = openRaw(`${edge.url}/api/events`, { method: "POST", headers });
    sent.write(`${JSON.stringify(opportunityJson({ id: `verdict-${coding}-0` }))}\n`);
    const response = await answer;
    expect([response.statusCode, response.headers["content-encoding"]]).toEqual([200, coding]);
    const decoded = response.pipe(decoders[coding]());
    const lines: string[] = [];
    let rest = "";
    const arrived = async (count: number): Promise<void> => {
      while (lines.length < count) {
        const chunk = (decoded.read() as Buffer | null) ?? undefined;
        if (chunk === undefined) await new Promise((resolve) => decoded.once("readable", resolve));
        else {
          const parts = `${rest}${chunk.toString()}`.split("\n");
          rest = parts.pop() ?? "";
          lines.push(...parts);
        }
      }
    };
    for (let index = 1; index < 4; index += 1) {
      await arrived(index);
      sent.write(`${JSON.stringify(opportunityJson({ id: `verdict-${coding}-${index}` }))}\n`);
    }
    await arrived(4);
    sent.end();
    await arrived(5);
    expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([{}, {}, {}, {}, { summary: { accepted: 4, rejected: 0 } }]);
  });
});

it.each<[string, string | undefined]>([
  ["gzip, deflate, br, zstd", "zstd"],
  ["gzip;q=0.1, br", "br"],
  ["deflate", undefined],
  ["identity", undefined],
  ["", undefined],
])("to a client that sends %j it is %s", async (header, coding) => {
  const { headers, body } = await askRaw(`${edge.url}/asyncapi.json`, { headers: { "accept-encoding": header } });
  expect(headers["content-encoding"]).toBe(coding);
  expect(JSON.parse((coding === undefined ? body : inflate[coding as "br"](body)).toString())).toMatchObject({
    asyncapi: expect.any(String),
  });
});

it("never touches a stream of events", async () => {
  const { sent, answer } = openRaw(`${edge.url}/sse/opportunities`, { headers: { "accept-encoding": "gzip, br, zstd" } });
  sent.end();
  const response = await answer;
  expect([response.statusCode, response.headers["content-encoding"]]).toEqual([200, undefined]);
  const [first] = (await new Promise((resolve) => response.once("data", (chunk: Buffer) => resolve([chunk])))) as [Buffer];
  expect(first.toString()).toMatch(/^(retry|:|id|event|data)/);
  response.destroy();
});
