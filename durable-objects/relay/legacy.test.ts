/** The frontend as deployed, on real objects: it opens `/ws`, asks for nothing and must be served (CONTRACT 5.2). */
import { evictDurableObject } from "cloudflare:test";
import { expect, it, vi } from "vitest";
import { killInBurst, rawRelay, relayRows } from "../../tests/support/relays.ts";
import { openSocket, opportunity, publish, type TestSocket } from "../../tests/support/sockets.ts";

interface Data {
  readonly id: string;
  readonly status: string;
}

const opportunityTypes = ["opportunity_new", "opportunity_update"];
const shown = (socket: TestSocket): string[] =>
  socket.frames.filter(({ type }) => opportunityTypes.includes(type)).map((frame) => `${frame.type} ${(frame["data"] as Data).id}`);

/** A legacy client whose subscription is in place: its first ping asks for it. */
async function legacySocket(): Promise<TestSocket> {
  const before = (await relayRows("SELECT * FROM subs")).length;
  const socket = await openSocket("/ws");
  await socket.quiet();
  await vi.waitFor(async () => expect(await relayRows("SELECT * FROM subs")).toHaveLength(before + 2), 5_000);
  return socket;
}

let clockMs = Date.now();
const state = (id: string, status = "pending", type = "opportunity.updated"): unknown =>
  opportunity({ id: crypto.randomUUID(), subject: id, type, timeMs: clockMs++, data: { execution_status: status } });

it("a client that says nothing is served after about a second", async () => {
  const socket = await openSocket("/ws");
  await vi.waitFor(async () => expect(await relayRows("SELECT * FROM subs")).toHaveLength(2), 5_000);
  await publish("opportunities", [state("silent", "pending", "opportunity.detected")]);
  const frame = await socket.next("opportunity_new");
  expect(frame).toMatchObject({
    data: { id: "silent", chain: "arbitrum", tokenA: "WETH", profit: 24.5, gasEstimate: 210_000, status: "pending" },
  });
  expect(Object.keys(frame)).toEqual(["type", "data"]);
  await publish("market", [
    {
      specversion: "1.0",
      id: crypto.randomUUID(),
      source: "contabo/test",
      type: "market.updated",
      time: new Date().toISOString(),
      data: {
        profit: "10.5",
        success_rate: "0.9",
        latency_ms: 12,
        total_opportunities: 3,
        total_executions: 1,
        last_update: "2026-11-24T02:00:00Z",
      },
    },
  ]);
  expect(await socket.next("market_update")).toMatchObject({ data: { profit: 10.5, successRate: 0.9, latency: 12 } });
  socket.close();
  expect((await socket.closed).code).toBe(1000);
});

it("its ping's number comes back as it came", async () => {
  const socket = await openSocket("/ws");
  socket.send('{"type":"ping","timestamp":98765.4320000001}');
  expect(await socket.next("pong")).toEqual({ type: "pong", timestamp: 98765.4320000001 });
  socket.close();
  await socket.closed;
});

it("sees each entity new once, then updated, and each socket by its own time of joining", async () => {
  const early = await legacySocket();
  await publish("opportunities", [state("a", "pending", "opportunity.detected"), state("a", "executing")]);
  await vi.waitFor(() => expect(shown(early)).toHaveLength(2));
  const late = await legacySocket();
  await publish("opportunities", [state("a", "executed"), state("b", "expired", "opportunity.expired"), state("b", "failed")]);
  await vi.waitFor(() => expect([shown(early).length, shown(late).length]).toEqual([5, 3]));
  expect(shown(early)).toEqual([
    "opportunity_new a",
    "opportunity_update a",
    "opportunity_update a",
    "opportunity_new b",
    "opportunity_update b",
  ]);
  expect(shown(late)).toEqual(["opportunity_new a", "opportunity_new b", "opportunity_update b"]);
  const statuses = late.frames.filter(({ type }) => opportunityTypes.includes(type)).map((frame) => (frame["data"] as Data).status);
  expect(statuses).toEqual(["completed", "failed", "failed"]);
  early.close();
  late.close();
  await Promise.all([early.closed, late.closed]);
});

it("never sees a stale event, nor takes the entity for seen because of it", async () => {
  const over = state("c", "executed");
  const stale = opportunity({ id: crypto.randomUUID(), subject: "c", timeMs: clockMs - 50_000 });
  const witness = await openSocket("/ws/opportunities");
  await witness.next("subscribed");
  await publish("opportunities", [over]);
  await witness.next("opportunity_updated");
  const socket = await legacySocket();
  await publish("opportunities", [stale]);
  await publish("opportunities", [state("c", "failed")]);
  await vi.waitFor(() => expect(shown(socket)).toHaveLength(1));
  expect(shown(socket)).toEqual(["opportunity_new c"]);
  socket.close();
  witness.close();
  await Promise.all([socket.closed, witness.closed]);
});

it("survives an eviction: what it has seen is still known", async () => {
  const socket = await legacySocket();
  await publish("opportunities", [state("d", "pending", "opportunity.detected")]);
  await vi.waitFor(() => expect(shown(socket)).toEqual(["opportunity_new d"]));
  await vi.waitFor(async () => expect(await relayRows("SELECT * FROM streams WHERE clean = 0")).toEqual([]), 5_000);
  await evictDurableObject(rawRelay());
  await publish("opportunities", [state("d", "executed")]);
  await vi.waitFor(() => expect(shown(socket)).toEqual(["opportunity_new d", "opportunity_update d"]), 5_000);
  socket.close();
  await socket.closed;
});

it("goes on live when the relay died in a burst, without a repeat", async () => {
  const socket = await legacySocket();
  await publish("opportunities", [state("e", "pending", "opportunity.detected")]);
  await vi.waitFor(() => expect(shown(socket)).toEqual(["opportunity_new e"]));
  await vi.waitFor(async () => expect(await relayRows("SELECT * FROM streams WHERE clean = 0")).toEqual([]), 5_000);
  await killInBurst("opportunities");
  // Whatever wakes the relay: it registers anew and goes on from there.
  await socket.quiet();
  await vi.waitFor(
    async () => expect(await relayRows("SELECT * FROM streams WHERE stream = 'opportunities' AND epoch <> ''")).toHaveLength(1),
    5_000,
  );
  await publish("opportunities", [state("e", "executed")]);
  await vi.waitFor(() => expect(shown(socket)).toEqual(["opportunity_new e", "opportunity_update e"]), 5_000);
  expect(socket.frames.some(({ type }) => type === "unsubscribed")).toBe(false);
  socket.close();
  await socket.closed;
});

it("turns native with its first subscribe and is not served twice", async () => {
  const socket = await legacySocket();
  socket.send({ type: "subscribe", channel: "opportunities" });
  await socket.next("subscribed");
  await publish("opportunities", [state("f", "pending", "opportunity.detected")]);
  expect(await socket.next("opportunity_detected")).toHaveProperty("offset");
  await socket.quiet();
  expect(shown(socket)).toEqual([]);
  expect(await relayRows("SELECT * FROM subs")).toHaveLength(1);
  socket.close();
  await socket.closed;
});
