import { expect, it } from "vitest";
import type { Breaker } from "../../platform/breaker.ts";
import { packedBytesMax, sendBatchMessagesMax } from "../../schemas/limits.ts";
import { unpack } from "../../schemas/pack.ts";
import type { Publication, PublishReply } from "../../schemas/rpc.ts";
import type { Flow } from "./admission.ts";
import type { Parking } from "./backlog.ts";
import { deliverEvents } from "./publish.ts";
import type { PublishDeps } from "./publish.ts";
import type { ValidEvent } from "./validate.ts";

type Channel = (stream: string, events: readonly Publication[]) => Promise<PublishReply>;

const publishTimeoutMs = 15;

/** A channel and a queue that do as they are told, and remember. */
class World implements PublishDeps {
  readonly breakers = new Map<string, Breaker>();
  readonly flows = new Map<string, Flow>();
  publishTimeoutMs = publishTimeoutMs;
  readonly sendTimeoutMs = 15;
  readonly published: string[] = [];
  readonly batches: (readonly string[])[] = [];
  readonly reports: string[] = [];
  clockMs = 1_000_000;
  channel: Channel = answers;
  queue: () => Promise<void> = async () => undefined;

  async publish(stream: string, events: readonly Publication[]): Promise<PublishReply> {
    this.published.push(stream);
    return await this.channel(stream, events);
  }

  readonly charged: number[] = [];
  inbox: Parking = { kind: "open" };
  readonly waits: number[] = [];

  charge(events: number): void {
    this.charged.push(events);
  }

  async parking(): Promise<Parking> {
    return this.inbox;
  }

  async wait(delayMs: number): Promise<void> {
    this.waits.push(delayMs);
  }

  async send(bodies: readonly string[]): Promise<void> {
    await this.queue();
    this.batches.push(bodies);
  }

  nowMs(): number {
    return this.clockMs;
  }

  report(event: string): void {
    this.reports.push(event);
  }

  /** Texts parked on the inbox. */
  get parked(): string[] {
    return this.batches.flat().flatMap((body) => {
      const message = unpack(body);
      if ("invalid" in message || message.kind !== "inbox") throw new Error("not an inbox message");
      return message.lines;
    });
  }
}

const answers: Channel = async (_, events) => ({
  v: 1,
  kind: "ok",
  epoch: "e1",
  offsets: events.map((__, index) => index + 1),
  duplicates: [],
});
const stalls: Channel = async () => await new Promise(() => undefined);
const full: Channel = async () => ({ v: 1, kind: "full", retryAfterMs: 2_500 });
const breaks: Channel = async () => {
  throw new Error("boom");
};
const refuses = async (): Promise<void> => {
  throw new Error("queue is down");
};
const hangs = async (): Promise<void> => await new Promise(() => undefined);

function failure(flags: { retryable?: boolean; overloaded?: boolean }): Channel {
  return async () => {
    throw Object.assign(new Error("the object moved"), flags);
  };
}

function event(key: string, stream = "opportunities", text = JSON.stringify({ id: key })): ValidEvent {
  return { stream, publication: { key, entity: key, timeMs: 0, rank: 0, text } };
}

const one = [event("a")];

it("calls each stream once with all its events", async () => {
  const world = new World();
  const sizes = new Map<string, number>();
  world.channel = async (stream, events) => {
    sizes.set(stream, events.length);
    return await answers(stream, events);
  };
  const events = [event("a"), event("b", "executions"), event("c")];
  expect(await deliverEvents(events, "live", world)).toEqual({ kind: "durable", accepted: 3, duplicates: 0, repeats: new Set() });
  expect([...sizes]).toEqual([
    ["opportunities", 2],
    ["executions", 1],
  ]);
});

it("counts repeats inside the request together with those the channel knows", async () => {
  const world = new World();
  world.channel = async (_, events) => ({ v: 1, kind: "ok", epoch: "e1", offsets: events.map(() => 1), duplicates: [1] });
  expect(await deliverEvents([event("a"), event("a"), event("b")], "live", world)).toEqual({
    kind: "durable",
    accepted: 1,
    duplicates: 2,
    repeats: new Set([1, 2]),
  });
});

it("parks a stream's events on the inbox when its channel does not answer in time, and never asks again", async () => {
  const world = new World();
  world.channel = stalls;
  expect(await deliverEvents(one, "live", world)).toMatchObject({ kind: "durable", accepted: 1, duplicates: 0 });
  expect(world.published).toHaveLength(1);
  expect(world.parked).toEqual(['{"id":"a"}']);
});

it("parks only the stream that is out of reach", async () => {
  const world = new World();
  world.channel = async (stream, events) => (stream === "executions" ? await stalls(stream, events) : await answers(stream, events));
  expect(await deliverEvents([event("a"), event("b", "executions")], "live", world)).toMatchObject({
    kind: "durable",
    accepted: 2,
    duplicates: 0,
  });
  expect(world.parked).toEqual(['{"id":"b"}']);
});

it("tries once more when the platform says the call never arrived", async () => {
  const world = new World();
  world.channel = async (stream, events) =>
    world.published.length === 1 ? await failure({ retryable: true })(stream, events) : await answers(stream, events);
  expect(await deliverEvents(one, "live", world)).toMatchObject({ kind: "durable", accepted: 1 });
  expect(world.published).toHaveLength(2);
  expect(world.parked).toEqual([]);
});

it.each([
  ["retryable twice", failure({ retryable: true }), 2],
  ["overloaded", failure({ overloaded: true }), 1],
  ["retryable and overloaded", failure({ retryable: true, overloaded: true }), 1],
  ["any other error", breaks, 1],
])("parks after %s", async (_, channel, calls) => {
  const world = new World();
  world.channel = channel;
  expect(await deliverEvents(one, "live", world)).toMatchObject({ kind: "durable", accepted: 1 });
  expect(world.published).toHaveLength(calls);
  expect(world.parked).toHaveLength(1);
});

it("does not retry when the failure used the budget up", async () => {
  const world = new World();
  world.channel = async (stream, events) => {
    world.clockMs += publishTimeoutMs;
    return await failure({ retryable: true })(stream, events);
  };
  await deliverEvents(one, "live", world);
  expect(world.published).toHaveLength(1);
});

it("gives the retry only what is left of the budget", async () => {
  const world = new World();
  world.publishTimeoutMs = 60_000;
  world.channel = async (stream, events) => {
    if (world.published.length > 1) return await stalls(stream, events);
    world.clockMs += world.publishTimeoutMs - 1;
    return await failure({ retryable: true })(stream, events);
  };
  // A second budget of a minute would outlast this test.
  await deliverEvents(one, "live", world);
  expect(world.parked).toHaveLength(1);
});

it.each([
  ["refuses", refuses],
  ["does not answer", hangs],
])("says outcome unknown when the channel stalls and the queue %s", async (_, queue) => {
  const world = new World();
  world.channel = stalls;
  world.queue = queue;
  expect(await deliverEvents(one, "live", world)).toEqual({ kind: "unknown", held: [0], repeats: new Set() });
});

it("passes a full channel on and parks nothing, whatever the other streams do", async () => {
  const world = new World();
  world.channel = async (stream, events) => {
    if (stream === "opportunities") return await full(stream, events);
    return stream === "executions" ? await stalls(stream, events) : await answers(stream, events);
  };
  const events = [event("a"), event("b", "executions"), event("c", "market"), event("a"), event("c", "market")];
  expect(await deliverEvents(events, "live", world)).toEqual({
    kind: "full",
    retryAfterMs: 2_500,
    // The market's channel has its own: whoever tries again leaves it out.
    held: [0, 3, 1],
    repeats: new Set([4]),
  });
  expect(world.batches).toEqual([]);
});

it("parks without asking the channel when delivery is queued, repeats inside the request aside", async () => {
  const world = new World();
  expect(await deliverEvents([event("a"), event("b", "executions"), event("a")], "queued", world)).toEqual({
    kind: "durable",
    accepted: 2,
    duplicates: 1,
    repeats: new Set([2]),
  });
  expect(world.published).toEqual([]);
  expect(world.parked).toEqual(['{"id":"a"}', '{"id":"b"}']);
});

it("sends the inbox messages it can take: packed, a few a call, every event once", async () => {
  const world = new World();
  const events = Array.from({ length: 30 }, (_, index) =>
    event(`k${index}`, "opportunities", JSON.stringify({ id: index, pad: "x".repeat(40_000) })),
  );
  await deliverEvents(events, "queued", world);
  expect(Math.max(...world.batches.map((batch) => batch.length))).toBe(sendBatchMessagesMax);
  expect(Math.max(...world.batches.flat().map((body) => body.length))).toBeLessThanOrEqual(packedBytesMax);
  expect(world.parked).toEqual(events.map(({ publication }) => publication.text));
});

it("opens after three timeouts in a row: the inbox at once, one probe a second, closed by the first answer", async () => {
  const world = new World();
  world.channel = stalls;
  for (let index = 0; index < 3; index += 1) await deliverEvents(one, "live", world);
  expect(world.reports).toContain("ingest.breaker.opened");
  await deliverEvents(one, "live", world);
  expect(world.published).toHaveLength(3);
  expect(world.parked).toHaveLength(4);

  world.clockMs += 1_000;
  await Promise.all([deliverEvents(one, "live", world), deliverEvents(one, "live", world)]);
  expect(world.published).toHaveLength(4);

  world.clockMs += 1_000;
  world.channel = answers;
  await deliverEvents(one, "live", world);
  await deliverEvents(one, "live", world);
  expect(world.published).toHaveLength(6);
  expect(world.parked).toHaveLength(6);
});

it("keeps a breaker per stream", async () => {
  const world = new World();
  world.channel = async (stream, events) => (stream === "executions" ? await stalls(stream, events) : await answers(stream, events));
  for (let index = 0; index < 3; index += 1) await deliverEvents([event("b", "executions")], "live", world);
  await deliverEvents([event("a"), event("b", "executions")], "live", world);
  expect(world.published.filter((stream) => stream === "opportunities")).toHaveLength(1);
  expect(world.published.filter((stream) => stream === "executions")).toHaveLength(3);
});

it("stays closed through errors that come at once: they cost no budget", async () => {
  const world = new World();
  world.channel = breaks;
  for (let index = 0; index < 5; index += 1) await deliverEvents(one, "live", world);
  expect(world.published).toHaveLength(5);
});

it("rides out a stall: requests that time out after another was answered do not open the breaker", async () => {
  const world = new World();
  world.channel = async (stream, events) => (world.published.length <= 5 ? await stalls(stream, events) : await answers(stream, events));
  const stalled = Array.from({ length: 5 }, () => deliverEvents(one, "live", world));
  world.clockMs += 10;
  await deliverEvents(one, "live", world);
  await Promise.all(stalled);
  await deliverEvents(one, "live", world);
  expect(world.published).toHaveLength(7);
});

it("charges the sender before anything is sent, and lets its refusal through", async () => {
  const world = new World();
  world.charge = () => {
    throw new Error("over the quota");
  };
  await expect(deliverEvents(one, "live", world)).rejects.toThrow("over the quota");
  expect(world.published).toEqual([]);
});

it("parks nothing in an inbox that is full, and says when to come back", async () => {
  const world = new World();
  world.inbox = { kind: "full", retryAfterMs: 30_000 };
  expect(await deliverEvents(one, "queued", world)).toMatchObject({ kind: "full", retryAfterMs: 30_000, held: [0] });
  expect(world.batches).toEqual([]);
});

it("answers what it parked the later the more the inbox holds, and what it published at once", async () => {
  const world = new World();
  world.inbox = { kind: "slow", delayMs: 400 };
  expect(await deliverEvents(one, "queued", world)).toMatchObject({ kind: "durable", accepted: 1 });
  expect(world.waits).toEqual([400]);
  await deliverEvents(one, "live", world);
  expect(world.waits).toEqual([400]);
});
