import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, expect, it, vi } from "vitest";
import { setFaults, type Faults } from "../../tests/support/faults.ts";
import { publication } from "../../tests/support/publications.ts";
import { channelStub } from "../stubs.ts";
import {
  dedupeWindowMs,
  epochTtlMs,
  historyAgeMsMax,
  leaseMs,
  progressEveryMs,
  redriveAfterMs,
  redriveAfterRestartMs,
  safetyNetMs,
  seenBlobEveryMs,
} from "../../schemas/limits.ts";
import { unpack } from "../../schemas/pack.ts";
import type { DeliverRequest, PublishReply, Publication } from "../../schemas/rpc.ts";
import { eventsOf } from "../../schemas/row.ts";

// The queues swallow what they are handed: what consumers do with it is not this file's matter.
const swallow = { queue: async () => undefined };
beforeEach(() => setFaults(swallow));

/** Each test takes a stream of its own: objects live as long as the file. */
const stream = "opportunities";
const raw = (name = stream) => env.CHANNELS.get(env.CHANNELS.idFromName(`channel:${name}`));
const channel = (name = stream) => channelStub(env, name);

async function publish(events: Publication[], name = stream): Promise<Extract<PublishReply, { kind: "ok" }>> {
  const reply = await channel(name).publish({ v: 1, stream: name, lane: "live", events });
  if (reply.kind !== "ok") throw new Error(reply.kind);
  return reply;
}

/** In the middle of whatever it does: timers and memory are gone, rows stay. */
async function die(name = stream): Promise<void> {
  await runInDurableObject(raw(name), (_, state) => state.abort("killed by a test")).catch(() => undefined);
}

async function outbox(name = stream): Promise<Readonly<Record<string, number>>> {
  return (await channel(name).status({ v: 1, stream: name })).outbox;
}

/** What the stream hands to which queue; other streams of this file go on working meanwhile. */
function recorder(name: string): { readonly sends: string[]; readonly record: Faults } {
  const sends: string[] = [];
  const queue: Faults["queue"] = async (sink, _, messages) => {
    if (messages.some(({ body }) => String(body).includes(`"stream":"${name}"`))) sends.push(sink);
  };
  return { sends, record: { queue } };
}

async function top(name = stream): Promise<number> {
  return (await channel(name).status({ v: 1, stream: name })).top;
}

async function loggedIds(name = stream): Promise<string[]> {
  const { rows } = await channel(name).history({ v: 1, stream: name, since: 0 });
  return rows.flatMap(eventsOf).map(({ text }) => (JSON.parse(text) as { id: string }).id);
}

it("recognises repeats after its death, from blobs and from rows no blob covers yet", async () => {
  const flushed = publication({ id: "flushed" });
  const unflushed = publication({ id: "unflushed" });
  const { offsets: before } = await publish([flushed]);
  setFaults({ ...swallow, skewMs: seenBlobEveryMs + 1_000 });
  await runDurableObjectAlarm(raw());
  const { offsets: then } = await publish([unflushed]);
  const blobs = await runInDurableObject(raw(), (_, state) => state.storage.sql.exec("SELECT first FROM seen").toArray());
  expect(blobs).toEqual([{ first: before[0] }]);
  await die();
  const again = await publish([unflushed, flushed, publication({ id: "fresh" })]);
  expect(again.offsets).toEqual([...then, ...before, (then[0] ?? 0) + 1]);
  expect(again.duplicates).toEqual([0, 1]);
});

it("takes a repeat beyond the window as a new event under the same id", async () => {
  const event = publication({ id: "beyond" });
  const [first] = (await publish([event])).offsets;
  setFaults({ ...swallow, skewMs: dedupeWindowMs + 61_000 });
  await runDurableObjectAlarm(raw());
  const again = await publish([event]);
  expect(again.duplicates).toEqual([]);
  expect(again.offsets[0]).toBeGreaterThan(first ?? 0);
});

it.each(["before", "after"] as const)("loses nothing and repeats nothing when it dies %s the write", async (when) => {
  const event = publication({ id: `dies-${when}` });
  const start = await top();
  let killed = false;
  setFaults({
    ...swallow,
    append: (moment, abort) => {
      if (moment !== when || killed) return;
      killed = true;
      abort();
    },
  });
  await expect(publish([event])).rejects.toThrow();
  const retried = await publish([event]);
  expect(retried.offsets).toEqual([start + 1]);
  expect(await top()).toBe(start + 1);
  expect((await loggedIds()).filter((id) => id === `dies-${when}`)).toHaveLength(1);
});

it("hands rows over by its alarm after dying between the write and the answer", async () => {
  // The row is durable and the caller never hears of it: the object dies as it answers.
  const bodies: string[] = [];
  setFaults({ queue: async (_, __, messages) => bodies.push(...messages.map(({ body }) => String(body))) });
  await publish([publication({ id: "orphan" })]);
  await die();
  // Nobody calls the object again: the alarm that was written with the row wakes it.
  await vi.waitFor(() => expect(bodies.filter((body) => body.includes('"orphan"'))).toHaveLength(2), { timeout: safetyNetMs + 5_000 });
});

it("keeps its cursor while a queue refuses, and hands everything over once it takes again", async () => {
  let refusals = 3;
  setFaults({
    queue: async (sink) => {
      if (sink === "event-log" && refusals-- > 0) throw new Error("queue refuses");
    },
  });
  await publish([publication({ id: "q1" }), publication({ id: "q2" })]);
  await vi.waitFor(async () => expect((await channel().status({ v: 1, stream })).outbox["event-log"]).toBe(0), {
    timeout: 10_000,
    interval: 100,
  });
  expect(refusals).toBeLessThan(0);
});

it("hands a message over again when it dies between the send and the cursor", async () => {
  const bodies: string[] = [];
  let killed = false;
  setFaults({
    queue: async (sink, _, messages) => {
      bodies.push(...messages.map(({ body }) => String(body)));
      if (sink !== "event-log" || killed) return;
      killed = true;
      await die();
    },
  });
  await publish([publication({ id: "sent-twice" })]);
  await vi.waitFor(() => expect(killed).toBe(true));
  // The next caller wakes it.
  await vi.waitFor(() => top());
  const sent = (): number => bodies.filter((body) => body.includes('"sent-twice"') && body.includes('"event-log"')).length;
  await vi.waitFor(() => expect(sent()).toBe(2), { timeout: 8_000 });
});

it("lets a queue that hangs hold up neither the other queue nor the alarm", async () => {
  let hang = true;
  setFaults({ queue: async (sink) => (sink === "event-log" && hang ? await new Promise(() => undefined) : undefined) });
  await publish([publication({ id: "h1" })]);
  await vi.waitFor(async () => expect((await outbox())["hot-cache"]).toBe(0));
  await publish([publication({ id: "h2" })]);
  await vi.waitFor(async () => expect((await channel().status({ v: 1, stream })).outbox["hot-cache"]).toBe(0), { timeout: 3_000 });
  hang = false;
  await vi.waitFor(async () => expect((await channel().status({ v: 1, stream })).outbox["event-log"]).toBe(0), {
    timeout: 15_000,
    interval: 200,
  });
}, 20_000);

it("packs single posts across requests into one message per flush", async () => {
  const name = "strategies";
  const bodies: string[] = [];
  setFaults({ queue: async (_, __, messages) => bodies.push(...messages.map(({ body }) => String(body))) });
  for (let n = 0; n < 20; n += 1) await publish([publication({ id: `single-${n}` })], name);
  await vi.waitFor(async () =>
    expect((await channel(name).status({ v: 1, stream: name })).outbox).toEqual({ "hot-cache": 0, "event-log": 0 }),
  );
  const perSink = bodies.map((body) => unpack(body)).map((message) => ("rows" in message ? message.rows.length : 0));
  expect(perSink.reduce((sum, count) => sum + count, 0)).toBe(40);
  expect(bodies.length).toBeLessThan(12);
});

it("answers full without accepting anything while the outbox is past its bound", async () => {
  const name = "metrics";
  await publish([publication({ id: "m1" })], name);
  await runInDurableObject(raw(name), (_, state) => {
    // A queue that takes nothing for hours leaves rows like these behind.
    state.storage.sql.exec("INSERT INTO log VALUES (1000, 1, 0, 300000000, '[]', '[0]', '{}')");
  });
  await die(name);
  setFaults({ queue: async () => Promise.reject(new Error("down")) });
  const reply = await channel(name).publish({ v: 1, stream: name, lane: "live", events: [publication({ id: "m2" })] });
  expect(reply).toMatchObject({ kind: "full" });
});

it("admits bulk only at its share of the rate, and accepts nothing of a refused batch", async () => {
  const name = "integration";
  const batch = (from: number): Publication[] => Array.from({ length: 4_000 }, (_, n) => publication({ id: `bulk-${from + n}` }));
  const bulk = async (from: number): Promise<string> =>
    (await channel(name).publish({ v: 1, stream: name, lane: "bulk", events: batch(from) })).kind;
  expect(await bulk(0)).toBe("ok");
  expect(await bulk(10_000)).toBe("later");
  expect(await top(name)).toBe(4_000);
  expect((await publish([publication({ id: "live" })], name)).offsets).toEqual([4_001]);
});

it("moves the settled position only over marks of its own epoch, and remembers them", async () => {
  const { epoch, offsets } = await publish([publication({ id: "s1" }), publication({ id: "s2" }), publication({ id: "s3" })]);
  const [first = 0, , last = 0] = offsets;
  await channel().applied({ v: 1, stream, epoch: "another", ranges: [[1, last]] });
  const before = await channel().settled({ v: 1, stream });
  expect(before.offset).toBeLessThan(first);
  await channel().applied({ v: 1, stream, epoch, ranges: [[1, first]], incomplete: [[first + 1, first + 1]] });
  setFaults({ ...swallow, skewMs: progressEveryMs + 1_000 });
  await runDurableObjectAlarm(raw());
  await die();
  expect(await channel().settled({ v: 1, stream })).toMatchObject({ offset: first + 1, incomplete: [[first + 1, first + 1]], top: last });
});

it("hands over again what was applied in the seconds before its death, as nobody will say so a second time", async () => {
  const name = "executions";
  const { sends, record } = recorder(name);
  setFaults(record);
  const { epoch, offsets } = await publish([publication({ id: "applied-then-forgotten" })], name);
  await vi.waitFor(async () => expect(await outbox(name)).toEqual({ "hot-cache": 0, "event-log": 0 }));
  setFaults({ ...record, skewMs: progressEveryMs + 1_000 });
  await runDurableObjectAlarm(raw(name));
  await channel(name).applied({ v: 1, stream: name, epoch, ranges: [[1, offsets[0] ?? 0]] });
  await die(name);
  expect((await channel(name).settled({ v: 1, stream: name })).offset).toBe(0);
  setFaults({ ...record, skewMs: progressEveryMs + redriveAfterRestartMs + 2_000 });
  await runDurableObjectAlarm(raw(name));
  await vi.waitFor(() => expect(sends.filter((sink) => sink === "hot-cache")).toHaveLength(2));
  await channel(name).applied({ v: 1, stream: name, epoch, ranges: [[1, offsets[0] ?? 0]] });
});

it("hands positions over again when no mark comes back, instead of freezing the snapshots", async () => {
  const name = "executions";
  const { sends, record } = recorder(name);
  // Later than the test before: a clock does not go back by minutes.
  const skewMs = 60_000;
  setFaults({ ...record, skewMs });
  await publish([publication({ id: "lost-by-the-queue" })], name);
  await vi.waitFor(async () => {
    await runDurableObjectAlarm(raw(name));
    expect(sends.toSorted()).toEqual(["event-log", "hot-cache"]);
  });
  setFaults({ ...record, skewMs: skewMs + redriveAfterMs - 5_000 });
  await runDurableObjectAlarm(raw(name));
  expect(sends).toHaveLength(2);
  setFaults({ ...record, skewMs: skewMs + redriveAfterMs + 5_000 });
  await runDurableObjectAlarm(raw(name));
  await vi.waitFor(() => expect(sends.filter((sink) => sink === "hot-cache")).toHaveLength(2));
  expect(sends.filter((sink) => sink === "event-log")).toHaveLength(1);
});

it("writes over a row that is past its time at the price of one row, and keeps the rest, the top and the last value", async () => {
  const name = "market";
  const { epoch } = await publish([publication({ id: "v1" }), publication({ id: "v2" })], name);
  await publish([publication({ id: "v3" })], name);
  await vi.waitFor(async () => expect(await outbox(name)).toEqual({ "event-log": 0 }));
  setFaults({ ...swallow, skewMs: historyAgeMsMax + 60_000 });
  // Nobody needs the place yet.
  await runDurableObjectAlarm(raw(name));
  expect(await channel(name).history({ v: 1, stream: name, since: 0 })).toMatchObject({ epoch, top: 3, first: 1 });
  await publish([publication({ id: "v4" })], name);
  const rows = await runInDurableObject(raw(name), (_, state) => state.storage.sql.exec("SELECT first, count FROM log").toArray());
  expect(rows).toEqual([
    { first: 3, count: 1 },
    { first: 4, count: 1 },
  ]);
  await die(name);
  expect(await channel(name).history({ v: 1, stream: name, since: 0 })).toMatchObject({ epoch, top: 4, first: 3 });
  expect((await channel(name).latest({ v: 1, stream: name })).event?.offset).toBe(4);
});

it("never writes over what a queue has not taken", async () => {
  const name = "market";
  setFaults({ ...swallow, skewMs: 2 * historyAgeMsMax });
  await vi.waitFor(async () => expect(await outbox(name)).toEqual({ "event-log": 0 }));
  setFaults({ queue: async () => Promise.reject(new Error("down")), skewMs: 2 * historyAgeMsMax });
  const before = (await channel(name).history({ v: 1, stream: name, since: 0 })).first;
  const { offsets } = await publish([publication({ id: "not-taken" })], name);
  setFaults({ queue: async () => Promise.reject(new Error("down")), skewMs: 4 * historyAgeMsMax });
  for (let n = 0; n < 4; n += 1) await publish([publication({ id: `over-${n}` })], name);
  const { first, top: last } = await channel(name).history({ v: 1, stream: name, since: 0 });
  expect(first).toBe(offsets[0]);
  expect(first).toBeGreaterThan(before);
  expect(last).toBe((offsets[0] ?? 0) + 4);
  setFaults({ ...swallow, skewMs: 5 * historyAgeMsMax });
  await vi.waitFor(async () => {
    await runDurableObjectAlarm(raw(name));
    expect(await outbox(name)).toEqual({ "event-log": 0 });
  });
});

it("begins a new epoch after a month unused", async () => {
  const name = "market";
  const { epoch, offset } = await channel(name).settled({ v: 1, stream: name });
  expect(offset).toBeGreaterThan(1);
  setFaults({ ...swallow, skewMs: epochTtlMs + 6 * historyAgeMsMax });
  const reborn = await publish([publication({ id: "reborn" })], name);
  expect(reborn.offsets).toEqual([1]);
  expect(reborn.epoch > epoch).toBe(true);
});

// ---- hub

interface Fake {
  readonly got: DeliverRequest[];
  position: number;
}

/** A relay that keeps the protocol: applies what continues its position. */
function keepsProtocol(fake: Fake, request: DeliverRequest): { v: 1; kind: "at"; position: number } {
  fake.got.push(request);
  const last = request.rows.at(-1);
  if (request.prev <= fake.position && last !== undefined) fake.position = Math.max(fake.position, last.first + last.count - 1);
  return { v: 1, kind: "at", position: fake.position };
}

it("delivers what a relay lacks in order, one call at a time, and continues from the relay's own position", async () => {
  const name = "alerts";
  const relay = "relay:weur:0";
  const { top: start } = await channel(name).interest({ v: 1, stream: name, relay, generation: 1 });
  const fake: Fake = { got: [], position: start };
  let inFlight = 0;
  let most = 0;
  let lost = 2;
  setFaults({
    ...swallow,
    deliver: async (_, request) => {
      inFlight += 1;
      most = Math.max(most, inFlight);
      await new Promise((resolve) => setTimeout(resolve, 5));
      inFlight -= 1;
      if (lost-- > 0) throw new Error("lost on the way");
      return keepsProtocol(fake, request);
    },
  });
  for (let n = 0; n < 30; n += 1) await publish([publication({ id: `a${n}` })], name);
  await vi.waitFor(() => expect(fake.position).toBe(start + 30), { timeout: 5_000 });
  expect(most).toBe(1);
  const offsets = fake.got.flatMap(({ rows }) => rows.flatMap(eventsOf)).map(({ offset }) => offset);
  expect([...new Set(offsets)]).toEqual(Array.from({ length: 30 }, (_, n) => start + 1 + n));
});

it("asks every relay where it stands after its own restart, and brings it up to date", async () => {
  const name = "alerts";
  const relay = "relay:apac:0";
  setFaults({ ...swallow, deliver: async () => Promise.reject(new Error("down")) });
  const { top: start } = await channel(name).interest({ v: 1, stream: name, relay, generation: 1 });
  await publish([publication({ id: "missed" })], name);
  await die(name);
  const fake: Fake = { got: [], position: start };
  setFaults({
    ...swallow,
    deliver: async (to, request) => (to === relay ? keepsProtocol(fake, request) : { v: 1, kind: "at", position: 1_000 }),
  });
  await channel(name).status({ v: 1, stream: name });
  await vi.waitFor(() => expect(fake.position).toBe(start + 1), { timeout: 5_000 });
  expect(fake.got[0]?.rows).toEqual([]);
});

it("comes back to a relay after its own log could not be read", async () => {
  const name = "alerts";
  const relay = "relay:eeur:0";
  setFaults({ ...swallow, deliver: async () => Promise.reject(new Error("down")) });
  const { top: start } = await channel(name).interest({ v: 1, stream: name, relay, generation: 1 });
  await publish([publication({ id: "unreadable" })], name);
  await die(name);
  await runInDurableObject(raw(name), (_, state) => state.storage.sql.exec("UPDATE log SET stale = 'x' || stale").toArray());
  const fake: Fake = { got: [], position: start };
  setFaults({
    ...swallow,
    deliver: async (to, request) => (to === relay ? keepsProtocol(fake, request) : { v: 1, kind: "at", position: 1_000 }),
  });
  // The probe finds the relay behind; what it lacks can't be read.
  await vi.waitFor(() => expect(fake.got.length).toBeGreaterThan(0));
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(fake.position).toBe(start);
  await runInDurableObject(raw(name), (_, state) => state.storage.sql.exec("UPDATE log SET stale = substr(stale, 2)").toArray());
  await vi.waitFor(() => expect(fake.position).toBe(start + 1), { timeout: 8_000 });
});

it("tells a relay that lags behind the log to reset, and forgets one that is gone or silent past its lease", async () => {
  const name = "alerts";
  const relay = "relay:enam:0";
  const { epoch } = await channel(name).interest({ v: 1, stream: name, relay, generation: 3 });
  const got: DeliverRequest[] = [];
  setFaults({
    ...swallow,
    deliver: async (_, request) => (got.push(request), { v: 1, kind: "at", position: request.prev + request.rows.length }),
  });
  await publish([publication({ id: "r1" }), publication({ id: "r2" })], name);
  await vi.waitFor(async () => expect(await outbox(name)).toEqual({ "event-log": 0 }));
  setFaults({
    ...swallow,
    skewMs: historyAgeMsMax + 120_000,
    deliver: async (_, request) => (got.push(request), { v: 1, kind: "gone", generation: 3 }),
  });
  // Written over the oldest row.
  await publish([publication({ id: "r3" })], name);
  await channel(name).interest({ v: 1, stream: name, relay, generation: 3, position: { epoch, offset: 0 } });
  await vi.waitFor(() => expect(got.at(-1)).toMatchObject({ reset: true }));
  await vi.waitFor(async () =>
    expect((await channel(name).status({ v: 1, stream: name })).relays.map((one) => one.relay)).not.toContain(relay),
  );
  await channel(name).interest({ v: 1, stream: name, relay: "relay:me:0", generation: 9 });
  setFaults({ ...swallow, skewMs: historyAgeMsMax + 120_000 + leaseMs + 1 });
  await channel(name).interest({ v: 1, stream: name, relay: "relay:oc:0", generation: 1 });
  expect((await channel(name).status({ v: 1, stream: name })).relays.map((one) => one.relay)).toEqual(["relay:oc:0"]);
});

it("never lets a late leave beat a fresh registration", async () => {
  const name = "alerts";
  const relay = "relay:sam:0";
  await channel(name).interest({ v: 1, stream: name, relay, generation: 8 });
  await channel(name).leave({ v: 1, stream: name, relay, generation: 7 });
  expect((await channel(name).status({ v: 1, stream: name })).relays.map((one) => one.relay)).toContain(relay);
  await channel(name).leave({ v: 1, stream: name, relay, generation: 8 });
  expect((await channel(name).status({ v: 1, stream: name })).relays.map((one) => one.relay)).not.toContain(relay);
});
