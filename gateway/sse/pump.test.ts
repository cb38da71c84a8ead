import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { AppError } from "../../platform/errors.ts";
import { SsePump, unreadBytesMax, type PumpSocket } from "./pump.ts";

/** The relay's end of the socket. */
class FakeRelay {
  readonly sent: Record<string, unknown>[] = [];
  closedWith: number | undefined;
  readonly #pair = new EventTarget();
  readonly socket = {
    accept: () => undefined,
    send: (text: string) => void this.sent.push(JSON.parse(text) as Record<string, unknown>),
    close: (code?: number) => void (this.closedWith = code),
    addEventListener: this.#pair.addEventListener.bind(this.#pair),
  } as unknown as PumpSocket;

  say(...frames: readonly unknown[]): void {
    for (const frame of frames) this.#pair.dispatchEvent(new MessageEvent("message", { data: JSON.stringify(frame) }));
  }

  close(code: number, reason: string): void {
    this.#pair.dispatchEvent(new CloseEvent("close", { code, reason }));
  }
}

const subscribed = { type: "subscribed", channel: "market", epoch: "e", offset: 4, recovered: true, was_recovering: true };
const event = (offset: number, data: unknown = {}): Record<string, unknown> => ({
  type: "market_updated",
  channel: "market",
  epoch: "e",
  offset,
  prev: offset - 1,
  data,
});

let relay: FakeRelay;
function pump(options: { heartbeatMs?: number; openMs?: number } = {}): SsePump {
  return new SsePump(relay.socket, { subscribe: { channel: "market" }, position: { epoch: "e", offset: 4 }, random: 0, ...options });
}

async function refusalOf(work: Promise<void>): Promise<unknown> {
  const error: unknown = await work.catch((thrown: unknown) => thrown);
  return error instanceof AppError ? [error.code, error.status] : error;
}

beforeEach(() => {
  relay = new FakeRelay();
  vi.useFakeTimers();
});
afterEach(() => vi.useRealTimers());

describe("before the stream starts", () => {
  it.each<[string, unknown, unknown]>([
    ["UNAUTHORIZED", { type: "error", code: "UNAUTHORIZED", message: "no" }, ["UNAUTHORIZED", 401]],
    ["FORBIDDEN", { type: "error", code: "FORBIDDEN", message: "no" }, ["FORBIDDEN", 403]],
    ["a code nobody knows", { type: "error", code: "toString", message: "no" }, ["FORBIDDEN", 403]],
    ["a number for a code", { type: "unsubscribed", code: 2003, reason: "no" }, ["FORBIDDEN", 403]],
  ])("an answer of %s is the request's own", async (_, frame, expected) => {
    const { opened } = pump();
    relay.say({ type: "welcome" }, frame);
    expect(await refusalOf(opened)).toEqual(expected);
    expect(relay.closedWith).toBe(1_000);
  });

  it.each<[number, string]>([
    [4001, "UNAUTHORIZED"],
    [4009, "UNAUTHORIZED"],
    [4003, "FORBIDDEN"],
    [1006, "UPSTREAM_UNAVAILABLE"],
    [1001, "UPSTREAM_UNAVAILABLE"],
  ])("a socket closed with %i is %s", async (code, expected) => {
    const { opened } = pump();
    relay.close(code, "why");
    expect(await refusalOf(opened)).toMatchObject([expected, expect.any(Number)]);
  });

  it("a relay that says nothing is given up", async () => {
    const { opened } = pump({ openMs: 5_000 });
    vi.advanceTimersByTime(5_000);
    expect(await refusalOf(opened)).toEqual(["UPSTREAM_TIMEOUT", 504]);
    expect(relay.closedWith).toBe(1_000);
  });
});

describe("a stream", () => {
  function flood(filler: string): number {
    let sent = 0;
    for (; relay.closedWith === undefined && sent < 1_000; sent += 1) relay.say(event(5 + sent, filler));
    return sent;
  }

  it("ends within its bound when nobody reads it, and drops what stays unread", async () => {
    const { body, opened } = pump();
    relay.say(subscribed);
    await opened;
    expect(flood("x".repeat(100_000))).toBe(Math.ceil(unreadBytesMax / 100_200));
    vi.advanceTimersByTime(30_000);
    await expect(body.getReader().read()).rejects.toThrow("does not read");
  });

  it("longer than its bound still brings its reader forward: all that was sent, then the reason", async () => {
    const { body, opened } = pump();
    relay.say(subscribed);
    await opened;
    const sent = flood("x".repeat(10_000));
    const text = await new Response(body).text();
    expect(text.match(/^event: market_updated$/gm)).toHaveLength(sent);
    expect(text).toContain(`id: e:${4 + sent}\n`);
    expect(text).toMatch(/event: closed\ndata: .*"code":4008.*\n\n$/);
  });

  it("a reader that keeps up is never too slow, whatever the total", async () => {
    const { body, opened } = pump();
    relay.say(subscribed);
    await opened;
    const reader = body.getReader();
    await reader.read();
    for (let offset = 5; offset < 65; offset += 1) {
      relay.say(event(offset, "x".repeat(100_000)));
      await reader.read();
    }
    expect(relay.closedWith).toBeUndefined();
  });

  it("subscribes again from where its reader stands when the relay lost continuity", async () => {
    const { opened } = pump();
    expect(relay.sent).toEqual([{ type: "subscribe", channel: "market", epoch: "e", offset: 4 }]);
    relay.say(subscribed, event(9), { type: "unsubscribed", channel: "market", code: 2500, reason: "insufficient state" });
    await opened;
    expect(relay.sent.at(-1)).toEqual({ type: "subscribe", channel: "market", epoch: "e", offset: 9 });
  });

  it("pings the relay so that it need not wake, and ends when not even that is answered", async () => {
    const { body, opened } = pump({ heartbeatMs: 20_000 });
    relay.say(subscribed);
    await opened;
    vi.advanceTimersByTime(20_000);
    relay.say({ type: "pong" });
    vi.advanceTimersByTime(20_000);
    expect(relay.sent.slice(1)).toEqual([{ type: "ping" }, { type: "ping" }]);
    vi.advanceTimersByTime(20_000);
    const text = await new Response(body).text();
    expect(text.match(/^:\n\n/gm)).toHaveLength(2);
    expect(text).toMatch(/event: closed\ndata: .*"code":1006.*\n\n$/);
  });

  it("tells its reader why the socket closed, then ends", async () => {
    const { body, opened } = pump();
    relay.say(subscribed, event(5));
    await opened;
    relay.close(4009, "token expired");
    const text = await new Response(body).text();
    expect(text).toMatch(/^retry: 500\n\nid: e:4\nevent: subscribed\n.*\n\nid: e:5\nevent: market_updated\n/);
    expect(text).toContain('{"type":"closed","code":4009,"reason":"token expired"}');
  });

  it("closes its socket when the reader leaves", async () => {
    const { body, opened } = pump();
    relay.say(subscribed);
    await opened;
    await body.cancel();
    expect(relay.closedWith).toBe(1_000);
    relay.say(event(5));
  });
});
