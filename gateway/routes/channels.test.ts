import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { channelStub } from "../../durable-objects/stubs.ts";
import type { EdgeEvent } from "../../schemas/event.ts";
import type { SettledReply } from "../../schemas/rpc.ts";
import { toPublication } from "../../schemas/version.ts";
import { readSnapshot } from "../../stores/entities.ts";
import { findHotTable } from "../../stores/hot-cache-tables.ts";
import { upsertNewest } from "../../stores/hot-cache.ts";
import { setFaults } from "../../tests/support/faults.ts";
import { execution, opportunity, placed } from "../../tests/support/placed.ts";
import { client, signToken } from "../../tests/support/reading.ts";
import { channelRoutes } from "./channels.ts";
import type { ChannelDeps } from "./channels.ts";

let admin = "";
let untouched = 0;

const platform: ChannelDeps = { clock: Date.now, channel: channelStub, snapshot: readSnapshot };

function asking(overrides: Partial<ChannelDeps> = {}) {
  const ask = client(channelRoutes({ ...platform, ...overrides }));
  return (path: string) => ask(`/api/channels/${path}`, { token: admin });
}

const never = (): Promise<never> => new Promise(() => undefined);

beforeEach(async () => {
  admin = await signToken({ role: "admin" });
  untouched = 0;
});
afterEach(() => setFaults({}));

async function publish(stream: string, events: readonly EdgeEvent[]): Promise<string> {
  const reply = await channelStub(env, stream).publish({ v: 1, stream, lane: "live", events: events.map((event) => toPublication(event)) });
  if (reply.kind !== "ok") throw new Error(reply.kind);
  return reply.epoch;
}

async function store(events: readonly { event: EdgeEvent; offset: number; epoch: string }[]): Promise<void> {
  const table = findHotTable("opportunities");
  if (table === undefined) throw new Error("no table");
  const states = events.map(({ event, offset, epoch }) => placed(event, offset, epoch));
  await upsertNewest(env.OPPORTUNITIES_DB, { table, placed: states, now: Date.now() });
}

describe("a channel", () => {
  const counting = { channel: () => ((untouched += 1), { history: never, settled: never, latest: never, presence: never }) };

  it.each([
    ["nothing/history", 404, "NOT_FOUND"],
    ["nothing/snapshot", 404, "NOT_FOUND"],
    ["market:base/history", 404, "NOT_FOUND"],
    ["opportunities:base:x/snapshot", 404, "NOT_FOUND"],
    ["alerts/snapshot", 404, "NOT_FOUND"],
    ["opportunities/history?since=5", 400, "INVALID_PARAMETERS"],
    ["opportunities/history?since=-1", 400, "INVALID_PARAMETERS"],
    ["opportunities/history?limit=1001", 400, "INVALID_PARAMETERS"],
    ["opportunities/history?reverse=yes", 400, "INVALID_PARAMETERS"],
    ["opportunities/history?reverse=true&since=5", 400, "INVALID_PARAMETERS"],
    ["opportunities/history?until=5", 400, "INVALID_PARAMETERS"],
    ["opportunities/snapshot?limit=501", 400, "INVALID_PARAMETERS"],
    ["opportunities/snapshot?cursor=x", 400, "INVALID_PARAMETERS"],
  ])("asked for %s answers %i without touching an object", async (path, status, code) => {
    const { body, ...answer } = await asking(counting)(path);
    expect([answer.status, body.error?.code, untouched]).toEqual([status, code, 0]);
  });

  it.each<[number, string, Record<string, unknown> | undefined]>([
    [401, "executions/history", undefined],
    [401, "executions/snapshot", undefined],
    [401, "opportunities/presence", undefined],
    [403, "opportunities/presence", { channels: { opportunities: ["subscribe", "history"] } }],
    [403, "executions/history", { channels: { executions: ["subscribe"] } }],
    [403, "executions/snapshot", { channels: { executions: ["history"] } }],
    [403, "executions/snapshot", { channels: { "executions:base": ["subscribe"] } }],
  ])("answers %i for %s to %o without touching an object", async (status, path, claims) => {
    const token = claims === undefined ? undefined : await signToken(claims);
    const answer = await client(channelRoutes({ ...platform, ...counting }))(`/api/channels/${path}`, { token });
    expect([answer.status, untouched]).toEqual([status, 0]);
  });

  it("that fails is UPSTREAM_UNAVAILABLE, with nothing of the error", async () => {
    const failing = () => Promise.reject(new Error("secret"));
    const { status, body, text } = await asking({
      channel: () => ({ history: failing, settled: failing, latest: failing, presence: failing }),
    })("opportunities/history");
    expect([status, body.error?.code, text.includes("secret")]).toEqual([503, "UPSTREAM_UNAVAILABLE", false]);
  });
});

interface HistoryData {
  readonly epoch: string;
  readonly top: number;
  readonly through: number;
  readonly events: readonly {
    readonly epoch: string;
    readonly offset: number;
    readonly stale?: true;
    readonly event: { readonly id: string };
  }[];
}

describe("history", () => {
  let epoch = "";
  const at = Date.now();
  const made = [
    execution("a", { timeMs: at }),
    execution("b", { timeMs: at, data: { chain: "base" } }),
    execution("a", { timeMs: at - 1_000, id: "older" }),
    execution("c", { timeMs: at }),
    execution("d", { timeMs: at, data: { chain: "base" } }),
  ];
  const read = async (query: string): Promise<HistoryData> => (await asking()(query)).body.data as HistoryData;

  beforeAll(async () => {
    epoch = await publish("executions", made);
  });

  it.each([
    ["of another epoch", "since=1&epoch=none", "foreign"],
    ["from the future", "since=6&epoch=EPOCH", "future"],
  ])("of a position %s is CONFLICT and says where the log stands", async (_, query, reason) => {
    const { status, body } = await asking()(`executions/history?${query.replace("EPOCH", epoch)}`);
    expect([status, body.error?.code, body.error?.details]).toEqual([
      409,
      "CONFLICT",
      { recovered: false, reason, epoch, top: 5, first: 1 },
    ]);
  });

  it("gives whole events with their positions, marks stale ones, and pages to the top without repeat or gap", async () => {
    const first = await read("executions/history?limit=3");
    const second = await read(`executions/history?limit=3&since=${first.through}&epoch=${epoch}`);
    const all = [...first.events, ...second.events];
    expect(all.map(({ offset }) => offset)).toEqual([1, 2, 3, 4, 5]);
    expect(all.map(({ event }) => event.id)).toEqual(made.map(({ id }) => id));
    expect(all.filter(({ stale }) => stale).map(({ offset }) => offset)).toEqual([3]);
    expect([second.through, second.top, second.epoch]).toEqual([5, 5, epoch]);
  });

  it("backwards pages from the newest event to the oldest without repeat or gap, in a view too", async () => {
    const offsets: number[] = [];
    let query = "";
    for (let hasNext = true, pages = 0; hasNext && pages < 9; pages += 1) {
      const { body } = await asking()(`executions/history?reverse=true&limit=2${query}`);
      const { events, through } = body.data as HistoryData;
      offsets.push(...events.map(({ offset }) => offset));
      hasNext = body.pagination?.has_next === true;
      query = `&since=${through}&epoch=${epoch}`;
    }
    expect(offsets).toEqual([5, 4, 3, 2, 1]);
    const view = await read("executions:base/history?reverse=true");
    expect([view.events.map(({ offset }) => offset), view.through]).toEqual([[5, 2], 1]);
    expect((await asking()("executions/history?reverse=true&since=3&epoch=none")).status).toBe(409);
  });

  it("of a view has its chain's events at the stream's positions", async () => {
    const { events, through } = await read("executions:base/history");
    expect([events.map(({ offset }) => offset), through]).toEqual([[2, 5], 5]);
  });

  it("of a channel that never had an event is empty and names its epoch", async () => {
    const { body } = await asking()("alerts/history");
    expect(body).toMatchObject({ data: { epoch: expect.any(String), top: 0, through: 0, events: [] }, pagination: { has_next: false } });
  });
});

interface SnapshotData {
  readonly epoch: string;
  readonly offset: number;
  readonly items: readonly { readonly opportunity_id: string; readonly offset: number }[];
  readonly incomplete?: unknown;
}

describe("a snapshot", () => {
  const settled = (overrides: Partial<SettledReply> = {}): Pick<ChannelDeps, "channel"> => {
    const reply: SettledReply = { v: 1, epoch: "e2", offset: 50, top: 90, first: 1, incomplete: [], ...overrides };
    return { channel: () => ({ history: never, settled: async () => reply, latest: never, presence: never }) };
  };
  const dataOf = (body: { readonly data?: unknown }): SnapshotData => body.data as SnapshotData;
  const idsOf = (data: SnapshotData): unknown[] => data.items.map((item) => [item.opportunity_id, item.offset]);

  beforeEach(async () => {
    await env.OPPORTUNITIES_DB.exec("DELETE FROM opportunities");
  });

  it("while D1 is held back stands at what D1 has applied, not at the top", async () => {
    // Nothing reaches the hot cache by itself: this test applies two of five.
    setFaults({ queue: (sink, send) => (sink === "hot-cache" ? Promise.reject(new Error("held back")) : send()) });
    const events = ["a", "b", "c", "d", "e"].map((id) => opportunity(id, { timeMs: Date.now() }));
    const epoch = await publish("opportunities", events);
    await store(events.slice(0, 2).map((event, index) => ({ event, offset: index + 1, epoch })));
    await channelStub(env, "opportunities").applied({ v: 1, stream: "opportunities", epoch, ranges: [[1, 2]] });
    const data = dataOf((await asking()("opportunities/snapshot")).body);
    expect([data.epoch, data.offset, idsOf(data)]).toEqual([
      epoch,
      2,
      [
        ["a", 1],
        ["b", 2],
      ],
    ]);
  });

  it("asks for the position before it reads the items", async () => {
    const order: string[] = [];
    const slow = {
      channel: () => ({
        history: never,
        latest: never,
        presence: never,
        settled: async () => (order.push("settled"), settled().channel(env, "").settled({ v: 1, stream: "" })),
      }),
      snapshot: (...query: Parameters<ChannelDeps["snapshot"]>) => (order.push("items"), readSnapshot(...query)),
    };
    await asking(slow)("opportunities/snapshot");
    expect(order).toEqual(["settled", "items"]);
  });

  it("whose position the log no longer reaches is CAPACITY_EXCEEDED with Retry-After", async () => {
    const { status, body, headers } = await asking(settled({ first: 52 }))("opportunities/snapshot");
    expect([status, body.error?.code, headers.get("retry-after")]).toEqual([503, "CAPACITY_EXCEEDED", "5"]);
  });

  it("lists what is dead-lettered below its position", async () => {
    expect(
      dataOf(
        (
          await asking(
            settled({
              incomplete: [
                [7, 8],
                [60, 61],
              ],
            }),
          )("opportunities/snapshot")
        ).body,
      ).incomplete,
    ).toEqual([[7, 8]]);
  });

  it("leaves out what is expired, and of a view all other chains", async () => {
    const timeMs = Date.now();
    const states = [
      opportunity("past", { timeMs, data: { expiry_time: new Date(timeMs - 1).toISOString() } }),
      opportunity("expired", { timeMs, data: { execution_status: "expired" } }),
      opportunity("executing", { timeMs, data: { execution_status: "executing" } }),
      opportunity("elsewhere", { timeMs, data: { chain: "base" } }),
      opportunity("pending", { timeMs }),
    ];
    await store(states.map((event, index) => ({ event, offset: index + 1, epoch: index < 3 ? "e1" : "e2" })));
    const whole = dataOf((await asking(settled())("opportunities/snapshot")).body);
    // Written in an earlier epoch: offset 0.
    expect(idsOf(whole)).toEqual([
      ["elsewhere", 4],
      ["executing", 0],
      ["pending", 5],
    ]);
    expect(idsOf(dataOf((await asking(settled())("opportunities:base/snapshot")).body))).toEqual([["elsewhere", 4]]);
  });

  it("keeps its first page's position through all pages, each entity once, though the stream goes on", async () => {
    const ids = Array.from({ length: 7 }, (_, index) => `o${index}`);
    await store(ids.map((id, index) => ({ event: opportunity(id, { timeMs: Date.now() }), offset: index + 1, epoch: "e2" })));
    const seen: unknown[] = [];
    let query = "opportunities/snapshot?limit=3";
    for (const offset of [50, 70, 80]) {
      const { body } = await asking(settled({ offset }))(query);
      seen.push([dataOf(body).offset, ...dataOf(body).items.map((item) => item.opportunity_id)]);
      query = `opportunities/snapshot?limit=3&cursor=${body.pagination?.cursor}`;
    }
    expect(seen).toEqual([
      [50, "o0", "o1", "o2"],
      [50, "o3", "o4", "o5"],
      [50, "o6"],
    ]);
  });

  it.each([
    ["once the log no longer reaches it is CAPACITY_EXCEEDED", "opportunities", { first: 60 }, 503],
    ["once the stream has begun another epoch is CONFLICT", "opportunities", { epoch: "e3", offset: 1, top: 1 }, 409],
    ["handed to another channel is INVALID_PARAMETERS", "opportunities:base", {}, 400],
  ])("a cursor %s", async (...[, channel, later, status]) => {
    await store(["a", "b"].map((id, index) => ({ event: opportunity(id, { timeMs: Date.now() }), offset: index + 1, epoch: "e2" })));
    const { body } = await asking(settled())("opportunities/snapshot?limit=1");
    expect((await asking(settled(later))(`${channel}/snapshot?limit=1&cursor=${body.pagination?.cursor}`)).status).toBe(status);
  });
});
