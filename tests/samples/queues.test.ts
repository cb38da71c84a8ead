/** Messages of every form that a queue may still hold, through the consumers as they are now. */
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { consumeBatch } from "../../consumers/index.ts";
import { channelStub } from "../../durable-objects/stubs.ts";
import { eventsOf } from "../../schemas/row.ts";
import { findEntity } from "../../stores/entities.ts";
import { readLog } from "../../stores/event-log-reader.ts";
import { filesOf, messageOf } from "./stored.ts";

const at = Date.UTC(2026, 10, 24, 7, 30);
const linesOf = (message: string): string[] => message.split("\n").slice(1);

async function consumed(queue: string, body: string): Promise<{ acked: number; retried: number }> {
  const message = { id: "1", timestamp: new Date(), body, attempts: 1, ack: vi.fn<() => void>(), retry: vi.fn<() => void>() };
  const metadata = { metrics: { backlogCount: 0, backlogBytes: 0, oldestMessageTimestamp: new Date(0) } };
  await consumeBatch({ queue, messages: [message], metadata, ackAll: vi.fn<() => void>(), retryAll: vi.fn<() => void>() }, env);
  return { acked: message.ack.mock.calls.length, retried: message.retry.mock.calls.length };
}

interface Letter {
  readonly queue: string;
  readonly reason: string;
  readonly stream: string | null;
  readonly first: number | null;
  readonly last: number | null;
  readonly object: string;
}

const letters = async (): Promise<Letter[]> => (await env.METRICS_DB.prepare("SELECT * FROM dead_letters").all<Letter>()).results;
const topOf = async (stream: string): Promise<number> => (await channelStub(env, stream).status({ v: 1, stream })).top;

async function logged(): Promise<{ offset: number; at: number; stale: boolean; text: string }[]> {
  const lines = [];
  for await (const { offset, at: time, stale, text } of readLog(env.EDGE_LOGS, {
    stream: "opportunities",
    from: at - 60_000,
    to: at + 60_000,
  }))
    lines.push({ offset, at: time, stale, text });
  return lines;
}

beforeEach(async () => {
  for (const level of ["info", "warn", "error"] as const) vi.spyOn(console, level).mockReturnValue(undefined);
  await env.OPPORTUNITIES_DB.prepare("DELETE FROM opportunities").run();
  await env.METRICS_DB.prepare("DELETE FROM dead_letters").run();
  // Rows older than two hours change nothing in the hot cache.
  vi.spyOn(Date, "now").mockReturnValue(at + 1_000);
});

it.each(filesOf("queue-hot-cache"))("%s becomes the newest state of each entity", async (file) => {
  const message = messageOf(file);
  expect(await consumed("arbitragex-hot-cache", message)).toEqual({ acked: 1, retried: 0 });
  const [first, second] = linesOf(message).map((line) => (JSON.parse(line) as { data: unknown }).data);
  expect(await findEntity(env, "opportunities", "opp-1")).toEqual(first);
  expect(await findEntity(env, "opportunities", "opp-2")).toEqual(second);
  const { results } = await env.OPPORTUNITIES_DB.prepare("SELECT epoch, offset, event_id FROM opportunities ORDER BY offset").all();
  expect(results).toEqual([
    { epoch: "01jd0000000000", offset: 1, event_id: "evt-1" },
    { epoch: "01jd0000000000", offset: 2, event_id: "evt-2" },
  ]);
});

it.each(filesOf("queue-event-log"))("%s becomes lines of the log under its positions", async (file) => {
  const message = messageOf(file);
  expect(await consumed("arbitragex-event-log", message)).toEqual({ acked: 1, retried: 0 });
  expect(await logged()).toEqual(linesOf(message).map((text, index) => ({ offset: index + 1, at, stale: index === 2, text })));
});

it.each(filesOf("queue-inbox"))("%s is sequenced by its channels, byte for byte", async (file) => {
  const message = messageOf(file);
  expect(await consumed("arbitragex-inbox", message)).toEqual({ acked: 1, retried: 0 });
  const texts: string[] = [];
  for (const stream of ["opportunities", "executions"]) {
    const { rows } = await channelStub(env, stream).history({ v: 1, stream, since: 0 });
    texts.push(...rows.flatMap(eventsOf).map(({ text }) => text));
  }
  expect(texts).toEqual(linesOf(message));
  expect(await consumed("arbitragex-inbox", message)).toEqual({ acked: 1, retried: 0 });
  expect([await topOf("opportunities"), await topOf("executions")]).toEqual([3, 1]);
});

const positions = [...filesOf("queue-hot-cache"), ...filesOf("queue-event-log")];

it.each([...positions, ...filesOf("queue-inbox")])("%s that ran out of retries is kept as it is", async (file) => {
  const body = messageOf(file);
  expect(await consumed("arbitragex-dead-letter", body)).toEqual({ acked: 1, retried: 0 });
  const [letter, ...more] = await letters();
  expect([letter?.reason, more]).toEqual(["retries exhausted", []]);
  const kept = positions.includes(file) ? { stream: "opportunities", first: 1, last: 3 } : { stream: null, first: null, last: null };
  expect(letter).toMatchObject(kept);
  expect(await (await env.EDGE_LOGS.get(letter?.object ?? ""))?.json()).toMatchObject({ v: 1, body });
});

describe("a message of a version that is not known yet is parked by that name, and nothing of it is taken", () => {
  it.each([
    ["hot-cache", "queue-hot-cache"],
    ["event-log", "queue-event-log"],
    ["inbox", "queue-inbox"],
  ])("%s", async (queue, name) => {
    const before = [await topOf("opportunities"), await topOf("executions"), (await logged()).length];
    const [file = ""] = filesOf(name);
    const future = messageOf(file).replace('{"v":1,', '{"v":2,');
    expect(await consumed(`arbitragex-${queue}`, future)).toEqual({ acked: 1, retried: 0 });
    expect(await letters()).toMatchObject([{ queue, reason: "message is of version 2, this code reads 1" }]);
    expect(await findEntity(env, "opportunities", "opp-1")).toBeUndefined();
    expect([await topOf("opportunities"), await topOf("executions"), (await logged()).length]).toEqual(before);
  });
});
