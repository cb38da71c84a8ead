import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, it, vi } from "vitest";
import { TestSocket } from "../../tests/support/sockets.ts";
import { internalHeaders } from "../../schemas/socket.ts";
import { relayStub } from "../stubs.ts";
import { moveEveryMs, moveSlice, recallMin } from "./bounds.ts";
import { Moves, recalled, type Movable } from "./moves.ts";

function fake(homes: readonly (string | undefined)[]): {
  readonly moves: Moves<Movable>;
  readonly sent: Movable[];
  readonly flags: Set<string>;
} {
  const sent: Movable[] = [];
  const flags = new Set<string>();
  const connections = homes.map((home): Movable => ({ home }));
  const moves = new Moves<Movable>({
    store: { findFlag: (name) => flags.has(name), saveFlag: (name, isSet) => void (isSet ? flags.add(name) : flags.delete(name)) },
    connections: () => connections.filter((one) => !sent.includes(one)),
    sendAway: (connection) => void sent.push(connection),
    wake: () => undefined,
    region: () => "enam",
    peer: () => ({ serving: async () => Promise.reject(new Error("silent")) }),
  });
  return { moves, sent, flags };
}

it("sends a tenth of the displaced home at a time, a hundred at least, and nobody else", () => {
  const homes = (count: number): Movable[] => Array.from({ length: count }, () => ({ home: "weur" }));
  expect(recalled([...homes(3), { home: undefined }, { home: "apac" }], "weur")).toHaveLength(3);
  expect(recalled(homes(recallMin + 1), "weur")).toHaveLength(recallMin);
  expect(recalled(homes(5_000), "weur")).toHaveLength(500);
});

it("sends all of a drained relay away, in slices", async () => {
  vi.useFakeTimers();
  try {
    const { moves, sent } = fake(Array.from({ length: moveSlice + 1 }));
    expect(moves.drain(true)).toBe(moveSlice + 1);
    expect([sent.length, moves.isServing]).toEqual([moveSlice, false]);
    await vi.advanceTimersByTimeAsync(moveEveryMs);
    expect(sent).toHaveLength(moveSlice + 1);
    moves.drain(false);
    expect(moves.isServing).toBe(true);
  } finally {
    vi.useRealTimers();
  }
});

it("keeps what it took in for a region that does not answer", async () => {
  const { moves, sent, flags } = fake(["weur"]);
  moves.opened({ home: "weur" });
  await moves.recall();
  expect([sent.length, flags.has("displaced")]).toEqual([0, true]);
});

it("asks nobody while all of its sockets are at home", async () => {
  const { moves, flags } = fake([undefined, "enam"]);
  moves.opened({ home: undefined });
  moves.opened({ home: "enam" });
  expect(flags.size).toBe(0);
  flags.add("displaced");
  await moves.recall();
  expect(flags.size).toBe(0);
});

// ---- on sockets

async function openAt(relay: string, home: string): Promise<TestSocket> {
  const headers = { upgrade: "websocket", [internalHeaders.relay]: relay, [internalHeaders.home]: home };
  const response = await relayStub(env, relay).fetch(new Request("https://edge.test/ws?batch=0", { headers }));
  if (response.webSocket === null) throw new Error(`no socket: ${response.status}`);
  const socket = new TestSocket(response.webSocket, null);
  socket.send({ type: "subscribe", channel: "market" });
  await socket.next("subscribed");
  return socket;
}

const raw = (name: string) => env.RELAYS.get(env.RELAYS.idFromName(name));

it("takes its clients back once it is no longer drained, though the relay that holds them has slept", async () => {
  const home = await openAt("relay:weur:0", "weur");
  expect(await relayStub(env, "relay:weur:0").drain({ v: 1, drained: true })).toEqual({ v: 1, sent: 1 });
  expect((await home.closed).code).toBe(1001);
  const guest = await openAt("relay:enam:0", "weur");
  const local = await openAt("relay:enam:0", "enam");
  await evictDurableObject(raw("relay:enam:0"));
  await runDurableObjectAlarm(raw("relay:enam:0"));
  await guest.quiet();
  await relayStub(env, "relay:weur:0").drain({ v: 1, drained: false });
  await runDurableObjectAlarm(raw("relay:enam:0"));
  expect(await guest.closed).toMatchObject({ code: 1001 });
  await local.quiet();
  local.close();
});
