import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, it, vi } from "vitest";
import { SavedProgress } from "../../durable-objects/channel/storage.ts";
import { channelStub } from "../../durable-objects/stubs.ts";
import { CostReport } from "../../schemas/cost.ts";
import { operationsSaveEveryMs } from "../../schemas/limits-cost.ts";
import { openSocket, opportunity, publicationOf, token } from "../../tests/support/sockets.ts";
import { setFaults } from "../../tests/support/faults.ts";
import { app } from "../app.ts";

const stream = "opportunities";
const operator = { "x-api-key": env.OPS_API_KEY };

async function ask(query = "", headers: Record<string, string> = operator): Promise<{ status: number; body: { data: CostReport } }> {
  const response = await app.request(`https://edge.test/ops/cost${query}`, { headers }, env);
  return { status: response.status, body: await response.json() };
}

async function bill(): Promise<Record<string, number>> {
  const report = CostReport.parse((await ask()).body.data);
  return {
    events: report.events,
    ...Object.fromEntries(report.lines.map((line) => [`${line.service}: ${line.operation}`, line.operations])),
  };
}

const publish = (from: number, count: number) =>
  channelStub(env, stream).publish({
    v: 1,
    stream,
    lane: "live",
    events: Array.from({ length: count }, (_, index) =>
      publicationOf(opportunity({ id: `cost-${from + index}`, subject: `cost-${from + index}`, timeMs: Date.now() })),
    ),
  });

it("is for operators alone, and refuses hours that it does not know", async () => {
  expect((await ask("", {})).status).toBe(401);
  expect((await ask("", { authorization: `Bearer ${await token()}` })).status).toBe(403);
  expect(await ask("?hours=25")).toMatchObject({
    status: 400,
    body: { error: { code: "INVALID_PARAMETERS", details: { parameter: "hours" } } },
  });
});

it("has what a post, its queues, its databases, its log and its relays did, each once", async () => {
  const socket = await openSocket("/ws?batch=0");
  await socket.next("welcome");
  socket.send({ type: "subscribe", channel: stream, id: "1" });
  const before = await bill();
  await publish(0, 20);
  await publish(0, 20);
  await vi.waitFor(async () => {
    const after = await bill();
    const came = (name: string): number => (after[name] ?? 0) - (before[name] ?? 0);
    expect(came("events")).toBe(20);
    expect(came("Workers requests: ingest")).toBe(2);
    expect(came("Durable Object requests: channel.publish")).toBe(2);
    expect(came("Queues: hot-cache")).toBe(3);
    expect(came("Queues: event-log")).toBe(3);
    expect(came("D1 rows written: hot-cache")).toBeGreaterThanOrEqual(20);
    expect(came("R2 class A: event-log")).toBeGreaterThanOrEqual(1);
    expect(came("Durable Object requests: relay.deliver")).toBeGreaterThanOrEqual(1);
    expect(came("Durable Object rows written: channel")).toBeGreaterThanOrEqual(1);
    expect(after["Durable Object duration: channel"]).toBeGreaterThan(0);
  }, 20_000);
  // Told with a registration that the relay sends by itself; here, with that of another socket's stream.
  socket.send({ type: "subscribe", channel: "metrics", id: "2" });
  await vi.waitFor(async () => expect((await bill())["Durable Object requests: relay.upgrade"]).toBeGreaterThanOrEqual(1), 10_000);
});

it("of a burst is not forgotten when the channel falls asleep after it: it lies beside the channel's progress", async () => {
  const raw = env.CHANNELS.get(env.CHANNELS.idFromName(`channel:${stream}`));
  await publish(50, 7);
  const { events } = await bill();
  await vi.waitFor(async () => {
    const saved = await runInDurableObject(raw, (_, state) =>
      SavedProgress.parse(
        JSON.parse(state.storage.sql.exec<{ value: string }>("SELECT value FROM state WHERE name = 'progress'").one().value),
      ),
    );
    expect(saved.operations?.reduce((sum, { counts }) => sum + (counts["events"] ?? 0), 0)).toBe(events);
  }, 15_000);
  await evictDurableObject(raw);
  expect((await bill()).events).toBe(events);
});

it("is not forgotten when the channel dies, and costs it one row in two minutes", async () => {
  const raw = env.CHANNELS.get(env.CHANNELS.idFromName(`channel:${stream}`));
  await publish(100, 1);
  // Two minutes later whoever calls has it written.
  setFaults({ skewMs: operationsSaveEveryMs + 1 });
  const { events } = await bill();
  await evictDurableObject(raw);
  expect((await bill()).events).toBe(events);
  setFaults({});
});
