/** What goes wrong between hub, relay and sockets: evictions, lost and late calls, epochs. Nothing is missed in silence. */
import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, it, vi } from "vitest";
import { lingerMs } from "../../schemas/limits.ts";
import type { DeliverReply, DeliverRequest, LeaveRequest } from "../../schemas/rpc.ts";
import { setFaults } from "../../tests/support/faults.ts";
import { changeHub, killInBurst, rawRelay, relayRows, testRelayName } from "../../tests/support/relays.ts";
import {
  openSocket,
  opportunities,
  publish,
  publicationOf,
  opportunity,
  type Frame,
  type TestSocket,
} from "../../tests/support/sockets.ts";
import { relayStub } from "../stubs.ts";

afterEach(() => {
  setFaults({});
  vi.restoreAllMocks();
});

const range = (first: number, count: number): number[] => Array.from({ length: count }, (_, index) => first + index);

interface StreamRow extends Record<string, SqlStorageValue> {
  generation: number;
  epoch: string;
  position: number;
  clean: number;
}

const streamRow = async (): Promise<StreamRow | undefined> =>
  (await relayRows<StreamRow>("SELECT * FROM streams WHERE stream = 'opportunities'"))[0];

async function settled(): Promise<void> {
  await vi.waitFor(async () => expect((await streamRow())?.clean).toBe(1), 5_000);
}

/** Reads frames like a client of the contract: a hole is `prev > last`, an older offset is an error. */
class Follower {
  readonly socket: TestSocket;
  last: number;
  epoch: string;
  readonly offsets: number[] = [];
  holes = 0;

  constructor(socket: TestSocket, subscribed: Frame) {
    this.socket = socket;
    this.last = Number(subscribed["offset"]);
    this.epoch = String(subscribed["epoch"]);
  }

  static async open(path: string): Promise<Follower> {
    const socket = await openSocket(path);
    return new Follower(socket, await socket.next("subscribed"));
  }

  async take(count: number): Promise<number[]> {
    const before = this.offsets.length;
    for (const frame of await this.socket.take("opportunity_detected", count)) {
      for (const position of this.socket.frames.slice(0, this.socket.frames.indexOf(frame)).filter(({ type }) => type === "position")) {
        this.last = Math.max(this.last, Number(position["offset"]));
      }
      if (Number(frame["prev"]) > this.last) this.holes += 1;
      if (Number(frame["offset"]) <= (this.offsets.at(-1) ?? 0))
        throw new Error(`older offset ${String(frame["offset"])} after ${this.last}`);
      this.last = Number(frame["offset"]);
      this.offsets.push(this.last);
    }
    return this.offsets.slice(before);
  }
}

it("goes on after an eviction between bursts as if nothing had been, filtered or not", async () => {
  const all = await Follower.open("/ws/opportunities");
  const some = await Follower.open("/ws/opportunities:bsc");
  const first = all.last + 1;
  await publish("opportunities", [...opportunities(1, { chain: "bsc" }), ...opportunities(3)]);
  await all.take(4);
  await settled();
  await evictDurableObject(rawRelay());
  await publish("opportunities", [...opportunities(1), ...opportunities(1, { chain: "bsc" })]);
  expect(await all.take(2)).toEqual(range(first + 4, 2));
  expect(await some.take(2)).toEqual([first, first + 5]);
  expect([all.holes, some.holes]).toEqual([0, 0]);
  all.socket.send({ type: "unsubscribe", channel: "opportunities" });
  expect(await all.socket.next("unsubscribed")).toMatchObject({ code: 2000 });
  all.socket.close();
  some.socket.close();
  await some.socket.closed;
});

it("tells its native subscribers when it died in a burst, and they recover exactly what they lack", async () => {
  const client = await Follower.open("/ws/opportunities");
  const start = client.last;
  await publish("opportunities", opportunities(2));
  await client.take(2);
  await settled();
  await killInBurst("opportunities");
  await publish("opportunities", opportunities(3));
  expect(await client.socket.next("unsubscribed")).toMatchObject({ channel: "opportunities", code: 2500 });
  client.socket.send({ type: "subscribe", channel: "opportunities", epoch: client.epoch, offset: client.last });
  expect(await client.socket.next("subscribed")).toMatchObject({ recovered: true, offset: start + 2 });
  await publish("opportunities", opportunities(1));
  expect(await client.take(4)).toEqual(range(start + 3, 4));
  expect(client.holes).toBe(0);
  client.socket.close();
});

it("forgets subscriptions of sockets that died with its process", async () => {
  const client = await Follower.open("/ws/opportunities");
  await publish("opportunities", opportunities(1));
  await client.take(1);
  await settled();
  await evictDurableObject(rawRelay(), { webSockets: "close" });
  const next = await Follower.open("/ws/opportunities");
  expect(await relayRows("SELECT * FROM subs")).toHaveLength(1);
  next.socket.close();
});

it("delivers once and in order when calls from the hub are lost, late, repeated and reordered", async () => {
  const client = await Follower.open("/ws/opportunities");
  const start = client.last;
  const late: (() => Promise<DeliverReply>)[] = [];
  let calls = 0;
  setFaults({
    deliver: async (_, request: DeliverRequest, send) => {
      calls += 1;
      const again = late.shift();
      switch (calls % 5) {
        case 1:
          throw new Error("lost on the way there");
        case 2:
          await send(request);
          throw new Error("lost on the way back");
        case 3:
          late.push(() => send(request));
          throw new Error("late");
        case 4:
          await send(request);
          await again?.();
          return send({ ...request, prev: Math.max(0, request.prev - 3) });
        default:
          return send(request);
      }
    },
  });
  for (let burst = 0; burst < 12; burst++) {
    await publish("opportunities", opportunities(5));
    // Waiting for it keeps the hub from putting everything into one call that happens to pass.
    expect(await client.take(5)).toEqual(range(start + 1 + burst * 5, 5));
  }
  expect(calls).toBeGreaterThan(12);
  expect(client.holes).toBe(0);
  client.socket.close();
}, 60_000);

it("is healed by its own renewal when the hub has forgotten it", async () => {
  const client = await Follower.open("/ws/opportunities");
  const start = client.last;
  // The hub hears that there is no such interest and stops asking.
  setFaults({ deliver: async (_, request) => ({ v: 1, kind: "gone", generation: request.generation }) });
  await publish("opportunities", opportunities(4));
  setFaults({});
  await publish("opportunities", opportunities(1));
  await client.socket.quiet();
  expect(client.socket.frames.some(({ type }) => type === "opportunity_detected")).toBe(false);
  await runDurableObjectAlarm(rawRelay());
  expect(await client.take(5)).toEqual(range(start + 1, 5));
  client.socket.close();
});

it("announces what a trimmed log can no longer give, then goes on", async () => {
  const client = await Follower.open("/ws/opportunities");
  const row = await streamRow();
  if (row === undefined) throw new Error("no interest");
  const { text } = publicationOf(opportunity({ id: "after-the-hole" }));
  const reply = await relayStub(env, testRelayName).deliver({
    v: 1,
    stream: "opportunities",
    epoch: row.epoch,
    generation: row.generation,
    prev: client.last + 100,
    reset: true,
    rows: [{ first: client.last + 101, count: 1, at: Date.now(), stale: [], earlier: [0], lines: text }],
  });
  expect(reply).toEqual({ v: 1, kind: "at", position: client.last + 101 });
  expect(await client.socket.next("unsubscribed")).toMatchObject({ code: 2500 });
  client.socket.close();
  await client.socket.closed;
});

it("takes a new epoch from the hub, and tells everybody who stood in the old one", async () => {
  const client = await Follower.open("/ws/opportunities");
  await settled();
  await changeHub((real) => ({ interest: async (request) => ({ ...(await real.interest(request)), epoch: "zz-new", top: 3, first: 1 }) }));
  await runDurableObjectAlarm(rawRelay());
  expect(await client.socket.next("unsubscribed")).toMatchObject({ channel: "opportunities", code: 2500 });
  client.socket.send({ type: "subscribe", channel: "opportunities", epoch: client.epoch, offset: client.last });
  expect(await client.socket.next("subscribed")).toMatchObject({ recovered: false, epoch: "zz-new", offset: 3 });
  // The hub never had that epoch: the next renewal leads back.
  await changeHub(() => ({}));
  await runDurableObjectAlarm(rawRelay());
  expect(await client.socket.next("unsubscribed")).toMatchObject({ code: 2500 });
  client.socket.close();
  await client.socket.closed;
});

it("leaves a stream that nobody has heard for a while, not before", async () => {
  const client = await Follower.open("/ws/opportunities");
  client.socket.close();
  await client.socket.closed;
  const left: LeaveRequest[] = [];
  await changeHub((real) => ({ leave: async (request) => (left.push(request), real.leave(request)) }));
  await runDurableObjectAlarm(rawRelay());
  expect(left).toEqual([]);
  const later = Date.now() + lingerMs + 1;
  vi.spyOn(Date, "now").mockReturnValue(later);
  await runDurableObjectAlarm(rawRelay());
  vi.restoreAllMocks();
  const generation = (await streamRow())?.generation ?? 0;
  expect(left).toMatchObject([{ stream: "opportunities", relay: testRelayName, generation }]);
  const stray = { v: 1, stream: "opportunities", epoch: "e", generation, prev: 0, reset: false, rows: [] } as const;
  expect(await relayStub(env, testRelayName).deliver(stray)).toEqual({ v: 1, kind: "gone", generation });
  const again = await Follower.open("/ws/opportunities");
  expect((await streamRow())?.generation).toBeGreaterThan(generation);
  await publish("opportunities", opportunities(1));
  expect(await again.take(1)).toEqual([again.last]);
  again.socket.close();
});

it("tells a client when the hub can't be reached, and serves the next one", async () => {
  await evictDurableObject(rawRelay());
  await changeHub((_, stream) => (stream === "market" ? { interest: () => Promise.reject(new Error("down")) } : {}));
  const socket = await openSocket("/ws");
  socket.send({ type: "subscribe", channel: "market", id: 1 });
  expect(await socket.next("error")).toMatchObject({ code: "UPSTREAM_UNAVAILABLE", id: 1 });
  await changeHub(() => ({}));
  socket.send({ type: "subscribe", channel: "market", id: 2 });
  expect(await socket.next("subscribed")).toMatchObject({ channel: "market", id: 2 });
  socket.close();
});
