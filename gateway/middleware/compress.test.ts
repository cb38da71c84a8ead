import { pipeline, Readable } from "node:stream";
import {
  brotliDecompressSync,
  createBrotliDecompress,
  createGunzip,
  createZstdDecompress,
  gunzipSync,
  zstdDecompressSync,
} from "node:zlib";
import fc from "fast-check";
import { Hono } from "hono";
import { describe, expect, it } from "vitest";
import { compressBytesMin, compressedStreamsMax, compressWholeBytesMax } from "../../schemas/limits.ts";
import { AppError } from "../../platform/errors.ts";
import { codings } from "../optimisation/compression/codings.ts";
import type { Coding } from "../optimisation/compression/codings.ts";
import { compress } from "./compress.ts";
import { renderError } from "./errors.ts";
import type { GatewayEnv } from "./request-id.ts";

const inflate = { gzip: gunzipSync, br: brotliDecompressSync, zstd: zstdDecompressSync } satisfies Record<Coding, unknown>;
/** Nothing was flushed to its end: decoders are told to give out what they have. */
const soFar = { gzip: { finishFlush: 2 }, br: { finishFlush: 1 }, zstd: { finishFlush: 1 } } as const;
const partly = (coding: Coding, bytes: Uint8Array): string =>
  new TextDecoder().decode((inflate[coding] as (bytes: Uint8Array, options: object) => Uint8Array)(bytes, soFar[coding]));

/** By the stream decoders, which take a body of any size. */
async function inflated(response: Response, coding: Coding): Promise<Uint8Array> {
  const open = { gzip: createGunzip, br: createBrotliDecompress, zstd: createZstdDecompress }[coding];
  const decoder = open({ chunkSize: 65_536 });
  pipeline(Readable.from(response.body as unknown as AsyncIterable<Uint8Array>, { objectMode: false }), decoder, () => undefined);
  const parts: Uint8Array[] = [];
  for await (const part of decoder) parts.push(part);
  return Buffer.concat(parts);
}

type Handler = () => Response | Promise<Response>;

async function ask(handler: Handler, headers: Record<string, string> = { "accept-encoding": "gzip" }, method = "GET"): Promise<Response> {
  const app = new Hono<GatewayEnv>();
  app.onError(renderError);
  app.use(compress);
  app.get("/", handler);
  return await app.request("/", { headers, method });
}

const json = { "content-type": "application/json; charset=utf-8" };
/** Text that shrinks, but has no two lines alike. */
const text = (bytes: number): string =>
  Array.from({ length: Math.ceil(bytes / 20) }, (_, index) => `{"n":${index * 7919}}`.padEnd(20))
    .join("")
    .slice(0, bytes);
const bytesOf = async (response: Response): Promise<Uint8Array> => new Uint8Array(await response.arrayBuffer());

/** A body of the Worker's own, in pieces, that can be left unfinished. */
function streamOf(pieces: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  const rest = [...pieces];
  return new ReadableStream({
    pull(controller) {
      const piece = rest.shift();
      if (piece === undefined) controller.close();
      else controller.enqueue(piece);
    },
  });
}

describe("an answer is left as it is", () => {
  const body = text(4_000);
  it.each<[string, ResponseInit]>([
    ["that is encoded already", { headers: { ...json, "content-encoding": "gzip" } }],
    ["that is a part of another", { status: 206, headers: { ...json, "content-range": "bytes 0-3999/8000" } }],
    ["that says no-transform", { headers: { ...json, "cache-control": "public, no-transform" } }],
    ["of events, whose reader would wait", { headers: { "content-type": "text/event-stream" } }],
    ["that is an image", { headers: { "content-type": "image/png" } }],
    ["that is an archive", { headers: { "content-type": "application/gzip" } }],
    ["of bytes of any kind", { headers: { "content-type": "application/octet-stream" } }],
  ])("%s", async (_, init) => {
    // Marked as encoded by hand: the body must come out as it went in.
    const response = await ask(() => new Response(body, { ...init, encodeBody: "manual" }));
    expect(response.headers.get("content-encoding")).toBe(new Headers(init.headers).get("content-encoding"));
    expect(response.headers.has("vary")).toBe(false);
    expect(new TextDecoder().decode(await bytesOf(response))).toBe(body);
  });

  it("that has no content type", async () => {
    const response = await ask(() => new Response(new TextEncoder().encode(body)));
    expect([response.headers.get("content-encoding"), await response.text()]).toEqual([null, body]);
  });

  it("that has no body", async () => {
    const response = await ask(() => new Response(null, { status: 204 }));
    expect([response.status, [...response.headers]]).toEqual([204, []]);
  });

  it("that opens a socket", async () => {
    const response = await ask(() => new Response(null, { status: 101, webSocket: new WebSocketPair()[0], headers: json }));
    expect([response.status, response.webSocket === null, response.headers.has("vary")]).toEqual([101, false, false]);
  });
});

describe("an answer that another client would get encoded says so", () => {
  it.each<[string, Record<string, string>]>([
    ["to a client that takes no coding", {}],
    ["to a client that takes none of ours", { "accept-encoding": "deflate" }],
    ["to a client that asked for a range and gets the whole", { "accept-encoding": "gzip", range: "bytes=0-5" }],
  ])("%s", async (_, headers) => {
    const response = await ask(() => new Response(text(4_000), { headers: { ...json, etag: '"a"' } }), headers);
    expect([response.headers.get("content-encoding"), response.headers.get("vary"), response.headers.get("etag")]).toEqual([
      null,
      "Accept-Encoding",
      '"a"',
    ]);
    expect(await response.text()).toBe(text(4_000));
  });
});

describe("by size", () => {
  const size = async (bytes: number, headers: Record<string, string>) =>
    (await ask(() => new Response(text(bytes), { headers: json }), headers)).headers.get("content-encoding");

  it("a body is encoded from a kilobyte on", async () => {
    expect(await size(compressBytesMin - 1, { "accept-encoding": "gzip" })).toBeNull();
    expect(await size(compressBytesMin, { "accept-encoding": "gzip" })).toBe("gzip");
  });

  it("a small one is encoded as well for who refuses it plain, and an empty one is not", async () => {
    expect(await size(10, { "accept-encoding": "br, identity;q=0" })).toBe("br");
    expect(await size(0, { "accept-encoding": "br, identity;q=0" })).toBeNull();
  });

  it("a body that names its length is not even read", async () => {
    let pulls = 0;
    const unread = (): ReadableStream<Uint8Array> => new ReadableStream({ pull: () => void (pulls += 1) }, { highWaterMark: 0 });
    const response = await ask(() => new Response(unread(), { headers: { ...json, "content-length": "1023" } }));
    expect([response.headers.get("content-encoding"), response.headers.get("content-length"), pulls]).toEqual([null, "1023", 0]);
  });
});

describe.each(codings)("encoded as %s", (coding) => {
  const headers = { "accept-encoding": coding };

  it("a body decodes to the very bytes, whatever its size and however it comes", async () => {
    const sizes = fc.constantFrom(compressBytesMin, 5_000, 70_000, compressWholeBytesMax - 1, compressWholeBytesMax, 600_000);
    const pieces = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(sizes, pieces, fc.boolean(), async (size, some, isStream) => {
        const unit = Buffer.concat(some);
        const body = new Uint8Array(size).map((_, index) => (unit[index % unit.length] ?? 0) ^ (index >> 12));
        const cuts = [0, 1, Math.floor(size / 3), size];
        const parts = cuts.slice(1).map((cut, index) => body.slice(cuts[index], cut));
        const response = await ask(() => new Response(isStream ? streamOf(parts) : body, { headers: json }), headers);
        expect(response.headers.get("content-encoding")).toBe(coding);
        expect(Buffer.compare(inflate[coding](await bytesOf(response)), body)).toBe(0);
      }),
      { numRuns: 12 },
    );
  });

  it("a body that does not shrink decodes to the very bytes", async () => {
    // workerd's zstd fails when the end of a body gives out more than 40 KiB.
    const random = (size: number): Uint8Array => {
      const body = new Uint8Array(size);
      for (let at = 0; at < size; at += 65_536) crypto.getRandomValues(body.subarray(at, at + 65_536));
      return body;
    };
    for (const size of [
      16_384,
      32_768,
      32_769,
      40_961,
      65_537,
      131_073,
      compressWholeBytesMax - 1,
      compressWholeBytesMax + 40_000,
      900_000,
    ]) {
      for (const type of ["application/json", "application/x-ndjson"]) {
        const body = random(size);
        // Half of it shrinks, so that blocks of both kinds come.
        body.fill(97, 0, size % 3 === 0 ? size / 2 : 0);
        const response = await ask(() => new Response(body, { headers: { "content-type": type } }), headers);
        expect([size, response.headers.get("content-encoding")]).toEqual([size, coding]);
        expect(Buffer.compare(await inflated(response, coding), body)).toBe(0);
      }
    }
  });

  it("each line arrives before the next one is there", async () => {
    let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
    const lines = new ReadableStream<Uint8Array>({ start: (its) => void (controller = its) });
    const response = await ask(() => new Response(lines, { headers: { "content-type": "application/x-ndjson" } }), headers);
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    let received = new Uint8Array();
    for (const line of ['{"line":1}\n', '{"line":2}\n', '{"line":3}\n']) {
      controller?.enqueue(new TextEncoder().encode(line));
      const { value } = await reader.read();
      received = new Uint8Array(Buffer.concat([received, value ?? new Uint8Array()]));
      expect(partly(coding, received).endsWith(line)).toBe(true);
    }
    controller?.close();
    for (let read = await reader.read(); !read.done; read = await reader.read())
      received = new Uint8Array(Buffer.concat([received, read.value]));
    expect(new TextDecoder().decode(inflate[coding](received))).toBe('{"line":1}\n{"line":2}\n{"line":3}\n');
  });

  it.each(["application/json", "application/x-ndjson"])(
    "a body of %s that fails breaks off and never ends as if it were whole",
    async (type) => {
      const broken = (): ReadableStream<Uint8Array> => {
        let pieces = 0;
        return new ReadableStream({
          pull(controller) {
            if (++pieces < 3) controller.enqueue(new TextEncoder().encode(text(2_000)));
            else controller.error(new Error("the log is corrupt"));
          },
        });
      };
      const response = await ask(() => new Response(broken(), { headers: { "content-type": type } }), headers);
      await expect(response.arrayBuffer()).rejects.toThrow("the log is corrupt");
    },
  );

  it("a body whose reader leaves is not read on", async () => {
    let cancelled: unknown;
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new TextEncoder().encode(text(100_000))),
      cancel: (reason) => void (cancelled = reason),
    });
    const response = await ask(() => new Response(endless, { headers: json }), headers);
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    await reader.cancel("enough");
    expect(cancelled).toBe("enough");
  });

  it("a body is read no faster than its reader takes it", async () => {
    let given = 0;
    const endless = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          given += 65_536;
          // Does not shrink: what went in has to come out.
          controller.enqueue(crypto.getRandomValues(new Uint8Array(65_536)));
        },
      },
      { highWaterMark: 0 },
    );
    const response = await ask(() => new Response(endless, { headers: json }), headers);
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    let taken = 0;
    for (let piece = 0; piece < 10; piece += 1) taken += (await reader.read()).value?.byteLength ?? 0;
    // Beside the piece that is made ahead, an encoder holds back up to a window of 1 MiB twice.
    expect(given - taken).toBeLessThan(5 * 1_048_576);
    await reader.cancel();
  });

  it("a tag is weak, holds for If-None-Match, and comes back on 304 as the client holds it", async () => {
    const first = await ask(() => new Response(text(4_000), { headers: { ...json, etag: '"abc"' } }), headers);
    expect(first.headers.get("etag")).toBe('W/"abc"');
    const again = (held: string) =>
      ask(() => new Response(null, { status: 304, headers: { etag: '"abc"' } }), { ...headers, "if-none-match": held });
    expect((await again('W/"abc"')).headers.get("etag")).toBe('W/"abc"');
    const plain = await again('"abc"');
    expect([plain.status, plain.headers.get("etag"), plain.headers.get("vary")]).toEqual([304, '"abc"', "Accept-Encoding"]);
  });

  it("the length and the ranges of the plain body are not claimed", async () => {
    const all = { ...json, "content-length": "4000", "accept-ranges": "bytes", vary: "Origin" };
    const response = await ask(() => new Response(text(4_000), { headers: all }), headers);
    expect(response.headers.get("content-length")).not.toBe("4000");
    expect([response.headers.get("accept-ranges"), response.headers.get("vary")]).toEqual([null, "Origin, Accept-Encoding"]);
  });

  it.each([500, 4_000, 600_000])("HEAD of %i bytes has the headers of GET and no body", async (bytes) => {
    const handler = (): Response => new Response(text(bytes), { headers: { ...json, etag: '"abc"' } });
    const [get, head] = [await ask(handler, headers), await ask(handler, headers, "HEAD")];
    expect([...head.headers]).toEqual([...get.headers]);
    expect([head.status, await head.text()]).toEqual([200, ""]);
    await get.arrayBuffer();
  });

  it("HEAD that its route answers without a body goes by its length", async () => {
    const handler = (length: string) => () => new Response(null, { headers: { ...json, "content-length": length } });
    expect((await ask(handler("4000"), headers, "HEAD")).headers.get("content-encoding")).toBe(coding);
    expect((await ask(handler("400"), headers, "HEAD")).headers.get("content-encoding")).toBeNull();
  });
});

it("compresses errors as well", async () => {
  const response = await ask(() => {
    throw new AppError("INVALID_PARAMETERS", "bad", { details: text(2_000) });
  });
  expect([response.status, response.headers.get("content-encoding"), response.headers.get("cache-control")]).toEqual([
    400,
    "gzip",
    "no-store",
  ]);
  expect(new TextDecoder().decode(gunzipSync(await bytesOf(response)))).toContain('"INVALID_PARAMETERS"');
});

it("lets streams beyond the bound pass plain, and compresses again when one has ended", async () => {
  const open = async (): Promise<Response> => {
    const body = streamOf([new TextEncoder().encode("1\n"), new TextEncoder().encode("2\n")]);
    return await ask(() => new Response(body, { headers: { "content-type": "application/x-ndjson" } }));
  };
  const held: Response[] = [];
  for (let stream = 0; stream < compressedStreamsMax; stream += 1) held.push(await open());
  expect(held.every((response) => response.headers.get("content-encoding") === "gzip")).toBe(true);
  const beyond = await open();
  expect([beyond.headers.get("content-encoding"), new TextDecoder().decode(await bytesOf(beyond))]).toEqual([null, "1\n2\n"]);
  await held[0]?.body?.cancel();
  expect(new TextDecoder().decode(gunzipSync(await bytesOf(held[1] as Response)))).toBe("1\n2\n");
  const after = [await open(), await open(), await open()];
  expect(after.map((response) => response.headers.get("content-encoding"))).toEqual(["gzip", "gzip", null]);
  for (const response of [...held.slice(2), ...after]) await response.body?.cancel();
});
