/** How a client keeps its connection: when it connects again, with which token, and when it gives a peer up. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Client } from "./connect.ts";
import { FakeSocket, fakeClient, lastSocket, nextSocket } from "../testing/fake-edge.ts";

let client: Client | undefined;
beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  client?.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** A client with one channel, so that it connects. */
function connected(options: Parameters<typeof fakeClient>[0] = {}) {
  client = fakeClient(options);
  const errors: string[] = [];
  const statuses: string[] = [];
  client.on("error", ({ code }) => errors.push(code));
  client.on("status", (status) => statuses.push(status));
  client.channel("opportunities");
  return { client, errors, statuses };
}

describe("against an edge that accepts and drops at once", () => {
  it.each([1001, 1006, 4009])("never storms (%i): ten minutes bring a socket every fifteen seconds, not hundreds", async (code) => {
    connected({ random: () => 0.5 });
    for (let ms = 0; ms < 600_000; ms += 10) {
      await vi.advanceTimersByTimeAsync(10);
      const socket = lastSocketOr();
      if (socket?.readyState === 0) {
        socket.open();
        socket.closes(code);
      }
    }
    expect(FakeSocket.made.length).toBeLessThan(50);
    expect(FakeSocket.made.length).toBeGreaterThan(30);
  });

  it("a page that calls reconnect() in a loop gets one attempt a second", async () => {
    const { client: own } = connected();
    for (let ms = 0; ms < 10_000; ms += 10) {
      await vi.advanceTimersByTimeAsync(10);
      own.reconnect();
    }
    expect(FakeSocket.made.length).toBeLessThanOrEqual(11);
  });
});

function lastSocketOr(): FakeSocket | undefined {
  return FakeSocket.made.at(-1);
}

describe("the token", () => {
  it("is fresh for every connect, and travels in a frame before any subscribe, never in the address", async () => {
    let serial = 0;
    connected({ token: async () => `token-${++serial}` });
    const first = await nextSocket();
    first.closes(4009);
    const second = await nextSocket();
    expect([first, second].map(({ sent }) => sent.map(({ type, token }) => token ?? type))).toEqual([
      ["token-1", "subscribe"],
      ["token-2", "subscribe"],
    ]);
    expect(FakeSocket.made.map(({ url }) => url)).toEqual(["wss://edge.test/ws?batch=1", "wss://edge.test/ws?batch=1"]);
  });

  it("that is about to expire is replaced on the living socket", async () => {
    let serial = 0;
    connected({ token: async () => `token-${++serial}` });
    const socket = await nextSocket();
    socket.says(
      { type: "token_expiring", expires_at: "2026-11-24T02:00:00.000Z" },
      { type: "token_expiring", expires_at: "2026-11-24T02:00:00.000Z" },
    );
    await vi.advanceTimersByTimeAsync(0);
    expect(socket.sentOf("authenticate").map(({ token }) => token)).toEqual(["token-1", "token-2"]);
    expect(FakeSocket.made).toHaveLength(1);
  });

  it("that cannot be had is said and asked for again, with growing delays and without opening a socket", async () => {
    const token = vi.fn(() => Promise.reject(new Error("the login service is down")));
    const { errors } = connected({ token });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(FakeSocket.made).toHaveLength(0);
    expect(new Set(errors)).toEqual(new Set(["TOKEN_UNAVAILABLE"]));
    expect(token.mock.calls.length).toBeGreaterThan(4);
    expect(token.mock.calls.length).toBeLessThan(10);
  });

  it("provider that never answers does not hold the connect for good", async () => {
    const { errors } = connected({ token: () => new Promise(() => undefined) });
    await vi.advanceTimersByTimeAsync(20_000);
    expect(errors).toEqual(["TOKEN_UNAVAILABLE"]);
  });
});

describe("a refusal", () => {
  it("is said, asked about once a minute, and ends in stopped; reconnect() begins again", async () => {
    const { errors, client: own } = connected({ token: async () => "bad" });
    (await nextSocket()).closes(4001, "token invalid");
    await vi.advanceTimersByTimeAsync(29_000);
    expect(FakeSocket.made).toHaveLength(1);
    for (let refusal = 2; refusal <= 5; refusal++) (await nextSocket(61_000)).closes(4001, "token invalid");
    expect(own.status).toBe("stopped");
    await vi.advanceTimersByTimeAsync(600_000);
    expect(FakeSocket.made).toHaveLength(5);
    expect(errors).toEqual(Array.from({ length: 5 }, () => "UNAUTHORIZED"));
    own.reconnect();
    expect((await nextSocket(1_000)).sentOf("subscribe")).toHaveLength(1);
    expect(own.status).toBe("open");
  });
});

describe("a peer that is dead", () => {
  it("is given up after an unanswered ping, and the next connection is made", async () => {
    const { client: own } = connected();
    const socket = await nextSocket();
    await vi.advanceTimersByTimeAsync(25_000);
    expect(socket.sent.at(-1)).toEqual({ type: "ping" });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(own.status).toBe("waiting");
    await nextSocket(1_000);
    expect(own.status).toBe("open");
  });

  it("is told apart from one that answers, whose distance is measured", async () => {
    const { client: own } = connected();
    const latencies: number[] = [];
    own.on("latency", (ms) => latencies.push(ms));
    const socket = await nextSocket();
    for (let minute = 0; minute < 3; minute++) {
      await vi.advanceTimersByTimeAsync(25_000);
      await vi.advanceTimersByTimeAsync(40);
      socket.says({ type: "pong" });
    }
    expect(FakeSocket.made).toHaveLength(1);
    expect(latencies).toEqual([40, 40, 40]);
    // Exactly this text is answered without waking the relay.
    expect(JSON.stringify(socket.sentOf("ping")[0])).toBe('{"type":"ping"}');
  });
});

describe("when the page is back online", () => {
  function stubPage(): EventTarget & { visibilityState: string } {
    const page = Object.assign(new EventTarget(), { visibilityState: "visible" });
    vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
    vi.stubGlobal("removeEventListener", page.removeEventListener.bind(page));
    return page;
  }

  it("connects at once instead of waiting out a delay that had grown", async () => {
    const page = stubPage();
    connected();
    for (let failure = 0; failure < 7; failure++) (await nextSocket(31_000)).closes(1006);
    const made = FakeSocket.made.length;
    await vi.advanceTimersByTimeAsync(2_000);
    expect(FakeSocket.made).toHaveLength(made);
    page.dispatchEvent(new Event("online"));
    await vi.advanceTimersByTimeAsync(1);
    expect(FakeSocket.made).toHaveLength(made + 1);
  });

  it("a moment after an attempt that failed, connects within a second of it all the same", async () => {
    const page = stubPage();
    connected();
    for (let failure = 0; failure < 7; failure++) (await nextSocket(31_000)).closes(1006);
    page.dispatchEvent(new Event("online"));
    page.dispatchEvent(new Event("online"));
    await nextSocket(1_050);
  });

  it("does not cut short what the edge asked for", async () => {
    const page = stubPage();
    connected();
    (await nextSocket()).closes(4013, '{"retry_after":20}');
    await vi.advanceTimersByTimeAsync(2_000);
    page.dispatchEvent(new Event("online"));
    await vi.advanceTimersByTimeAsync(17_000);
    expect(FakeSocket.made).toHaveLength(1);
    await nextSocket(12_000);
  });

  it("doubts a socket that seems open, and drops it within seconds if nothing answers", async () => {
    const page = stubPage();
    connected();
    const socket = await nextSocket();
    page.dispatchEvent(new Event("online"));
    expect(socket.sentOf("ping")).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(4_000);
    await nextSocket(1_000);
  });

  it("listens no more once it is closed", async () => {
    const page = stubPage();
    const { client: own } = connected();
    const socket = await nextSocket();
    own.close();
    page.dispatchEvent(new Event("online"));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(socket.sentOf("ping")).toHaveLength(0);
    expect(FakeSocket.made).toHaveLength(1);
  });
});

it("closed in the middle of a delay, opens no socket any more and leaves no timer", async () => {
  const { client: own } = connected();
  (await nextSocket()).closes(1006);
  own.close();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(FakeSocket.made).toHaveLength(1);
  expect(vi.getTimerCount()).toBe(0);
  expect(lastSocket().readyState).toBe(3);
});
