/** What a channel does with the frames of an edge, sequence by sequence. The decisions alone are tracker.test.ts's. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Client } from "./connect.ts";
import { event, FakeSocket, fakeClient, nextSocket } from "../testing/fake-edge.ts";

let client: Client | undefined;
beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  client?.close();
  vi.useRealTimers();
});

interface Answer {
  readonly status?: number;
  readonly body: unknown;
  readonly headers?: Record<string, string>;
}

const page = (offset: number, items: object[] = [], over: object = {}): Answer => ({
  body: {
    success: true,
    data: { channel: "opportunities", epoch: "e1", offset, items, ...over },
    pagination: { limit: 500, has_next: false },
  },
});
const down: Answer = { status: 503, body: { success: false, error: { code: "UPSTREAM_UNAVAILABLE", message: "the hot cache is down" } } };

/** Answers in turn; the last one stays. */
function answering(...answers: readonly Answer[]) {
  const asked: { url: string; authorization: string | undefined }[] = [];
  const fetch = (async (url: string, { headers }: { headers: Record<string, string> }) => {
    const answer = answers[Math.min(asked.length, answers.length - 1)] ?? down;
    asked.push({ url, authorization: headers["authorization"] });
    return new Response(JSON.stringify(answer.body), { status: answer.status ?? 200, headers: answer.headers ?? {} });
  }) as unknown as typeof globalThis.fetch;
  return { fetch, asked };
}

async function subscribed(options: Parameters<typeof fakeClient>[0] = {}, channelOptions: Parameters<Client["channel"]>[1] = {}) {
  client = fakeClient(options);
  const channel = client.channel("opportunities", channelOptions);
  const told: unknown[] = [];
  channel.on("event", ({ offset }) => told.push(offset));
  channel.on("subscribed", ({ recovered, complete }) =>
    told.push(`${recovered ? "recovered" : "subscribed"}${complete ? "" : ", incomplete"}`),
  );
  channel.on("lost", ({ from, to }) => told.push(`lost ${from?.offset}–${to.offset}`));
  channel.on("snapshot", ({ offset, items }) => told.push(`snapshot ${offset} of ${items.length}`));
  channel.on("error", ({ code }) => told.push(code));
  channel.on("ended", ({ code }) => told.push(`ended ${code}`));
  const socket = await nextSocket();
  return { channel, told, socket };
}

describe("a hole", () => {
  it("is asked about once, from the last position, and what was missed arrives once", async () => {
    const { told, socket } = await subscribed();
    socket.subscribes({ offset: 10 });
    socket.says(event(11), event(14), event(15), { type: "position", channel: "opportunities", offset: 15 });
    expect(socket.sentOf("subscribe")).toMatchObject([{ channel: "opportunities" }, { epoch: "e1", offset: 11 }]);
    socket.subscribes({ offset: 11, recovered: true });
    socket.says({ type: "batch", frames: [event(12), event(13), event(14), event(15)] }, event(16));
    expect(told).toEqual(["subscribed", 11, "recovered", 12, 13, 14, 15, 16]);
  });

  it("that never heals is asked about more and more slowly: the edge's allowance of messages outlasts it", async () => {
    const { socket } = await subscribed();
    socket.subscribes({ offset: 10 });
    for (let ms = 0; ms < 120_000; ms += 100) {
      socket.says(event(99));
      if (socket.sentOf("subscribe").at(-1)?.["offset"] !== undefined) socket.subscribes({ offset: 10, recovered: true });
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(socket.sentOf("subscribe").length).toBeLessThan(20);
  });
});

describe("after a cut", () => {
  it("subscribes from where it stood", async () => {
    const { socket, told, channel } = await subscribed({}, { filters: { chain: "base" } });
    socket.subscribes({ offset: 10 });
    socket.says(event(11));
    socket.closes(1006);
    expect(channel.phase).toBe("idle");
    const next = await nextSocket(1_000);
    expect(next.sentOf("subscribe")).toMatchObject([{ filters: { chain: "base" }, epoch: "e1", offset: 11 }]);
    next.subscribes({ offset: 11, recovered: true });
    next.says(event(12));
    expect(told).toEqual(["subscribed", 11, "recovered", 12]);
    expect(channel.position).toEqual({ epoch: "e1", offset: 12 });
  });

  it("goes on from a position that the application kept over its own restart", async () => {
    const { socket } = await subscribed({}, { from: { epoch: "e1", offset: 7 } });
    expect(socket.sentOf("subscribe")).toMatchObject([{ epoch: "e1", offset: 7 }]);
  });
});

describe("unsubscribed by the edge", () => {
  it.each([
    [2500, "subscribes again from its position", 2],
    [2003, "is over", 1],
  ])("with %i it %s", async (code, _what, subscribes) => {
    const { socket, told } = await subscribed();
    socket.subscribes({ offset: 10 });
    socket.says({ type: "unsubscribed", channel: "opportunities", code, reason: "because" });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(
      socket
        .sentOf("subscribe")
        .filter(({ offset }) => offset === 10 || offset === undefined)
        .slice(0, 2),
    ).toHaveLength(subscribes);
    expect(told.includes("ended UNSUBSCRIBED")).toBe(subscribes === 1);
  });
});

describe("a subscribe that is refused", () => {
  it("is over when the refusal is for good, and asked again by reconnect()", async () => {
    const { socket, told } = await subscribed();
    const id = socket.sentOf("subscribe")[0]?.["id"];
    socket.says({ type: "error", code: "FORBIDDEN", message: "no", id: 999 }, { type: "error", code: "FORBIDDEN", message: "no", id });
    expect(told).toEqual(["FORBIDDEN", "ended FORBIDDEN"]);
    client?.reconnect();
    expect((await nextSocket()).sentOf("subscribe")).toHaveLength(1);
  });

  it("or never answered is tried again when it may pass", async () => {
    const { socket, told } = await subscribed();
    const id = socket.sentOf("subscribe")[0]?.["id"];
    socket.says({ type: "error", code: "UPSTREAM_UNAVAILABLE", message: "the hub is out of reach", id });
    expect(socket.sentOf("subscribe")).toHaveLength(2);
    for (let ms = 0; ms < 22_000; ms += 1_000) {
      socket.says({ type: "pong" });
      await vi.advanceTimersByTimeAsync(1_000);
    }
    expect(socket.sentOf("subscribe").length).toBeGreaterThan(2);
    expect(told).toEqual([]);
  });
});

describe("recovered:false", () => {
  const lose = async (...answers: readonly Answer[]) => {
    const { fetch, asked } = answering(...answers);
    const own = await subscribed({ fetch, token: async () => "jwt" });
    own.socket.subscribes({ offset: 10 });
    own.socket.says(event(11));
    own.socket.closes(1006);
    const socket = await nextSocket(1_000);
    socket.subscribes({ offset: 90 });
    return { ...own, socket, asked };
  };

  it("is said, and answered with the snapshot and every event after it: what came meanwhile is not shown before", async () => {
    const { socket, told, asked } = await lose(page(80, [{ opportunity_id: "a", offset: 85 }]));
    socket.says(event(91));
    await vi.advanceTimersByTimeAsync(800);
    expect(asked).toEqual([{ url: "https://edge.test/api/channels/opportunities/snapshot?limit=500", authorization: "Bearer jwt" }]);
    expect(socket.sentOf("subscribe").at(-1)).toMatchObject({ epoch: "e1", offset: 80 });
    socket.subscribes({ offset: 80, recovered: true });
    socket.says(event(81), event(91, { prev: 81 }));
    expect(told).toEqual(["subscribed", 11, "lost 11–90", "snapshot 80 of 1", "recovered", 81, 91]);
  });

  it("shows of the snapshot what the channel's filters let through", async () => {
    const { fetch } = answering(
      page(80, [
        { chain: "base", offset: 1 },
        { chain: "bsc", offset: 2 },
      ]),
    );
    const { socket, told } = await subscribed({ fetch }, { from: { epoch: "e0", offset: 4 }, filters: { chain: "base" } });
    socket.subscribes({ offset: 90 });
    await vi.advanceTimersByTimeAsync(800);
    expect(told).toEqual(["lost 4–90", "snapshot 80 of 1"]);
  });

  it("closed by the listener that hears of the loss, reads nothing", async () => {
    const { fetch, asked } = answering(page(80));
    const { channel, socket } = await subscribed({ fetch }, { from: { epoch: "e0", offset: 4 } });
    channel.on("lost", () => client?.close());
    socket.subscribes({ offset: 90 });
    await vi.advanceTimersByTimeAsync(5_000);
    expect([asked.length, vi.getTimerCount()]).toEqual([0, 0]);
  });

  it("closed while it waits for a snapshot, leaves nothing behind", async () => {
    const { told } = await lose({ ...down, headers: { "retry-after": "30" } });
    await vi.advanceTimersByTimeAsync(810);
    client?.close();
    expect(vi.getTimerCount()).toBe(0);
    expect(told.at(-1)).toBe("lost 11–90");
  });

  it("reads every page of the snapshot", async () => {
    const first: Answer = {
      body: { success: true, data: { epoch: "e1", offset: 80, items: [{ offset: 1 }] }, pagination: { has_next: true, cursor: "next" } },
    };
    const { told, asked } = await lose(first, page(80, [{ offset: 2 }]));
    await vi.advanceTimersByTimeAsync(810);
    expect(asked.map(({ url }) => url.split("?")[1])).toEqual(["limit=500", "limit=500&cursor=next"]);
    expect(told.at(-1)).toBe("snapshot 80 of 2");
  });

  it("waits a little, so that a herd does not ask in one instant, and for a snapshot that is behind or out of reach, and takes the first good one", async () => {
    const { told, asked } = await lose({ ...down, headers: { "retry-after": "2" } }, page(9), page(80));
    await vi.advanceTimersByTimeAsync(790);
    expect(asked).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(asked).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(asked).toHaveLength(3);
    expect(told.slice(-2)).toEqual(["lost 11–90", "snapshot 80 of 0"]);
  });

  it("does not hold the live stream back for a snapshot that can't be had", async () => {
    const { socket, told } = await lose(down);
    await vi.advanceTimersByTimeAsync(15_000);
    expect(socket.sentOf("subscribe").at(-1)).toMatchObject({ epoch: "e1", offset: 90 });
    socket.subscribes({ offset: 90, recovered: true });
    socket.says(event(91));
    expect(told).toEqual(["subscribed", 11, "lost 11–90", "UPSTREAM_UNAVAILABLE", "recovered, incomplete", 91]);
  });

  it("gives up on snapshots that lead to no recovery", async () => {
    const { socket, told, asked } = await lose(page(80));
    for (let round = 0; round < 10; round++) {
      await vi.advanceTimersByTimeAsync(1_000);
      if (socket.sentOf("subscribe").length > round + 1) socket.subscribes({ offset: 95 });
    }
    socket.says(event(96));
    expect(asked.length).toBe(3);
    expect(told.at(-1)).toBe(96);
  });
});

describe("sharing", () => {
  it("puts equal subscriptions on one, different ones on a second socket, and no more than four", async () => {
    client = fakeClient();
    const first = client.channel("opportunities");
    const second = client.channel("opportunities");
    client.channel("market");
    const seen: string[] = [];
    first.on("event", () => seen.push("first"));
    second.on("event", () => seen.push("second"));
    const socket = await nextSocket();
    socket.subscribes({ offset: 1, channel: "opportunities", id: socket.sentOf("subscribe")[0]?.["id"] });
    socket.says(event(2));
    first.close();
    socket.says(event(3));
    expect(seen).toEqual(["first", "second", "second"]);
    client.channel("opportunities", { filters: { chain: "base" } });
    client.channel("opportunities", { filters: { chain: "bsc" } });
    client.channel("opportunities", { filters: { chain: "polygon" } });
    await vi.advanceTimersByTimeAsync(100);
    expect(FakeSocket.made).toHaveLength(4);
    expect(() => client?.channel("opportunities", { filters: { chain: "fantom" } })).toThrow(/already open 4 times/);
    expect(() => client?.channel("opportunities", { filters: { chain: "fantom" } })).toThrow(/already open 4 times/);
  });

  it("unsubscribes a moment after the last handle is closed, and closes a socket without channels", async () => {
    const { channel, socket } = await subscribed();
    socket.subscribes({ offset: 1 });
    channel.close();
    channel.close();
    const again = client?.channel("opportunities");
    await vi.advanceTimersByTimeAsync(5_000);
    expect(socket.sentOf("unsubscribe")).toEqual([]);
    again?.close();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(socket.sentOf("unsubscribe")).toMatchObject([{ channel: "opportunities" }]);
    expect(socket.readyState).toBe(3);
    expect(vi.getTimerCount()).toBe(0);
  });
});

it("a listener that throws disturbs neither its neighbours nor the position", async () => {
  const { channel, told, socket } = await subscribed();
  const thrown: unknown[] = [];
  const catcher = (error: unknown): void => void thrown.push(error);
  process.once("uncaughtException", catcher);
  socket.subscribes({ offset: 1 });
  const off = channel.on("event", () => {
    throw new Error("the application's own fault");
  });
  socket.says(event(2));
  off();
  socket.says(event(3));
  await vi.advanceTimersByTimeAsync(1);
  expect(told).toEqual(["subscribed", 2, 3]);
  expect(channel.position?.offset).toBe(3);
  process.removeListener("uncaughtException", catcher);
  expect(thrown).toHaveLength(1);
});

it.each(["", "edge.test", "ftp://edge.test"])("refuses %j as an address", (url) => {
  expect(() => fakeClient({ url })).toThrow(/edge's address/);
});
