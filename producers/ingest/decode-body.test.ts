import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { AppError } from "../../platform/errors.ts";
import { inflateRatioMax } from "../../schemas/limits.ts";
import { codingOf, decodeBody, type Coding } from "./decode-body.ts";
import { readChunks } from "./read-body.ts";

const encoder = new TextEncoder();
const mebibyte = 1_048_576;

const codings: readonly [Coding, (bytes: Uint8Array) => Uint8Array][] = [
  ["gzip", gzipSync],
  ["deflate", deflateSync],
  ["br", brotliCompressSync],
  ["zstd", zstdCompressSync],
];

async function* piecesOf(bytes: Uint8Array, size = bytes.byteLength): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size);
}

interface Drained {
  readonly bytes: number;
  readonly text: string;
  readonly error?: unknown;
}

async function drain(chunks: AsyncIterable<Uint8Array>): Promise<Drained> {
  const decoder = new TextDecoder();
  const seen = { bytes: 0, text: "" };
  try {
    for await (const chunk of chunks) {
      seen.bytes += chunk.byteLength;
      if (seen.bytes < mebibyte) seen.text += decoder.decode(chunk, { stream: true });
    }
    return seen;
  } catch (error) {
    return { ...seen, error };
  }
}

const told = (error: unknown): [number, string] | unknown => (error instanceof AppError ? [error.status, error.message] : error);

function bodyOf(member: Uint8Array, times: number): ReadableStream<Uint8Array> {
  let left = times;
  return new ReadableStream({
    pull(controller) {
      if (left === 0) controller.close();
      else controller.enqueue(member);
      left -= 1;
    },
  });
}

/** Little to win for any coding, but text: workerd's zstd refuses to compress what does not shrink at all. */
function noise(bytes: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(bytes)).map((byte) => 0x30 + (byte % 64));
}

describe.each(codings)("%s", (coding, compress) => {
  it("that is something else is a fault of the body", async () => {
    const { error } = await drain(decodeBody(piecesOf(encoder.encode('{"not":"compressed"}')), coding));
    expect(told(error)).toEqual([400, `the body is not valid ${coding}, or was cut short`]);
  });

  it("that is cut short is a fault of the body", async () => {
    const whole = compress(noise(20_000));
    const { error } = await drain(decodeBody(piecesOf(whole.subarray(0, 5_000)), coding));
    expect(told(error)).toEqual([400, `the body is not valid ${coding}, or was cut short`]);
  });

  it("that inflates out of proportion is ended where it does, not after the piece that holds the bomb", async () => {
    const bomb = compress(new Uint8Array(16 * mebibyte));
    const { error } = await drain(decodeBody(piecesOf(bomb), coding));
    expect(told(error)).toEqual([413, `the body inflates to more than ${inflateRatioMax} times its size`]);
    const { inflated_bytes: inflated } = (error as AppError).details as { inflated_bytes: number };
    // Counted where it comes out of the decoder: what was made, not what was read.
    expect(inflated).toBeGreaterThan(mebibyte);
    expect(inflated).toBeLessThanOrEqual(Math.max(mebibyte, bomb.byteLength * inflateRatioMax) + 65_536);
  });

  it("whose source fails tells the source's own fault", async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield compress(encoder.encode("[1,2,3]")).subarray(0, 6);
      throw new AppError("INVALID_PARAMETERS", "the body ended before it was complete");
    }
    expect(told((await drain(decodeBody(failing(), coding))).error)).toEqual([400, "the body ended before it was complete"]);
  });

  it("ends its source when nobody reads on", async () => {
    const ended = Promise.withResolvers<void>();
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        // Larger than what the streams in between hold, so that it is not read to its end by itself.
        for (let n = 0; n < 64; n += 1) yield* piecesOf(compress(noise(16_384)));
      } finally {
        ended.resolve();
      }
    }
    for await (const chunk of decodeBody(source(), coding)) if (chunk.byteLength > 0) break;
    await ended.promise;
  });

  it.each([1, 7, 1_000])("comes out whole from pieces of %i bytes", async (size) => {
    const text = JSON.stringify(Array.from({ length: 300 }, (_, n) => ({ n, text: "é€😀" })));
    const { text: out, error } = await drain(decodeBody(piecesOf(compress(encoder.encode(text)), size), coding));
    expect(error).toBeUndefined();
    expect(out).toBe(text);
  });
});

it("refuses 10 GB in 10 MB of gzip members one after the other within its output bound", async () => {
  const member = gzipSync(new Uint8Array(16 * mebibyte));
  // A gzip member may follow another: 640 times 16 MiB.
  const body = bodyOf(member, 640);
  const request = new Request("https://edge.test/", { method: "POST", body, headers: { "content-encoding": "gzip" } });
  const { error, bytes } = await drain(readChunks(request, { bytesMax: 64 * mebibyte, timeoutMs: 30_000 }));
  expect(told(error)).toEqual([413, expect.stringContaining("the body")]);
  expect(bytes).toBeLessThanOrEqual(64 * mebibyte);
});

it("keeps what it has made and nobody has read within one piece's worth", async () => {
  const lines = Array.from({ length: 5_000 }, () => `${String.fromCharCode(...noise(64))}${"y".repeat(2_000)}\n`);
  const body = gzipSync(encoder.encode(lines.join("")));
  let largest = 0;
  // One chunk holds all of it, and each look at what has come finds what one small piece of that has made.
  for await (const chunk of decodeBody(piecesOf(body), "gzip")) largest = Math.max(largest, chunk.byteLength);
  expect(largest).toBeLessThanOrEqual(mebibyte);
});

it("refuses a zstd body that asks for a window beyond 8 MiB before it is allocated", async () => {
  // Magic, a frame header without a single segment, and a window descriptor of 2^27.
  const frame = new Uint8Array([0x28, 0xb5, 0x2f, 0xfd, 0x00, (27 - 10) << 3, 0x01, 0x00, 0x00]);
  expect(told((await drain(decodeBody(piecesOf(frame), "zstd"))).error)).toEqual([400, expect.stringContaining("zstd")]);
  const small = frame.with(5, (23 - 10) << 3);
  expect((await drain(decodeBody(piecesOf(small), "zstd"))).error).toBeUndefined();
});

it.each(["compress", "gzip, br", "aws-chunked", "constructor"])("does not take %s, and says what it takes", (name) => {
  expect(() => codingOf(new Headers({ "content-encoding": name }))).toThrow("one of gzip, deflate, br, zstd");
});

it.each([
  ["", undefined],
  ["identity", undefined],
  ["GZIP", "gzip"],
  [" x-gzip ", "gzip"],
  ["br", "br"],
])("reads %j as %s", (name, expected) => {
  expect(codingOf(new Headers({ "content-encoding": name }))).toBe(expected);
});
