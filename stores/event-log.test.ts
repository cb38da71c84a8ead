import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { putLogObject } from "./event-log.ts";
import type { LogLine } from "./event-log.ts";
import { readLog } from "./event-log-reader.ts";
import type { LogCoverage } from "./event-log-reader.ts";

const bucket = env.EDGE_LOGS;
const stream = "opportunities";
const start = Date.UTC(2026, 10, 24, 7);
const hourMs = 3_600_000;

beforeEach(async () => {
  const { objects } = await bucket.list();
  await bucket.delete(objects.map(({ key }) => key));
});

function line(offset: number, overrides: Partial<LogLine> = {}): LogLine {
  const text = JSON.stringify({ id: `id-${offset}`, data: { note: ',"event":{"}' } });
  return { epoch: "e1", offset, at: start + offset, stale: false, text, ...overrides };
}

function lines(...offsets: number[]): LogLine[] {
  return offsets.map((offset) => line(offset));
}

async function readAll(
  window = { stream, from: start, to: start + 24 * hourMs },
  from = bucket,
): Promise<{ read: LogLine[]; coverage: LogCoverage }> {
  const read: LogLine[] = [];
  let coverage: LogCoverage | undefined;
  for await (const item of readLog(from, window, (note) => (coverage = note))) read.push(item);
  if (coverage === undefined) throw new Error("no coverage was reported");
  return { read, coverage };
}

async function onlyKey(): Promise<string> {
  const { objects } = await bucket.list();
  expect(objects).toHaveLength(1);
  return objects[0]?.key ?? "";
}

describe("writing", () => {
  it("names an object by stream, hour, epoch, positions and hash, and says in its metadata what it holds", async () => {
    await putLogObject(bucket, stream, lines(7, 8));
    const key = await onlyKey();
    expect(key).toMatch(/^events\/v1\/stream=opportunities\/dt=2026-11-24\/hr=07\/e1-0{15}7-0{15}8-[0-9a-f]{64}\.ndjson\.gz$/);
    expect((await bucket.head(key))?.customMetadata).toMatchObject({ v: "1", count: "2", first: "7", last: "8" });
  });

  it("a repeat is refused by the bucket and counts as stored", async () => {
    const key = await putLogObject(bucket, stream, lines(1, 2));
    expect(await putLogObject(bucket, stream, lines(1, 2))).toBe(key);
    expect(await onlyKey()).toBe(key);
  });

  it("a key taken by other content is an error, not a success", async () => {
    const key = await putLogObject(bucket, stream, lines(1));
    await bucket.put(key, "something else", { customMetadata: { sha256: "0".repeat(64) } });
    await expect(putLogObject(bucket, stream, lines(1))).rejects.toThrow(key);
  });
});

describe("reading", () => {
  it("gives every event once, in order, its text untouched, and says that nothing is missing", async () => {
    const written = [line(1), line(2, { stale: true }), line(3, { text: "not json at all" })];
    await putLogObject(bucket, stream, written);
    const { read, coverage } = await readAll();
    expect(read).toEqual(written);
    const epochs = [{ epoch: "e1", first: 1, last: 3, events: 3 }];
    expect(coverage).toEqual({ objects: 1, events: 3, copies: 0, conflicts: 0, epochs, missing: [], quarantined: [] });
  });

  it("merges objects that overlap after redelivery in other company", async () => {
    await putLogObject(bucket, stream, lines(1, 2, 5, 6));
    await putLogObject(bucket, stream, lines(3, 4, 5));
    await putLogObject(bucket, stream, lines(2, 3, 4, 5, 6, 7));
    const { read, coverage } = await readAll();
    expect(read.map(({ offset }) => offset)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(coverage).toMatchObject({ objects: 3, copies: 6, missing: [] });
  });

  it("keeps an id that came again at another position", async () => {
    const text = JSON.stringify({ id: "same", source: "s" });
    await putLogObject(bucket, stream, [line(1, { text }), line(2), line(3, { text })]);
    const { read } = await readAll();
    expect(read.filter((item) => item.text === text).map(({ offset }) => offset)).toEqual([1, 3]);
  });

  it("names the positions no object holds, across hours, and starts anew with an epoch", async () => {
    await putLogObject(bucket, stream, lines(1, 2, 4));
    await putLogObject(
      bucket,
      stream,
      [8, 9].map((offset) => line(offset, { at: start + hourMs + offset })),
    );
    await putLogObject(
      bucket,
      stream,
      [5, 6].map((offset) => line(offset, { epoch: "e2", at: start + hourMs + 50 + offset })),
    );
    const { read, coverage } = await readAll();
    expect(read.map(({ epoch, offset }) => `${epoch}:${offset}`)).toEqual(["e1:1", "e1:2", "e1:4", "e1:8", "e1:9", "e2:5", "e2:6"]);
    expect(coverage.missing).toEqual([
      { epoch: "e1", first: 3, last: 3 },
      { epoch: "e1", first: 5, last: 7 },
    ]);
  });

  it("stays within its window and its stream", async () => {
    for (let hour = 0; hour < 4; hour += 1) {
      const at = start + hour * hourMs;
      await putLogObject(bucket, stream, [line(hour * 2 + 1, { at: at + 10 }), line(hour * 2 + 2, { at: at + 20 })]);
      await putLogObject(bucket, "executions", [line(90 + hour, { at })]);
    }
    const { read } = await readAll({ stream, from: start + hourMs + 15, to: start + 3 * hourMs + 20 });
    expect(read.map(({ offset }) => offset)).toEqual([4, 5, 6, 7]);
  });

  it("reads more objects than one listing holds", async () => {
    for (let first = 1; first <= 7; first += 1)
      await putLogObject(bucket, stream, [line(first, { at: start + Math.floor(first / 3) * hourMs })]);
    const pages: R2Bucket = new Proxy(bucket, {
      get: (target, name) =>
        name === "list" ? (options: R2ListOptions) => target.list({ ...options, limit: 2 }) : Reflect.get(target, name).bind(target),
    });
    const { read, coverage } = await readAll({ stream, from: start, to: start + 24 * hourMs }, pages);
    expect(read.map(({ offset }) => offset)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(coverage).toMatchObject({ objects: 7, missing: [] });
  });

  it.each([
    ["truncated", (body: Uint8Array) => body.slice(0, body.length - 12)],
    ["corrupt", (body: Uint8Array) => body.map((byte, index) => (index > 20 && index < 40 ? byte ^ 0xff : byte))],
    ["hollow", () => new Uint8Array()],
  ])("a %s object is an error that names it", async (_, damage) => {
    const offsets = Array.from({ length: 200 }, (_unused, index) => index + 1);
    const key = await putLogObject(bucket, stream, lines(...offsets));
    const held = await bucket.get(key);
    if (held === null) throw new Error("no object");
    await bucket.put(key, damage(await held.bytes()), { customMetadata: held.customMetadata ?? {} });
    await expect(readAll()).rejects.toThrow(key);
  });

  it("an object shorter than its metadata says is an error that names it", async () => {
    const key = await putLogObject(bucket, stream, lines(1, 2, 3));
    const held = await bucket.get(key);
    if (held === null) throw new Error("no object");
    await bucket.put(key, await held.bytes(), { customMetadata: { ...held.customMetadata, count: "4" } });
    await expect(readAll()).rejects.toThrow(`${key} cannot be read: it holds 3 events, its metadata says 4`);
  });
});
