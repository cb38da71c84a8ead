/** Streams of NDJSON at the edge as it is started, over raw sockets: what HTTP clients of other languages do to a body. The long stream has
 *  20,000 events here; with INGEST_STREAM_EVENTS=200000 it is the 64 MiB of the protocol. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { brotliDecompressSync, constants, createBrotliCompress, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { streamUnflushedBytesMax } from "../../schemas/limits.ts";
import { EdgeProcess, freshState } from "./edge-process.ts";

const key = "dev-ingest-key-0001";
const ndjson = "application/x-ndjson";
const mebibyte = 1_048_576;

let edge: EdgeProcess;
beforeAll(async () => {
  edge = await (await EdgeProcess.start(["--no-feed", "--state", freshState()])).healthy();
});
afterAll(async () => {
  await edge.end("SIGTERM");
});

/** An alert, of so many bytes if that is more than it takes. */
function lineOf(id: string, { note = "", bytes = 0 } = {}): string {
  const time = new Date().toISOString();
  const render = (message: string): string => {
    const data = { level: "info", message, timestamp: time };
    return `${JSON.stringify({ specversion: "1.0", id, source: "contabo/test", type: "system.alert", time, data })}\n`;
  };
  const bare = render(`m${note}`);
  return bare.length >= bytes ? bare : render(`m${note}${"x".repeat(bytes - bare.length)}`);
}

interface Answer {
  readonly status: number;
  readonly headers: string;
  readonly body: string;
}

/** One request on one connection, byte by byte as a test wants it. */
class Line {
  readonly socket: Socket;
  #received = Buffer.alloc(0);
  #parts: Buffer[] = [];
  #changed = Promise.withResolvers<void>();
  isClosed = false;

  constructor(port: number, { reads = true } = {}) {
    this.socket = connect(port, "127.0.0.1");
    const poke = (): void => {
      this.#changed.resolve();
      this.#changed = Promise.withResolvers();
    };
    this.socket.on("error", poke);
    this.socket.on("drain", poke);
    this.socket.on("close", () => {
      this.isClosed = true;
      poke();
    });
    this.socket.on("data", (chunk) => {
      this.#parts.push(chunk);
      poke();
    });
    if (!reads) this.socket.pause();
  }

  head(headers: readonly string[]): Promise<void> {
    const lines = ["POST /api/events HTTP/1.1", "host: edge.test", `authorization: Bearer ${key}`, "connection: close", ...headers];
    return this.write(`${lines.join("\r\n")}\r\n\r\n`);
  }

  /** Resolves when there is room for more, or nobody there to take it. */
  async write(bytes: string | Uint8Array): Promise<void> {
    if (this.isClosed || this.socket.write(bytes)) return;
    while (!this.isClosed && this.socket.writableNeedDrain) await this.#changed.promise;
  }

  chunk(bytes: string | Uint8Array): Promise<void> {
    const payload = Buffer.from(bytes);
    return this.write(Buffer.concat([Buffer.from(`${payload.byteLength.toString(16)}\r\n`), payload, Buffer.from("\r\n")]));
  }

  get text(): string {
    if (this.#parts.length > 0) this.#received = Buffer.concat([this.#received, ...this.#parts]);
    this.#parts = [];
    return this.#received.toString();
  }

  async until(condition: (text: string) => boolean): Promise<string> {
    while (!condition(this.text) && !this.isClosed) await this.#changed.promise;
    return this.text;
  }

  /** The whole answer, once the edge has closed the connection. */
  async answer(): Promise<Answer> {
    this.socket.resume();
    const text = await this.until(() => false);
    const whole = text.replace(/^HTTP\/1\.1 100 [^]*?\r\n\r\n/, "");
    const at = whole.indexOf("\r\n\r\n");
    const headers = whole.slice(0, at);
    const raw = whole.slice(at + 4);
    const body = /transfer-encoding: chunked/i.test(headers) ? unchunked(raw) : raw;
    return { status: Number(headers.split(" ")[1]), headers, body };
  }
}

function unchunked(text: string): string {
  const bytes = Buffer.from(text);
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.byteLength;) {
    const end = bytes.indexOf("\r\n", at);
    const size = Number.parseInt(bytes.subarray(at, end).toString(), 16);
    if (!(size > 0)) break;
    parts.push(bytes.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
  }
  return Buffer.concat(parts).toString();
}

type Verdict = Readonly<Record<string, unknown>>;
const verdictsOf = ({ body }: Answer): Verdict[] =>
  body
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Verdict);

const typeOf = `content-type: ${ndjson}`;
const chunked = "transfer-encoding: chunked";
const byLine = `accept: ${ndjson}`;

describe("a body", () => {
  it("announced with Expect: 100-continue is taken, whether its sender was told to go on or lost patience", async () => {
    const text = lineOf("expect-1");
    const line = new Line(edge.port);
    await line.head([typeOf, byLine, "expect: 100-continue", `content-length: ${Buffer.byteLength(text)}`]);
    // curl waits for a second.
    await Promise.race([line.until((seen) => seen.includes("100 Continue")), new Promise((resolve) => setTimeout(resolve, 1_000))]);
    await line.write(text);
    expect(verdictsOf(await line.answer()).at(-1)).toEqual({ summary: { accepted: 1, duplicates: 0, rejected: 0, lines: 1 } });
  });

  it("that comes in chunks cut anywhere, also inside a character, is read whole", async () => {
    const bytes = Buffer.from(lineOf("chunk-é€😀", { note: "é€😀".repeat(20) }));
    const line = new Line(edge.port);
    await line.head([typeOf, byLine, chunked]);
    for (let at = 0; at < bytes.byteLength; at += 7) await line.chunk(bytes.subarray(at, at + 7));
    await line.write("0\r\n\r\n");
    expect(verdictsOf(await line.answer())).toEqual([
      expect.objectContaining({ line: 1, status: "accepted" }),
      { summary: { accepted: 1, duplicates: 0, rejected: 0, lines: 1 } },
    ]);
  });

  it("that comes slowly is answered line by line, before its end", async () => {
    const line = new Line(edge.port);
    await line.head([typeOf, byLine, chunked]);
    for (const n of [1, 2, 3]) {
      await line.chunk(lineOf(`slow-${n}`));
      await line.until((text) => text.includes(`"line":${n},`));
      expect(line.text).toContain(`"line":${n},`);
      expect(line.text).not.toContain("summary");
    }
    await line.write("0\r\n\r\n");
    expect(verdictsOf(await line.answer()).at(-1)).toMatchObject({ summary: { accepted: 3 } });
  });

  it.each([
    ["chunked", chunked],
    ["of an announced length", "content-length: 100000"],
  ])("%s that its sender ends in the middle has its whole lines kept, and nobody waits for the rest", async (name, length) => {
    const id = `aborted-${name.slice(0, 3)}`;
    const line = new Line(edge.port);
    await line.head([typeOf, byLine, length]);
    const send = (text: string): Promise<void> => (length === chunked ? line.chunk(text) : line.write(text));
    await send(lineOf(`${id}-1`) + lineOf(`${id}-2`));
    await line.until((text) => text.includes('"line":2,'));
    await send(lineOf(`${id}-3`).slice(0, 40));
    line.socket.end();
    const { body } = await line.answer();
    expect(body).not.toContain("summary");
    const again = new Line(edge.port);
    const text = [1, 2, 3].map((n) => lineOf(`${id}-${n}`)).join("");
    await again.head([typeOf, byLine, `content-length: ${Buffer.byteLength(text)}`]);
    await again.write(text);
    expect(verdictsOf(await again.answer()).map(({ status }) => status)).toEqual(["duplicate", "duplicate", "accepted", undefined]);
  });
});

describe("a bomb", () => {
  const flushed = async (compress: ReturnType<typeof createBrotliCompress>, bytes: Uint8Array): Promise<Buffer> => {
    compress.write(bytes);
    await new Promise<void>((resolve) => compress.flush(constants.BROTLI_OPERATION_FLUSH, () => resolve()));
    return compress.read() as Buffer;
  };

  /** 10 GiB of zeros: what brotli makes of the second sixteen mebibytes it makes of every further sixteen. */
  async function brotliBomb(): Promise<Buffer> {
    const zeros = new Uint8Array(16 * mebibyte);
    const compress = createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: 5 } });
    const first = await flushed(compress, zeros);
    const next = await flushed(compress, zeros);
    compress.end();
    const [end] = (await once(compress, "data")) as [Buffer];
    expect(brotliDecompressSync(Buffer.concat([first, next, next, end])).byteLength).toBe(48 * mebibyte);
    return Buffer.concat([first, ...Array.from({ length: 639 }, () => next), end]);
  }

  const gzipBomb = async (): Promise<Buffer> => {
    const member = gzipSync(new Uint8Array(16 * mebibyte));
    return Buffer.concat(Array.from({ length: 640 }, () => member));
  };

  it.each([
    ["16 KB of brotli", "br", brotliBomb, 17_000],
    ["10 MB of gzip", "gzip", gzipBomb, 11 * mebibyte],
  ] as const)("of %s that would inflate to 10 GB is refused in a moment, and the edge lives on", async (_, coding, make, bytesMax) => {
    const bomb = await make();
    expect(bomb.byteLength).toBeLessThan(bytesMax);
    for (const type of ["application/json", ndjson]) {
      const startedAt = performance.now();
      const line = new Line(edge.port);
      await line.head([`content-type: ${type}`, `content-encoding: ${coding}`, `content-length: ${bomb.byteLength}`]);
      // As it is taken, and no longer than that: a connection that is closed over unread bytes takes its answer with it.
      const answered = (waitMs: number): Promise<unknown> =>
        Promise.race([line.until((text) => text.includes("error")), new Promise((resolve) => setTimeout(resolve, waitMs))]);
      await answered(500);
      for (let at = 0; at < bomb.byteLength && !line.text.includes("error") && !line.isClosed; at += 16_384) {
        await line.write(bomb.subarray(at, at + 16_384));
        await answered(50);
      }
      const { status, body } = await line.answer();
      const ms = performance.now() - startedAt;
      // Only reported: what a busy machine takes is no promise.
      console.log(`${coding} as ${type}: ${bomb.byteLength} bytes refused with ${status} after ${ms.toFixed(0)} ms`);
      // A body that is announced to be a stream has been answered by then: it ends with the same code.
      const isStream = type === ndjson && bomb.byteLength > mebibyte;
      expect([status, (JSON.parse(body) as { error: { code: string } }).error.code]).toEqual([isStream ? 200 : 413, "PAYLOAD_TOO_LARGE"]);
    }
    expect((await fetch(`${edge.url}/health`)).status).toBe(200);
  });
});

/** Lines of some 335 bytes: 200,000 are 64 MiB. */
const events = Number(process.env["INGEST_STREAM_EVENTS"] ?? 20_000);

interface StreamDone {
  readonly event: string;
  readonly lines: number;
  readonly unflushed_bytes_peak: number;
}

/** What the edge itself says of its last stream of so many lines, since this time (the log's file is the folder's, not this edge's alone). */
async function unflushedPeak(lines: number, sinceMs: number): Promise<number> {
  const peaks = (): number[] =>
    readFileSync(".local/edge.log", "utf8")
      .split("\n")
      .filter((line) => line.includes('"ingest.stream.done"') && Date.parse(line.slice(0, 24)) >= sinceMs)
      .map((line) => JSON.parse(line.slice(line.indexOf("{"))) as StreamDone)
      .filter((done) => done.lines === lines)
      .map((done) => done.unflushed_bytes_peak);
  await expect.poll(peaks, { timeout: 10_000 }).not.toEqual([]);
  return peaks().at(-1) ?? Number.NaN;
}

describe(`a stream of ${events} events`, () => {
  const lineBytes = 335;

  it.each([
    ["reads as it sends", true],
    ["sends everything before it reads anything", false],
  ])("from a sender that %s has every line answered, in order", async (_, reads) => {
    const lines = Array.from({ length: events }, (__, n) => lineOf(`long-${n}`, { bytes: lineBytes }));
    const bytes = Buffer.from(lines.join(""));
    const line = new Line(edge.port, { reads });
    const startedAt = performance.now();
    const startedMs = Date.now();
    await line.head([typeOf, `content-length: ${bytes.byteLength}`]);
    for (let at = 0; at < bytes.byteLength; at += 65_536) await line.write(bytes.subarray(at, at + 65_536));
    const sentMs = performance.now() - startedAt;
    const answer = await line.answer();
    const ms = performance.now() - startedAt;
    const peakBytes = await unflushedPeak(events, startedMs);
    console.log(
      `${events} events, ${(bytes.byteLength / mebibyte).toFixed(1)} MiB: sent in ${sentMs.toFixed(0)} ms, answered in ${ms.toFixed(0)} ms, ` +
        `at most ${peakBytes} of ${streamUnflushedBytesMax} bytes unflushed`,
    );
    expect(peakBytes).toBeGreaterThan(0);
    expect(peakBytes).toBeLessThanOrEqual(streamUnflushedBytesMax);
    const verdicts = verdictsOf(answer);
    expect(answer.status).toBe(200);
    expect(verdicts).toHaveLength(events + 1);
    expect(verdicts.every((verdict, index) => index === events || verdict["line"] === index + 1)).toBe(true);
    const { accepted, duplicates } = (verdicts.at(-1) as { summary: { accepted: number; duplicates: number } }).summary;
    expect([accepted, duplicates]).toEqual(reads ? [events, 0] : [0, events]);
  });
});
