/** The Upstream object in workerd: its sockets, its alarm and its life. The rules of the link are link.test.ts's matter. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import type { MissedOrder, UpstreamFrame, UpstreamOutcome } from "../../schemas/upstream.ts";
import { UpstreamObject } from "./upstream.ts";

const variables = {
  CONTABO_WS_URLS: "wss://first.test/ws,wss://second.test/ws",
  CONTABO_WS_CHANNELS: "opportunities",
  BACKEND_AUTH_TOKEN: "token-1",
  CONTABO_API_KEY: "key-1",
};

interface Peer {
  readonly address: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly socket: WebSocket;
  readonly heard: string[];
  isClosed: boolean;
}

/** Its backends are pairs of sockets in this very isolate. */
class TestUpstream extends UpstreamObject {
  readonly peers: Peer[] = [];
  readonly taken: string[] = [];
  /** Hosts that refuse to connect. */
  readonly down = new Set<string>();
  skewMs = 0;
  readonly orders: MissedOrder[] = [];
  answer: (order: MissedOrder) => Promise<readonly UpstreamFrame[]> = async () => [];

  protected override async take(frames: readonly UpstreamFrame[]): Promise<UpstreamOutcome> {
    this.taken.push(...frames.map(({ type }) => type));
    return { kind: "taken", accepted: frames.length, duplicates: 0, rejected: 0 };
  }

  protected override missed(order: MissedOrder): Promise<readonly UpstreamFrame[]> {
    this.orders.push(order);
    return this.answer(order);
  }

  protected override now(): number {
    return Date.now() + this.skewMs;
  }

  protected override random(): number {
    return 0;
  }

  protected override async open(address: string, headers: Readonly<Record<string, string>>): Promise<WebSocket> {
    if (this.down.has(new URL(address).hostname)) throw new Error("refused");
    const { 0: ours, 1: theirs } = new WebSocketPair();
    const peer: Peer = { address, headers, socket: theirs, heard: [], isClosed: false };
    theirs.accept();
    theirs.addEventListener("message", ({ data }) => void peer.heard.push(String(data)));
    theirs.addEventListener("close", () => {
      peer.isClosed = true;
    });
    this.peers.push(peer);
    return ours;
  }

  /** As if it were no longer configured. */
  async end(): Promise<void> {
    this.env = { ...this.env, CONTABO_WS_URLS: "" };
    await this.keep();
  }

  /** As if so much time had passed, and the alarm gone off. */
  async later(ms: number): Promise<void> {
    this.skewMs += ms;
    await this.alarm();
  }
}

let names = 0;

function withUpstream(
  run: (upstream: TestUpstream, storage: DurableObjectStorage) => Promise<void>,
  over: Partial<typeof variables> = {},
): Promise<void> {
  names += 1;
  const stub = env.UPSTREAMS.get(env.UPSTREAMS.idFromName(`test-${names}`));
  return runInDurableObject(stub, async (_, state) => {
    const upstream = new TestUpstream(state, { ...env, ...variables, ...over } as Env);
    await run(upstream, state.storage);
    await upstream.end();
  });
}

const detection = JSON.stringify({ type: "opportunity_detected", data: {} });

describe("configuration", () => {
  it("dials nothing, and sets no alarm, unless an address is given", async () => {
    await withUpstream(
      async (upstream, storage) => {
        await upstream.keep();
        await upstream.alarm();
        expect([upstream.peers.length, (await upstream.status()).state, await storage.getAlarm()]).toEqual([0, "off", null]);
      },
      { CONTABO_WS_URLS: "" },
    );
  });

  it("ends its sockets and its alarm when no address is given any more", async () => {
    await withUpstream(async (upstream, storage) => {
      await upstream.keep();
      await vi.waitFor(() => expect(upstream.peers[0]?.heard).toHaveLength(2));
      await upstream.end();
      await vi.waitFor(() => expect(upstream.peers[0]?.isClosed).toBe(true));
      await upstream.later(60_000);
      expect([upstream.peers.length, (await upstream.status()).state, await storage.getAlarm()]).toEqual([1, "off", null]);
    });
  });

  it("shows its token and key to the first address alone, and subscribes", async () => {
    await withUpstream(async (upstream, storage) => {
      await Promise.all([upstream.keep(), upstream.keep()]);
      await vi.waitFor(() => expect(upstream.peers[0]?.heard).toHaveLength(2));
      expect(upstream.peers).toMatchObject([
        {
          address: "wss://first.test/ws",
          headers: { authorization: "Bearer token-1", "x-api-key": "key-1" },
          heard: ['{"type":"authenticate","token":"token-1"}', '{"type":"subscribe","channel":"opportunities"}'],
        },
      ]);
      expect((await upstream.status()).state).toBe("open");
      expect(await storage.getAlarm()).toBeGreaterThan(Date.now());
    });
  });

  it("sends no key where none is set", async () => {
    await withUpstream(
      async (upstream) => {
        await upstream.keep();
        await vi.waitFor(() => expect(upstream.peers).toHaveLength(1));
        expect(upstream.peers[0]?.headers).toEqual({ authorization: "Bearer token-1" });
      },
      { CONTABO_API_KEY: "" },
    );
  });
});

it("begins again by its alarm after its death", async () => {
  await withUpstream(async (upstream, storage) => {
    await upstream.keep();
    expect(await storage.getAlarm()).not.toBeNull();
  });
  await withUpstream(async (upstream, storage) => {
    // A new life: nothing in memory, only the alarm.
    await upstream.alarm();
    await vi.waitFor(() => expect(upstream.peers[0]?.heard).toHaveLength(2));
    expect(await storage.getAlarm()).toBeGreaterThan(Date.now());
  });
});

it("hands on what its one link says, and nothing that a socket says which it has left", async () => {
  await withUpstream(async (upstream) => {
    await upstream.keep();
    await vi.waitFor(() => expect(upstream.peers[0]?.heard).toHaveLength(2));
    upstream.peers[0]?.socket.send(detection);
    await vi.waitFor(() => expect(upstream.taken).toHaveLength(1));
    // Silent, asked, silent: left.
    await upstream.later(3_100);
    await upstream.later(4_100);
    await upstream.later(0);
    await vi.waitFor(() => expect(upstream.peers[1]?.heard).toHaveLength(2));
    const [first, second] = upstream.peers;
    expect(first?.heard.at(-1)).toContain('"type":"ping"');
    expect([second?.address, first?.isClosed]).toEqual(["wss://second.test/ws", true]);
    second?.socket.send(detection);
    await vi.waitFor(() => expect(upstream.taken).toHaveLength(2));
    expect(await upstream.status()).toMatchObject({ state: "open", backend: 1, counts: { failovers: 1, frames: 2, accepted: 2 } });
  });
});

it("probes the first backend while the second serves, and closes the second before it subscribes", async () => {
  await withUpstream(async (upstream) => {
    upstream.down.add("first.test");
    await upstream.keep();
    // Refused twice: the second strike moves it.
    await vi.waitFor(() => expect(upstream.peers[0]?.heard).toHaveLength(2));
    const [second] = upstream.peers;
    expect(second?.address).toBe("wss://second.test/ws");
    upstream.down.clear();
    second?.socket.send('{"type":"pong"}');
    upstream.skewMs += 60_100;
    second?.socket.send('{"type":"pong"}');
    await vi.waitFor(async () => {
      await upstream.alarm();
      expect(upstream.peers[1]?.heard).toHaveLength(1);
    });
    const probe = upstream.peers[1];
    expect(probe?.heard[0]).toContain('"type":"ping"');
    expect([probe?.address, second?.isClosed, (await upstream.status()).backend]).toEqual(["wss://first.test/ws", false, 1]);
    // An event before the subscription is proof of life, and not handed on.
    probe?.socket.send(detection);
    await vi.waitFor(() => expect(probe?.heard).toHaveLength(3));
    expect(second?.isClosed).toBe(true);
    expect(await upstream.status()).toMatchObject({ backend: 0, counts: { returns: 1 } });
  });
});

it("answers a ping, and leaves a backend that does not take its token", async () => {
  await withUpstream(async (upstream) => {
    await upstream.keep();
    await vi.waitFor(() => expect(upstream.peers[0]?.heard).toHaveLength(2));
    upstream.peers[0]?.socket.send('{"type":"ping","timestamp":7}');
    await vi.waitFor(() => expect(upstream.peers[0]?.heard).toContain('{"type":"pong","timestamp":7}'));
    upstream.peers[0]?.socket.send('{"type":"error","code":"UNAUTHORIZED"}');
    await vi.waitFor(() => expect(upstream.peers[1]?.heard).toHaveLength(2));
    expect(upstream.peers[1]?.address).toBe("wss://second.test/ws");
  });
});

describe("what was missed", () => {
  const frameOf = (type: string): UpstreamFrame => ({ type, body: { type }, bytes: 10, late: true });
  const subscribed = async (upstream: TestUpstream, count: number): Promise<Peer> => {
    await vi.waitFor(() => expect(upstream.peers.filter(({ heard }) => heard.length >= 2)).toHaveLength(count));
    const peer = upstream.peers.at(-1);
    if (peer === undefined) throw new Error("nothing was dialled");
    return peer;
  };

  it("is asked for once for each time a socket is subscribed, of the time since one was heard", async () => {
    await withUpstream(async (upstream) => {
      upstream.answer = async () => [frameOf(`missed-${upstream.orders.length}`)];
      await upstream.keep();
      const first = await subscribed(upstream, 1);
      first.socket.send(detection);
      await vi.waitFor(() => expect(upstream.taken).toEqual(["missed-1", "opportunity_detected"]));
      const heardMs = Date.now();
      first.socket.close(1001);
      await subscribed(upstream, 2);
      await vi.waitFor(() => expect(upstream.taken.at(-1)).toBe("missed-2"));
      await upstream.later(0);
      expect(upstream.orders.map(({ address }) => address)).toEqual(["wss://first.test/ws", "wss://first.test/ws"]);
      expect(upstream.orders[0]?.heardMs).toBeUndefined();
      expect(upstream.orders[1]?.heardMs).toBeLessThanOrEqual(heardMs);
      expect(upstream.orders[1]?.heardMs).toBeGreaterThan(heardMs - 10_000);
    });
  });

  it("is asked of the backend that took over", async () => {
    await withUpstream(async (upstream) => {
      upstream.down.add("first.test");
      await upstream.keep();
      await subscribed(upstream, 1);
      expect(upstream.orders.map(({ address }) => address)).toEqual(["wss://second.test/ws"]);
    });
  });

  it("does not hold the socket while it does not come, nor when it never does", async () => {
    await withUpstream(async (upstream) => {
      const failed = vi.spyOn(console, "error").mockReturnValue(undefined);
      const late = Promise.withResolvers<readonly UpstreamFrame[]>();
      upstream.answer = () => late.promise;
      await upstream.keep();
      const peer = await subscribed(upstream, 1);
      peer.socket.send(detection);
      await vi.waitFor(() => expect(upstream.taken).toEqual(["opportunity_detected"]));
      late.reject(new Error("a bug"));
      await vi.waitFor(() => expect(failed).toHaveBeenCalledWith(expect.stringContaining("upstream.missed.failed")));
      peer.socket.send(detection);
      await vi.waitFor(() => expect(upstream.taken).toHaveLength(2));
      failed.mockRestore();
    });
  });

  it("and was not told before the next reconnect is asked for with it, and the first answer is not waited for", async () => {
    await withUpstream(async (upstream) => {
      const never = Promise.withResolvers<readonly UpstreamFrame[]>();
      await upstream.keep();
      const first = await subscribed(upstream, 1);
      first.socket.send(detection);
      await vi.waitFor(() => expect(upstream.taken).toHaveLength(1));
      upstream.answer = () => never.promise;
      first.socket.close(1001);
      const second = await subscribed(upstream, 2);
      upstream.skewMs += 1_000;
      second.socket.send(detection);
      await vi.waitFor(() => expect(upstream.taken).toHaveLength(2));
      upstream.answer = async () => [frameOf("missed")];
      second.socket.close(1001);
      await subscribed(upstream, 3);
      await vi.waitFor(() => expect(upstream.taken.at(-1)).toBe("missed"));
      const [, unanswered, last] = upstream.orders;
      expect([unanswered?.signal.aborted, last?.heardMs]).toEqual([true, unanswered?.heardMs]);
      never.resolve([frameOf("too late")]);
      await upstream.later(0);
      expect(upstream.taken).not.toContain("too late");
    });
  });
});
