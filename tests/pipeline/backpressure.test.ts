/** Backpressure before loss: with the queues held back and then the channels, ingest parks, slows its senders down and loses nothing; when they
 *  return, everything arrives. */
import { createHmac } from "node:crypto";
import { env, exports } from "cloudflare:workers";
import { afterEach, expect, it, vi } from "vitest";
import { channelStub } from "../../durable-objects/stubs.ts";
import { backlogMessagesMax, backlogMessagesSlow, parkDelayMsMax } from "../../schemas/limits.ts";
import { app } from "../../gateway/app.ts";
import { ingestDeps } from "../../producers/ingest/deps.ts";
import { ingest } from "../../producers/ingest/index.ts";
import { createPublisher, type PublishEvent } from "../../sdk/publisher/index.ts";
import { loggedOffsets, outboxOf, post, unsettled } from "../support/edge.ts";
import { setFaults } from "../support/faults.ts";
import { opportunity } from "../support/sockets.ts";

afterEach(() => {
  setFaults({});
  vi.restoreAllMocks();
});

const one = (id: string): unknown => opportunity({ id, timeMs: Date.now() });
const topOf = async (): Promise<number> => (await channelStub(env, "opportunities").status({ v: 1, stream: "opportunities" })).top;

/** Each event once in the log of truth. */
async function arrived(ids: readonly string[]): Promise<void> {
  await vi.waitFor(
    async () => {
      const logged = await loggedOffsets();
      expect(ids.filter((id) => logged.get(id)?.length !== 1)).toEqual([]);
    },
    { timeout: 40_000, interval: 500 },
  );
  await vi.waitFor(async () => expect(await unsettled("opportunities")).toBe(0), { timeout: 30_000, interval: 250 });
}

it("with the queues and then the channel held back parks and answers 202, and drains when they return", async () => {
  const ids = Array.from({ length: 60 }, (_, n) => `held-${n}`);
  // The queues of the outbox refuse: the channel takes events all the same, and keeps them.
  const queue = async (): Promise<unknown> => await Promise.reject(new Error("the queue is held back"));
  setFaults({ queue });
  for (const id of ids.slice(0, 20)) expect(await post([one(id)])).toMatchObject({ status: 202, accepted: 1 });
  expect(await outboxOf("opportunities")).toBeGreaterThanOrEqual(20);
  // Now the channel does not answer either: what comes is parked.
  const held = Promise.withResolvers<void>();
  setFaults({ queue, publish: async () => await held.promise });
  const top = await topOf();
  expect(await post(ids.slice(20, 40).map(one))).toMatchObject({ status: 202, accepted: 20 });
  expect(await topOf()).toBe(top);
  setFaults({});
  held.resolve();
  expect(await post(ids.slice(40).map(one))).toMatchObject({ status: 202, accepted: 20 });
  await arrived(ids);
}, 90_000);

it("a stream is held with them: its sender hears nothing meanwhile, and of every event once they return", async () => {
  const ids = Array.from({ length: 3_000 }, (_, n) => `stream-${n}`);
  const body = ids.map((id) => `${JSON.stringify(one(id))}\n`).join("");
  let refused = 0;
  const held = Promise.withResolvers<void>();
  // Held for longer than a publish may take: when another one comes, the stream's first batch has been parked.
  setFaults({
    publish: async () => {
      refused += 1;
      if (refused === 2) {
        setFaults({});
        held.resolve();
      }
      await held.promise;
    },
  });
  const response = await exports.default.fetch("https://edge.test/api/events", {
    method: "POST",
    headers: { "content-type": "application/x-ndjson", accept: "application/x-ndjson", "x-api-key": "test-ingest-key-1" },
    body,
  });
  const verdicts = (await response.text())
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { id: string; status: string });
  expect(refused).toBeGreaterThanOrEqual(2);
  expect(verdicts.slice(0, -1).map(({ id, status }) => [id, status])).toEqual(ids.map((id) => [id, "accepted"]));
  expect(verdicts.at(-1)).toEqual({ summary: { accepted: 3_000, duplicates: 0, rejected: 0, lines: 3_000 } });
  await arrived(ids);
}, 120_000);

it("the publisher keeps what nobody takes while queues, channel and inbox are held back, and drains once they return", async () => {
  const ids = Array.from({ length: 300 }, (_, n) => `published-${n}`);
  let refused = 0;
  // The inbox refuses as well, until it has done so twice.
  const sendBatch = async (messages: Iterable<MessageSendRequest>): Promise<unknown> => {
    refused += 1;
    if (refused <= 2) throw new Error("the inbox is held back");
    return await env.INBOX.sendBatch(messages);
  };
  const bindings = { ...env, INBOX: { sendBatch, metrics: async () => ({ backlogCount: 0, backlogBytes: 0 }) } as unknown as Queue };
  const statuses: number[] = [];
  const publisher = createPublisher({
    url: "https://edge.test",
    key: "test-ingest-key-1",
    batchEventsMax: 100,
    lingerMs: 0,
    fetch: async (url, init) => {
      const response = await app.request(String(url), init as RequestInit, bindings);
      statuses.push(response.status);
      return response;
    },
  });
  const held = Promise.withResolvers<void>();
  setFaults({ queue: async () => await Promise.reject(new Error("the queue is held back")), publish: async () => await held.promise });
  const results = Promise.all(ids.map((id) => publisher.publish(one(id) as PublishEvent)));
  await vi.waitFor(() => expect(statuses).toEqual([503, 503]), { timeout: 30_000, interval: 50 });
  expect(publisher.pending).toBe(300);
  setFaults({});
  held.resolve();
  expect(await results).toEqual(ids.map((id) => ({ kind: "durable", id })));
  expect([publisher.pending, new Set(statuses.slice(2))]).toEqual([0, new Set([202])]);
  await arrived(ids);
}, 120_000);

/** An inbox that says how full it is, and takes what it is given. */
function inboxOf(backlogCount: number): { env: Env; sent: MessageSendRequest[] } {
  const sent: MessageSendRequest[] = [];
  const queue = {
    sendBatch: async (messages: Iterable<MessageSendRequest>) => sent.push(...messages),
    metrics: async () => ({ backlogCount, backlogBytes: 0 }),
  };
  return { env: { ...env, INBOX: queue as unknown as Queue }, sent };
}

async function parkOne(inbox: { env: Env }, id: string): Promise<Response> {
  return await app.request(
    "/api/events?delivery=queued",
    { method: "POST", headers: { "content-type": "application/json", "x-api-key": "test-ingest-key-1" }, body: JSON.stringify(one(id)) },
    inbox.env,
  );
}

it("slows a sender down whose events wait in a long inbox, before any is refused", async () => {
  const waits: number[] = [];
  const released = Promise.withResolvers<void>();
  const parkBy = async (inbox: { env: Env }, id: string): Promise<number> => {
    const wait = async (delayMs: number): Promise<void> => {
      waits.push(delayMs);
      await released.promise;
    };
    const headers = { "content-type": "application/json" };
    const request = new Request("https://edge.test/api/events", { method: "POST", headers, body: JSON.stringify(one(id)) });
    const { accepted } = await ingest(request, { delivery: "queued" }, { ...ingestDeps(inbox.env, "key:0"), wait });
    return accepted;
  };
  const [quick, slow] = [inboxOf(0), inboxOf(backlogMessagesSlow * 4)];
  expect([await parkBy(quick, "quick"), waits]).toEqual([1, []]);
  const answers: number[] = [];
  const slowed = parkBy(slow, "slow").then((accepted) => answers.push(accepted));
  await vi.waitFor(() => expect(waits).toEqual([parkDelayMsMax]));
  // What it sent is parked; it has no answer, and so sends nothing more, until the wait is over.
  expect([slow.sent.length, answers]).toEqual([1, []]);
  released.resolve();
  await slowed;
  expect(answers).toEqual([1]);
});

it("refuses with Retry-After and parks nothing when the inbox is full", async () => {
  const full = inboxOf(backlogMessagesMax);
  const response = await parkOne(full, "refused");
  expect([response.status, response.headers.get("retry-after")]).toEqual([503, "30"]);
  expect(await response.json()).toMatchObject({ success: false, error: { code: "CAPACITY_EXCEEDED" } });
  expect(full.sent).toEqual([]);
});

it("asks a key that posts more events a second than it may to come back, and names the limit; another key goes on", async () => {
  const now = Date.now();
  vi.spyOn(Date, "now").mockReturnValue(now);
  const batch = JSON.stringify(Array.from({ length: 1_000 }, (_, n) => one(`quota-${n}`)));
  const postAs = async (key: string): Promise<Response> =>
    await exports.default.fetch("https://edge.test/api/events", {
      method: "POST",
      headers: { "content-type": "application/json", "x-api-key": key },
      body: batch,
    });
  let response = await postAs("test-ingest-key-1");
  for (let n = 0; n < 30 && response.status === 202; n += 1) response = await postAs("test-ingest-key-1");
  expect([response.status, response.headers.get("retry-after")]).toEqual([429, "1"]);
  expect(await response.json()).toMatchObject({ error: { code: "RATE_LIMIT_EXCEEDED", details: { limit: "events_per_second" } } });
  expect((await postAs("test-ingest-key-2")).status).toBe(202);
});

it("counts the events of each webhook secret apart, and apart from those of a key", async () => {
  const now = Date.now();
  vi.spyOn(Date, "now").mockReturnValue(now);
  const secrets = ["first", "other"].map((name) => `a ${name} secret of at least twenty-four bytes`);
  const batch = JSON.stringify(Array.from({ length: 1_000 }, (_, n) => one(`signed-${n}`)));
  const postBy = async (headers: Record<string, string>): Promise<number> => {
    const request = { method: "POST", headers: { "content-type": "application/json", ...headers }, body: batch };
    return (await app.request("/api/events", request, { ...env, WEBHOOK_SECRET: secrets.join(",") })).status;
  };
  const signedBy = (place: number): Promise<number> => {
    const timestamp = String(Math.floor(now / 1_000));
    const hex = createHmac("sha256", secrets[place] ?? "")
      .update(`${timestamp}.${batch}`)
      .digest("hex");
    return postBy({ "x-arbitragex-timestamp": timestamp, "x-arbitragex-signature": `sha256=${hex}` });
  };
  let status = await signedBy(0);
  for (let n = 0; n < 30 && status === 202; n += 1) status = await signedBy(0);
  expect(status).toBe(429);
  expect([await signedBy(1), await postBy({ "x-api-key": "test-ingest-key-2" })]).toEqual([202, 202]);
});
