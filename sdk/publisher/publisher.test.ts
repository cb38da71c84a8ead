/** The publisher against an edge that answers as it is told. */
import { afterEach, describe, expect, it, vi } from "vitest";
import type { PublishEvent } from "./event.ts";
import { createPublisher, type PublisherOptions } from "./publisher.ts";

const alert: PublishEvent = {
  type: "system.alert",
  data: { level: "info", message: "hello", timestamp: "2026-11-24T02:00:00Z" },
};
const named = (id: string): PublishEvent => ({ ...alert, id });

type Reply = { readonly status: number; readonly body?: unknown; readonly headers?: Record<string, string> } | "cut" | "silence";
type Sent = readonly { readonly id: string; readonly source: string; readonly time: string }[];

const took = (rejected: unknown[] = []): Reply => ({
  status: 202,
  body: { success: true, data: { accepted: 1, duplicates: 0, rejected } },
});

/** Answers request n with `reply(n)`; `release` is awaited first. */
function edge(reply: (count: number) => Reply, release: Promise<void> = Promise.resolve()) {
  const bodies: string[] = [];
  const requests: { url: string; headers: Headers }[] = [];
  const fetch = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    bodies.push(String(init?.body));
    requests.push({ url: String(input), headers: new Headers(init?.headers) });
    const answer = reply(bodies.length);
    await release;
    init?.signal?.throwIfAborted();
    if (answer === "cut") throw new TypeError("fetch failed");
    if (answer === "silence") {
      return await new Promise((_, reject) => init?.signal?.addEventListener("abort", () => reject(new Error("aborted"))));
    }
    return new Response(JSON.stringify(answer.body ?? {}), { status: answer.status, ...(answer.headers && { headers: answer.headers }) });
  };
  const batches = (): Sent[] => bodies.map((body) => JSON.parse(body) as Sent);
  return { fetch, bodies, requests, batches, ids: () => batches().map((batch) => batch.map(({ id }) => id)) };
}

function publisherOn(fetch: typeof globalThis.fetch, over: Partial<PublisherOptions> = {}) {
  return createPublisher({ url: "https://edge.test", key: "key-1", source: "contabo/test", lingerMs: 0, random: () => 0, fetch, ...over });
}

afterEach(() => vi.useRealTimers());

describe("what cannot arrive", () => {
  it("fails at once when the key is refused, with the edge's own words", async () => {
    const { fetch, bodies } = edge(() => ({ status: 401, body: { error: { code: "UNAUTHORIZED", message: "the key is not known" } } }));
    expect(await publisherOn(fetch).publish(named("a"))).toEqual({
      kind: "failed",
      id: "a",
      code: "UNAUTHORIZED",
      message: "the key is not known",
    });
    expect(bodies).toHaveLength(1);
  });

  it("fails after the time it was given, and goes on with the next", async () => {
    const { fetch } = edge((count) => (count <= 2 ? { status: 503, headers: { "retry-after": "60" } } : took()));
    const publisher = publisherOn(fetch, { giveUpAfterMs: 1_000 });
    expect(await publisher.publish(named("a"))).toMatchObject({ kind: "failed", id: "a", code: "HTTP_503" });
    expect(await publisher.publish(named("b"))).toMatchObject({ kind: "failed" });
    expect(await publisher.publish(named("c"))).toEqual({ kind: "durable", id: "c" });
  });

  it("refuses an event that the edge would not take without sending it", async () => {
    const { fetch, bodies } = edge(() => took());
    const large: PublishEvent = { ...alert, id: "large", data: { ...alert.data, note: "é".repeat(30_000) } } as PublishEvent;
    expect(await publisherOn(fetch).publish(large)).toMatchObject({ kind: "rejected", code: "PAYLOAD_TOO_LARGE" });
    expect(bodies).toEqual([]);
  });

  it("throws for data that JSON cannot hold, and holds nothing of it", async () => {
    const publisher = publisherOn(edge(() => took()).fetch);
    await expect(publisher.publish({ ...alert, data: { ...alert.data, amount: 1n } } as PublishEvent)).rejects.toThrow(TypeError);
    expect(publisher.pending).toBe(0);
  });

  it("tells the rejected event's path and spares its neighbours", async () => {
    const { fetch } = edge(() => took([{ index: 1, code: "INVALID_PARAMETERS", message: "bad", path: "time" }]));
    const publisher = publisherOn(fetch);
    expect(await Promise.all(["a", "b"].map((id) => publisher.publish(named(id))))).toEqual([
      { kind: "durable", id: "a" },
      { kind: "rejected", id: "b", code: "INVALID_PARAMETERS", message: "bad", path: "time" },
    ]);
  });
});

describe("retries", () => {
  it("sends the very same bytes until the edge has answered", async () => {
    const replies: Reply[] = ["cut", { status: 503 }, { status: 429 }, { status: 202 }, took()];
    const { fetch, bodies } = edge((count) => replies[count - 1] ?? took());
    const seen: number[] = [];
    const publisher = publisherOn(fetch, { onBatch: ({ attempts }) => seen.push(attempts) });
    expect((await publisher.publish(alert)).kind).toBe("durable");
    expect([new Set(bodies).size, bodies.length, seen]).toEqual([1, 5, [5]]);
  });

  it("waits as long as Retry-After asks", async () => {
    vi.useFakeTimers();
    const { fetch, bodies } = edge((count) => (count === 1 ? { status: 503, headers: { "retry-after": "7" } } : took()));
    const result = publisherOn(fetch).publish(named("a"));
    await vi.advanceTimersByTimeAsync(6_900);
    expect(bodies).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(200);
    expect([await result, bodies.length]).toEqual([{ kind: "durable", id: "a" }, 2]);
  });

  it("gives an attempt up that nobody answers, and tries again", async () => {
    vi.useFakeTimers();
    const { fetch, bodies } = edge((count) => (count === 1 ? "silence" : took()));
    const result = publisherOn(fetch, { attemptTimeoutMs: 15_000 }).publish(named("a"));
    await vi.advanceTimersByTimeAsync(15_100);
    expect([await result, bodies.length]).toEqual([{ kind: "durable", id: "a" }, 2]);
  });
});

describe("batches", () => {
  it("gives each event an id, the source and the time of its publish, and the key once", async () => {
    const { fetch, batches, requests } = edge(() => took());
    const publisher = publisherOn(fetch, { delivery: "queued" });
    await Promise.all([publisher.publish(alert), publisher.publish(alert)]);
    const [batch = []] = batches();
    expect(new Set(batch.map(({ id }) => id)).size).toBe(2);
    expect(batch[0]).toMatchObject({ id: expect.stringMatching(/^[0-9A-Z]{26}$/), source: "contabo/test", specversion: "1.0" });
    expect(Math.abs(Date.parse(batch[0]?.time ?? "") - Date.now())).toBeLessThan(60_000);
    expect(requests[0]?.url).toBe("https://edge.test/api/events?delivery=queued");
    expect(requests[0]?.headers.get("authorization")).toBe("Bearer key-1");
  });

  it("keeps one batch in flight, in order, and packs what came meanwhile", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { fetch, ids } = edge(() => took(), promise);
    const publisher = publisherOn(fetch, { batchEventsMax: 3 });
    const first = publisher.publish(named("1"));
    await vi.waitUntil(() => ids().length === 1);
    const rest = Array.from({ length: 5 }, (_, index) => publisher.publish(named(String(index + 2))));
    resolve();
    await Promise.all([first, ...rest]);
    expect(ids()).toEqual([["1"], ["2", "3", "4"], ["5", "6"]]);
  });

  it("refuses beyond its bound, and has room again once the edge has answered", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const publisher = publisherOn(edge(() => took(), promise).fetch, { bufferEventsMax: 2 });
    const held = [publisher.publish(named("a")), publisher.publish(named("b"))];
    await expect(publisher.publish(named("c"))).rejects.toMatchObject({ code: "BUFFER_FULL" });
    const room = publisher.ready();
    resolve();
    await room;
    expect(publisher.pending).toBeLessThan(2);
    expect((await publisher.publish(named("c"))).kind).toBe("durable");
    await Promise.all(held);
  });
});

describe("the end", () => {
  it("sends what lingers before it closes, and takes nothing more", async () => {
    const { fetch, ids } = edge(() => took());
    const publisher = publisherOn(fetch, { lingerMs: 60_000 });
    const result = publisher.publish(named("a"));
    await publisher.close();
    expect([await result, ids(), publisher.pending]).toEqual([{ kind: "durable", id: "a" }, [["a"]], 0]);
    await expect(publisher.publish(named("b"))).rejects.toMatchObject({ code: "CLOSED" });
  });

  it("says which events had no answer when its time was up", async () => {
    const { fetch } = edge(() => "silence");
    const publisher = publisherOn(fetch, { batchEventsMax: 1 });
    const results = [publisher.publish(named("a")), publisher.publish(named("b"))];
    await publisher.close(10);
    expect(await Promise.all(results)).toMatchObject([
      { kind: "failed", id: "a", code: "CLOSED" },
      { kind: "failed", id: "b", code: "CLOSED" },
    ]);
  });
});
