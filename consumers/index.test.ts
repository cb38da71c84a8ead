/** The wiring: real queues' names, real D1, R2 and channel objects behind the steps. */
import { env } from "cloudflare:workers";
import { beforeEach, expect, it, vi } from "vitest";
import { streamOf } from "../channels/catalogue.ts";
import { channelStub } from "../durable-objects/stubs.ts";
import type { EdgeEvent } from "../schemas/event.ts";
import { packInbox, packPositions } from "../schemas/pack.ts";
import { renderEvent } from "../schemas/render.ts";
import { toPublication } from "../schemas/version.ts";
import { changedHereMs } from "../stores/changes.ts";
import { readChange } from "../stores/colo-cache.ts";
import { readLog } from "../stores/event-log-reader.ts";
import { execution, opportunity } from "../tests/support/placed.ts";
import { consumeBatch } from "./index.ts";
import type { ConsumerBindings } from "./index.ts";

beforeEach(() => {
  // Hundreds of refused batches say the same.
  vi.spyOn(console, "warn").mockReturnValue(undefined);
});

function batchOf(queue: string, bodies: readonly unknown[], attempts = 1) {
  const messages = bodies.map((body, index) => ({
    id: String(index),
    timestamp: new Date(),
    body,
    attempts,
    ack: vi.fn<() => void>(),
    retry: vi.fn<(options?: QueueRetryOptions) => void>(),
  }));
  const metrics = { backlogCount: 0, backlogBytes: 0, oldestMessageTimestamp: new Date(0) };
  const batch = { queue, messages, metadata: { metrics }, ackAll: vi.fn<() => void>(), retryAll: vi.fn<() => void>() };
  return {
    batch,
    acked: () => messages.map(({ ack }) => ack.mock.calls.length === 1),
    retried: () => messages.map(({ retry }) => retry.mock.calls.length),
  };
}

async function publish(events: readonly EdgeEvent[]): Promise<{ stream: string; epoch: string }> {
  const stream = streamOf(events[0]?.type ?? "system.alert");
  const reply = await channelStub(env, stream).publish({ v: 1, stream, lane: "live", events: events.map((event) => toPublication(event)) });
  if (reply.kind !== "ok") throw new Error(reply.kind);
  return { stream, epoch: reply.epoch };
}

async function packedFromLog(stream: string, sink: string): Promise<string[]> {
  const { epoch, rows } = await channelStub(env, stream).history({ v: 1, stream, since: 0 });
  return packPositions({ stream, epoch, sink }, rows).map(({ body }) => body);
}

it("an event published to its channel ends in D1 and in the log, and the channel knows what D1 has", async () => {
  const now = Date.now();
  const { stream, epoch } = await publish([opportunity("a", { timeMs: now }), opportunity("b", { timeMs: now })]);
  const hot = batchOf("arbitragex-hot-cache", await packedFromLog(stream, "hot-cache"));
  const log = batchOf("arbitragex-event-log", await packedFromLog(stream, "event-log"));
  await consumeBatch(hot.batch, env);
  await consumeBatch(log.batch, env);
  expect([...hot.acked(), ...log.acked()]).toEqual([true, true]);
  const rows = await env.OPPORTUNITIES_DB.prepare("SELECT opportunity_id AS id, epoch, offset FROM opportunities ORDER BY id").all();
  expect(rows.results).toEqual([
    { id: "a", epoch, offset: 1 },
    { id: "b", epoch, offset: 2 },
  ]);
  expect(await channelStub(env, stream).settled({ v: 1, stream })).toMatchObject({ offset: 2, incomplete: [] });
  const read: number[] = [];
  for await (const { offset } of readLog(env.EDGE_LOGS, { stream, from: now - 60_000, to: now + 60_000 })) read.push(offset);
  expect(read).toEqual([1, 2]);
});

it("an event from the inbox is sequenced by its channel, and a redelivery is a repeat", async () => {
  const now = Date.now();
  const bodies = packInbox([renderEvent(execution("x", { timeMs: now }))]);
  for (let delivery = 1; delivery <= 2; delivery += 1) {
    const inbox = batchOf("arbitragex-inbox", bodies);
    await consumeBatch(inbox.batch, env);
    expect(inbox.acked()).toEqual([true]);
  }
  expect(await channelStub(env, "executions").status({ v: 1, stream: "executions" })).toMatchObject({ top: 1 });
});

it("what nobody can read is kept whole in R2 with an index row, and acknowledged", async () => {
  const hot = batchOf("arbitragex-hot-cache", ["no header"]);
  await consumeBatch(hot.batch, env);
  expect(hot.acked()).toEqual([true]);
  const row = await env.METRICS_DB.prepare("SELECT queue, reason, object FROM dead_letters").first<{
    queue: string;
    reason: string;
    object: string;
  }>();
  expect(row).toMatchObject({ queue: "hot-cache", reason: "message has no header line" });
  expect(await (await env.EDGE_LOGS.get(row?.object ?? ""))?.json()).toMatchObject({ body: "no header" });
});

it("a queue without a step keeps its messages", async () => {
  const unknown = batchOf("arbitragex-mystery", ["a", "b"]);
  await consumeBatch(unknown.batch, env);
  expect([unknown.acked(), unknown.retried()]).toEqual([
    [false, false],
    [1, 1],
  ]);
});

it("an hour of D1 outage: the message is retried with growing delays, then a copy carries on, and in the end the event is in D1", async () => {
  const now = Date.now();
  const { stream } = await publish([opportunity("patient", { timeMs: now })]);
  const copies: unknown[] = [];
  const down: ConsumerBindings = {
    ...env,
    OPPORTUNITIES_DB: new Proxy(env.OPPORTUNITIES_DB, {
      get: () => () => {
        throw new Error("D1_ERROR: D1 DB is overloaded");
      },
    }),
    HOT_CACHE: new Proxy(env.HOT_CACHE, { get: () => async (body: unknown) => copies.push(body) }),
  };
  let bodies: readonly unknown[] = await packedFromLog(stream, "hot-cache");
  let waitedSeconds = 0;
  let attempts = 0;
  while (waitedSeconds < 3_600) {
    attempts += 1;
    const { batch, retried } = batchOf("arbitragex-hot-cache", bodies, attempts);
    await consumeBatch(batch, down);
    const [retry] = batch.messages.map((message) => message.retry.mock.calls[0]?.[0]?.delaySeconds);
    waitedSeconds += retry ?? 1;
    expect(attempts).toBeLessThanOrEqual(90);
    if (retried()[0] === 0) {
      bodies = copies.splice(0);
      expect(bodies).toHaveLength(1);
      attempts = 0;
    }
  }
  const { batch, acked } = batchOf("arbitragex-hot-cache", bodies, attempts);
  await consumeBatch(batch, env);
  expect(acked()).toEqual([true]);
  const found = await env.OPPORTUNITIES_DB.prepare("SELECT count(*) AS n FROM opportunities WHERE opportunity_id = 'patient'").first("n");
  expect(found).toBe(1);
});

it.each([
  ["written", {}],
  ["perhaps written in part", { OPPORTUNITIES_DB: { prepare: () => fail("D1 is down") } }],
])("what D1 holds is announced as changed after it was %s, to this isolate and this data centre", async (_, bindings) => {
  const startedAtMs = Date.now();
  const { stream } = await publish([execution("changing", { timeMs: startedAtMs })]);
  const { batch } = batchOf("arbitragex-hot-cache", await packedFromLog(stream, "hot-cache"));
  await consumeBatch(batch, { ...env, ...bindings } as ConsumerBindings);
  const changedMs = changedHereMs("executions");
  expect(changedMs).toBeGreaterThanOrEqual(startedAtMs);
  expect(await readChange("executions")).toBe(changedMs);
});

function fail(reason: string): never {
  throw new Error(reason);
}
