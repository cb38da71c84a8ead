/** A client that was away gets exactly what it missed, or is told that it cannot; and a snapshot with what follows it is complete. */
import { env } from "cloudflare:workers";
import superjson from "superjson";
import { afterEach, expect, it, vi } from "vitest";
import { channelStub } from "../../durable-objects/stubs.ts";
import { post, unsettled, get } from "../support/edge.ts";
import { setFaults } from "../support/faults.ts";
import { Follower } from "../support/follower.ts";
import { openSocket, opportunity, token } from "../support/sockets.ts";

afterEach(() => setFaults({}));

let serial = 0;
function fresh(count: number, over: Readonly<Record<string, unknown>> = {}): { id: string }[] {
  return Array.from({ length: count }, () => opportunity({ id: `r-${++serial}`, ...over }) as { id: string });
}

async function head(): Promise<{ epoch: string; top: number }> {
  return channelStub(env, "opportunities").status({ v: 1, stream: "opportunities" });
}

it("gives a client that missed 500 events exactly those 500, in order, and then the live ones", async () => {
  const follower = await new Follower("opportunities").connect();
  await post(fresh(20));
  await vi.waitFor(() => expect(follower.events).toHaveLength(20));
  follower.disconnect();
  const missed = fresh(500);
  await post(missed);
  await follower.connect();
  const live = fresh(7);
  await post(live);
  await vi.waitFor(() => expect(follower.events).toHaveLength(527), { timeout: 10_000 });
  expect(follower.ids.slice(20)).toEqual([...missed, ...live].map(({ id }) => id));
  expect(follower.watch).toMatchObject({ holes: 0, repeats: 0, resets: 0 });
});

it.each([
  ["in the future", async () => ({ epoch: (await head()).epoch, offset: (await head()).top + 10 })],
  ["of another epoch", async () => ({ epoch: "0foreign000000", offset: 3 })],
])("tells a client whose position is %s that it is not recovered, sends nothing old and goes on live", async (_, position) => {
  const socket = await openSocket(`/ws?token=${await token()}`);
  socket.send({ type: "subscribe", channel: "opportunities", ...(await position()) });
  const { top } = await head();
  expect(await socket.next("subscribed")).toMatchObject({ recovered: false, was_recovering: true, offset: top });
  await post(fresh(1));
  expect(await socket.next("opportunity_detected")).toMatchObject({ offset: top + 1 });
});

it("recovers a view by its stream's positions, passing over what the view leaves out", async () => {
  const follower = await new Follower("opportunities:base").connect();
  await post(fresh(3, { data: { chain: "base" } }));
  await vi.waitFor(() => expect(follower.events).toHaveLength(3));
  follower.disconnect();
  const others = fresh(40);
  const mine = fresh(5, { data: { chain: "base" } });
  await post([...others.slice(0, 20), ...mine, ...others.slice(20)]);
  await follower.connect();
  await vi.waitFor(() => expect(follower.events).toHaveLength(8));
  await post(fresh(10));
  const later = fresh(1, { data: { chain: "base" } });
  await post(later);
  await vi.waitFor(() => expect(follower.ids.slice(3)).toEqual([...mine, ...later].map(({ id }) => id)));
  expect(follower.watch).toMatchObject({ holes: 0, repeats: 0, resets: 0 });
});

interface Snapshot {
  readonly epoch: string;
  readonly offset: number;
  readonly items: readonly { readonly opportunity_id: string; readonly offset: number; readonly estimated_profit: string }[];
}

it("misses nothing with a snapshot and what follows it, while D1 is held back ten seconds", async () => {
  const profits = new Map<string, string>();
  const update = async (round: number): Promise<void> => {
    const timeMs = Date.now() + round;
    const batch = Array.from({ length: 30 }, (_, n) => {
      const profit = `${round}.${n + 1}`;
      profits.set(`held-${n}`, profit);
      return opportunity({
        id: `held-${n}-${round}`,
        subject: `held-${n}`,
        type: "opportunity.updated",
        timeMs,
        data: { estimated_profit: profit },
      });
    });
    expect((await post(batch)).status).toBe(202);
  };
  await update(1);
  await vi.waitFor(async () => expect(await unsettled("opportunities")).toBe(0), { timeout: 20_000 });
  const heldUntil = Date.now() + 10_000;
  setFaults({
    // The consumer writes by prepare(), the snapshot reads in a session.
    d1: (_, method) => {
      if (method === "prepare" && Date.now() < heldUntil) throw new Error("D1_ERROR: held back");
    },
  });
  await update(2);
  await update(3);

  const snapshot = (await get("/api/channels/opportunities/snapshot")) as Snapshot;
  expect(snapshot.offset).toBeLessThan((await head()).top);
  const state = new Map(snapshot.items.map((item) => [item.opportunity_id, { offset: item.offset, profit: item.estimated_profit }]));
  const socket = await openSocket(`/ws?token=${await token()}`);
  socket.onFrame = (frame) => {
    if (!frame.type.startsWith("opportunity_") || frame["stale"] === true) return;
    const data = frame["data"] as { opportunity_id: string; estimated_profit: string };
    const offset = Number(frame["offset"]);
    if (offset > (state.get(data.opportunity_id)?.offset ?? 0)) state.set(data.opportunity_id, { offset, profit: data.estimated_profit });
  };
  socket.send({ type: "subscribe", channel: "opportunities", epoch: snapshot.epoch, offset: snapshot.offset });
  expect(await socket.next("subscribed")).toMatchObject({ recovered: true });
  await update(4);
  const held = (): Map<string, string> =>
    new Map([...state].filter(([id]) => id.startsWith("held-")).map(([id, { profit }]) => [id, profit]));
  await vi.waitFor(() => expect(held()).toEqual(profits), { timeout: 8_000 });
  await vi.waitFor(async () => expect(await unsettled("opportunities")).toBe(0), { timeout: 40_000, interval: 500 });
}, 90_000);

it("gives a TypeScript reader its BigInt and Date back, and everyone else plain JSON", async () => {
  const { json, meta } = superjson.serialize({ wei: 2n ** 255n, seenAt: new Date("2026-11-24T02:00:00.123Z") });
  const event = opportunity({ id: `r-${++serial}`, data: json as Record<string, unknown> }) as object;
  const socket = await openSocket(`/ws?token=${await token()}`);
  socket.send({ type: "subscribe", channel: "opportunities" });
  await socket.next("subscribed");
  expect(await post([{ ...event, meta }])).toMatchObject({ status: 202, accepted: 1 });
  const frame = await socket.next("opportunity_detected");
  expect(frame["data"]).toMatchObject({ wei: (2n ** 255n).toString() });
  const revived = superjson.deserialize({ json: frame["data"], meta: frame["meta"] } as Parameters<typeof superjson.deserialize>[0]);
  expect(revived).toMatchObject({ wei: 2n ** 255n, seenAt: new Date("2026-11-24T02:00:00.123Z") });
});

it("answers the snapshot of a last-value channel with its newest event, at the top", async () => {
  const market = (profit: string): object => ({
    specversion: "1.0",
    id: `r-${++serial}`,
    source: "contabo/test",
    type: "market.updated",
    time: new Date(Date.now() + serial).toISOString(),
    data: {
      profit,
      success_rate: "0.9",
      latency_ms: 3,
      total_opportunities: 1,
      total_executions: 1,
      last_update: new Date().toISOString(),
    },
  });
  expect(await get("/api/channels/market/snapshot")).toMatchObject({ offset: 0, items: [] });
  await post([market("1.5"), market("2.5")]);
  expect(await get("/api/channels/market/snapshot")).toMatchObject({ channel: "market", offset: 2, items: [{ profit: "2.5", offset: 2 }] });
});
