import { expect, it } from "vitest";
import { AppError } from "../../platform/errors.ts";
import type { Breaker } from "../../platform/breaker.ts";
import type { Publication, PublishReply } from "../../schemas/rpc.ts";
import { doorFloor, streamFloor, windowMs } from "./admission.ts";
import type { Flow } from "./admission.ts";
import type { Parking } from "./backlog.ts";
import { ingest } from "./index.ts";
import type { IngestAnswer, IngestDeps } from "./index.ts";

/** A channel that answers when it is told to, by a clock that stands still meanwhile. */
class World implements IngestDeps {
  readonly breakers = new Map<string, Breaker>();
  readonly flows = new Map<string, Flow>();
  /** The tests' own clock decides what is late; nothing here may time out. */
  publishTimeoutMs = 60_000;
  readonly sendTimeoutMs = 60_000;
  readonly waiting: (() => void)[] = [];
  readonly published: string[] = [];
  readonly parked: string[] = [];
  readonly reports: string[] = [];
  charged = 0;
  held = 0;
  clockMs = Date.now();

  async publish(_: string, events: readonly Publication[]): Promise<PublishReply> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.waiting.push(resolve);
    await promise;
    this.published.push(...events.map(({ text }) => text));
    return { v: 1, kind: "ok", epoch: "e", offsets: events.map((__, index) => index + 1), duplicates: [] };
  }

  charge(events: number): void {
    this.charged += events;
  }
  async send(bodies: readonly string[]): Promise<void> {
    this.parked.push(...bodies);
  }
  async parking(): Promise<Parking> {
    return { kind: "open" };
  }
  async wait(): Promise<void> {}
  async hold(): Promise<void> {
    this.held += 1;
  }
  nowMs(): number {
    return this.clockMs;
  }
  report(event: string): void {
    this.reports.push(event);
  }

  /** Answers the oldest publish that waits. */
  answerOne(): void {
    this.waiting.shift()?.();
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
let ids = 0;

interface Post {
  readonly answer: Promise<IngestAnswer | AppError>;
}

/** Comes back when the channel has been asked or the answer is known. */
async function post(world: World, events: number, query: { delivery?: "queued"; body?: string } = {}): Promise<Post> {
  const time = new Date(world.clockMs).toISOString();
  const event = (): object => ({ specversion: "1.0", id: `e${(ids += 1)}`, source: "t", type: "strategy.updated", time, data: strategy });
  const body = query.body ?? JSON.stringify(Array.from({ length: events }, event));
  const request = new Request("https://edge/api/events", { method: "POST", headers: { "content-type": "application/json" }, body });
  const asked = world.waiting.length;
  let isKnown = false;
  const answer = ingest(request, { delivery: query.delivery ?? "live" }, world)
    .catch((error: unknown) => {
      if (error instanceof AppError) return error;
      throw error;
    })
    .finally(() => {
      isKnown = true;
    });
  while (!isKnown && world.waiting.length === asked) await turn();
  return { answer };
}

const strategy = {
  strategy_id: "s",
  name: "n",
  type: "arbitrage",
  is_active: true,
  parameters: {},
  risk_limits: {},
  last_modified: "2026-11-24T12:00:00.000Z",
};

/** More than the channel takes: it answers one each twentieth of a second, while dozens wait. */
async function overload(world: World): Promise<Post[]> {
  const posts: Post[] = [];
  for (let index = 0; index < 60; index += 1) posts.push(await post(world, 1));
  for (let index = 0; index < 24; index += 1) {
    world.answerOne();
    await posts[index]?.answer;
    world.clockMs += windowMs / 10;
  }
  return posts;
}

it("is answered 429 above a stream's ceiling, with the advice to batch, and nothing of the post goes anywhere", async () => {
  const world = new World();
  await overload(world);
  const [charged, asked] = [world.charged, world.waiting.length];
  const { answer } = await post(world, 1);
  const error = await answer;
  expect(error).toBeInstanceOf(AppError);
  expect(error).toMatchObject({
    status: 429,
    code: "RATE_LIMIT_EXCEEDED",
    retryAfterSeconds: 2,
    details: { limit: "stream", stream: "strategies" },
  });
  expect((error as AppError).message).toContain("in batches of a hundred");
  expect([world.charged, world.waiting.length, world.parked.length, world.held]).toEqual([charged, asked, 0, 1]);
  expect(world.reports).toEqual(["ingest.overloaded"]);
});

it("is refused before it is validated, so that refusing costs little", async () => {
  const world = new World();
  await overload(world);
  const { answer } = await post(world, 1, { body: '{"type":"strategy.updated"}' });
  expect(await answer).toMatchObject({ status: 429 });
});

it("is refused unread where reading alone takes too long, and read again once it does not", async () => {
  const world = new World();
  const slow = Array.from({ length: 2 * doorFloor }, () => slowPost(world));
  for (const { release, done } of slow.slice(0, 24)) {
    release();
    await done();
    world.clockMs += windowMs / 10;
  }
  const refused = await post(world, 1, { delivery: "queued", body: "not even JSON" });
  expect(await refused.answer).toMatchObject({ status: 429, details: { limit: "edge" } });
  // One that stalls is not waited for; a small one is read to keep its connection.
  const stalled = slowPost(world);
  await expect(stalled.done()).rejects.toMatchObject({ status: 429 });
  for (const { release, done } of slow.slice(24)) {
    release();
    await done();
  }
  expect(await (await post(world, 1, { delivery: "queued" })).answer).toMatchObject({ accepted: 1 });
});

/** A post whose body comes when it is released. */
function slowPost(world: World): { release(): void; done(): Promise<unknown> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const time = new Date(world.clockMs).toISOString();
  const text = JSON.stringify({ specversion: "1.0", id: `e${(ids += 1)}`, source: "t", type: "strategy.updated", time, data: strategy });
  const body = new ReadableStream({
    async pull(controller) {
      await promise;
      controller.enqueue(new TextEncoder().encode(text));
      controller.close();
    },
  });
  const request = new Request("https://edge/api/events", { method: "POST", headers: { "content-type": "application/json" }, body });
  const answer = ingest(request, { delivery: "queued" }, world);
  return { release: resolve, done: () => answer };
}

it("lets batches in where singles are refused", async () => {
  const world = new World();
  const posts = await overload(world);
  const limit = world.flows.get("strategies")?.limit ?? 0;
  expect(limit).toBeGreaterThanOrEqual(streamFloor);
  while (world.waiting.length >= limit) world.answerOne();
  await Promise.all(posts.slice(0, -world.waiting.length).map(({ answer }) => answer));
  expect(await (await post(world, 1)).answer).toMatchObject({ status: 429 });
  const { answer } = await post(world, 10);
  for (; world.waiting.length > 0; await turn()) world.answerOne();
  expect(await answer).toMatchObject({ accepted: 10 });
});

it("leaves the inbox and other streams alone", async () => {
  const world = new World();
  await overload(world);
  expect(await (await post(world, 1, { delivery: "queued" })).answer).toMatchObject({ accepted: 1 });
  expect(world.parked).toHaveLength(1);
  const alert = { specversion: "1.0", id: "a", source: "t", type: "system.alert", time: new Date(world.clockMs).toISOString() };
  const { answer } = await post(world, 1, { body: JSON.stringify({ ...alert, data: { severity: "info", message: "m" } }) });
  for (; world.waiting.length > 0; await turn()) world.answerOne();
  expect(await answer).toMatchObject({ accepted: 1 });
});

it("sequences everything that was let in, once, and takes singles again when the backlog is gone", async () => {
  const world = new World();
  const posts = await overload(world);
  for (; world.waiting.length > 0; await turn()) world.answerOne();
  for (const { answer } of posts) expect(await answer).toMatchObject({ accepted: 1 });
  expect(new Set(world.published).size).toBe(60);
  expect(world.published).toHaveLength(60);
  const { answer } = await post(world, 1);
  world.answerOne();
  expect(await answer).toMatchObject({ accepted: 1 });
});

it("parks what a silent channel does not answer, overloaded or not", async () => {
  const world = new World();
  world.publishTimeoutMs = 15;
  for (let index = 0; index < 5; index += 1) expect(await (await post(world, 1)).answer).toMatchObject({ accepted: 1 });
  expect(world.parked).toHaveLength(5);
  expect(world.flows.get("strategies")).toMatchObject({ inFlight: 0, limit: Number.POSITIVE_INFINITY });
});
