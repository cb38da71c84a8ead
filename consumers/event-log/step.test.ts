import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import type { PackedMessage } from "../../schemas/pack.ts";
import { putLogObject } from "../../stores/event-log.ts";
import type { LogLine } from "../../stores/event-log.ts";
import { readLog } from "../../stores/event-log-reader.ts";
import { eventLogStep } from "./step.ts";

const bucket = env.EDGE_LOGS;
const start = Date.UTC(2026, 10, 24, 7);
const hourMs = 3_600_000;

beforeEach(async () => {
  const { objects } = await bucket.list();
  await bucket.delete(objects.map(({ key }) => key));
});

function message(first: number, count: number, overrides: { stream?: string; epoch?: string; at?: number } = {}): PackedMessage {
  const { stream = "opportunities", epoch = "e1", at = start } = overrides;
  const texts = Array.from({ length: count }, (_, index) => JSON.stringify({ id: `id-${first + index}` }));
  return { kind: "positions", stream, epoch, rows: [{ first, count, at, stale: [], earlier: [], lines: texts.join("\n") }] };
}

const deps = { put: (stream: string, lines: readonly LogLine[]) => putLogObject(bucket, stream, lines) };

async function offsets(stream = "opportunities"): Promise<number[]> {
  const read: number[] = [];
  for await (const { offset } of readLog(bucket, { stream, from: start, to: start + 24 * hourMs })) read.push(offset);
  return read;
}

async function keys(): Promise<string[]> {
  return (await bucket.list()).objects.map(({ key }) => key);
}

it("writes one object per stream, epoch and hour of a batch, its lines in order and each position once", async () => {
  const items = [
    message(5, 2),
    message(1, 4),
    message(5, 2),
    message(7, 1, { at: start + hourMs }),
    message(1, 3, { stream: "market" }),
    message(1, 1, { epoch: "e2" }),
  ];
  expect(await eventLogStep(items, deps)).toEqual(items.map(() => ({ kind: "done" })));
  expect((await keys()).map((key) => key.replace(/^events\/v1\//, "").replace(/-[0-9a-f]{64}.*/, ""))).toEqual([
    "stream=market/dt=2026-11-24/hr=07/e1-0000000000000001-0000000000000003",
    "stream=opportunities/dt=2026-11-24/hr=07/e1-0000000000000001-0000000000000006",
    "stream=opportunities/dt=2026-11-24/hr=07/e2-0000000000000001-0000000000000001",
    "stream=opportunities/dt=2026-11-24/hr=08/e1-0000000000000007-0000000000000007",
  ]);
});

it("a batch redelivered in other company leaves every event readable exactly once", async () => {
  await eventLogStep([message(1, 3), message(7, 3)], deps);
  await eventLogStep([message(4, 3), message(7, 3)], deps);
  expect(await offsets()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

describe("a bucket that misbehaves", () => {
  it("refusing twice, then storing but answering an error: retried until it is surely stored, and stored once", async () => {
    const answers = ["refuse", "refuse", "store and fail", "store"];
    const flaky = {
      async put(stream: string, lines: readonly LogLine[]) {
        const answer = answers.shift();
        if (answer === "refuse") throw new Error("put: We encountered an internal error. (10001)");
        await putLogObject(bucket, stream, lines);
        if (answer === "store and fail") throw new Error("put: Network connection lost.");
      },
    };
    const kinds: string[] = [];
    while (answers.length > 0) kinds.push(...(await eventLogStep([message(1, 3)], flaky)).map(({ kind }) => kind));
    expect(kinds).toEqual(["retry", "retry", "retry", "done"]);
    expect(await keys()).toHaveLength(1);
    expect(await offsets()).toEqual([1, 2, 3]);
  });

  it("brings back only the messages whose object failed", async () => {
    const flaky = {
      put: (stream: string, lines: readonly LogLine[]) =>
        stream === "market" ? Promise.reject(new Error("down")) : deps.put(stream, lines),
    };
    const outcomes = await eventLogStep([message(1, 1), message(1, 1, { stream: "market" })], flaky);
    expect(outcomes.map(({ kind }) => kind)).toEqual(["done", "retry"]);
  });
});

it("cuts what would grow past 8 MiB", async () => {
  const written: number[] = [];
  const wide: PackedMessage[] = Array.from({ length: 20 }, (_, index) => {
    const row = { first: index + 1, count: 1, at: start, stale: [], earlier: [], lines: "x".repeat(1_000_000) };
    return { kind: "positions", stream: "opportunities", epoch: "e1", rows: [row] };
  });
  await eventLogStep(wide, { put: async (_, lines) => written.push(lines.length) });
  expect(written).toEqual([8, 8, 4]);
});

it("an inbox message that strayed here is parked whole", async () => {
  expect((await eventLogStep([{ kind: "inbox", lines: ["{}"] }], deps)).map(({ kind }) => kind)).toEqual(["park"]);
});
