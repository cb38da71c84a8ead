import { describe, expect, it } from "vitest";
import { legacySubscriptions } from "./legacy.ts";
import { bufferedBytesMax } from "./bounds.ts";
import { Connection } from "./connection.ts";
import { readUpgrade } from "./upgrade.ts";

const attachment = { v: 1, id: "c1", dialect: "native", batch: false, openedAtMs: 0 } as const;

describe("a slow reader", () => {
  /** A socket whose unsent bytes the test decides. */
  function buffering(): { connection: Connection; holds: (bytes: number) => void } {
    const { 0: socket } = new WebSocketPair();
    let buffered = 0;
    Object.defineProperty(socket, "bufferedAmount", { get: () => buffered });
    return { connection: new Connection(socket, attachment), holds: (bytes) => void (buffered = bytes) };
  }

  it("is one that has more than the bound unsent when the next flush comes", () => {
    const { connection, holds } = buffering();
    holds(bufferedBytesMax);
    expect(connection.pressure(1, 0)).toBe("conflate");
    holds(bufferedBytesMax + 1);
    expect(connection.pressure(2, 0)).toBe("close");
  });

  it("is not one whose buffer this very flush has filled", () => {
    const { connection, holds } = buffering();
    expect(connection.pressure(1, 0)).toBe("ok");
    holds(bufferedBytesMax * 4);
    expect(connection.pressure(1, 0)).toBe("ok");
    expect(connection.pressure(2, 0)).toBe("close");
  });

  it("is not one that still reads what it missed, until that is read", () => {
    const { connection, holds } = buffering();
    connection.allow(bufferedBytesMax * 3);
    holds(bufferedBytesMax * 3);
    expect(connection.pressure(1, 0)).toBe("ok");
    holds(0);
    expect(connection.pressure(2, 0)).toBe("ok");
    holds(bufferedBytesMax * 3);
    expect(connection.pressure(3, 0)).toBe("close");
  });
});

it("may send 256 messages at once and 50 a minute afterwards", () => {
  const { 0: socket } = new WebSocketPair();
  const connection = new Connection(socket, attachment);
  const startMs = 1_000_000;
  const burst = Array.from({ length: 257 }, () => connection.takeMessage(startMs));
  expect(burst.filter(Boolean)).toHaveLength(256);
  expect(connection.takeMessage(startMs + 1_100)).toBe(false);
  expect(connection.takeMessage(startMs + 1_200)).toBe(true);
  const minute = Array.from({ length: 60 }, () => connection.takeMessage(startMs + 61_200));
  expect(minute.filter(Boolean)).toHaveLength(50);
});

describe("a socket that owes its handshake", () => {
  const waiting = (): { connection: Connection; silent: Promise<string> } => {
    const connection = new Connection(new WebSocketPair()[0], { ...attachment, dialect: "centrifugo" });
    return { connection, silent: new Promise((resolve) => connection.awaitGreeting(1, () => resolve("silent"))) };
  };
  const later = (): Promise<string> => new Promise((resolve) => setTimeout(() => resolve("left alone"), 20));

  it("is given up after a while, unless it greets or goes away before", async () => {
    expect(await Promise.race([waiting().silent, later()])).toBe("silent");
    const gone = waiting();
    gone.connection.hush();
    expect(await Promise.race([gone.silent, later()])).toBe("left alone");
  });
});

describe("what an anonymous legacy client hears", () => {
  it("is what is public of its streams, in the view the owner chose", () => {
    const publicChannels = ["arbitrage", "market", "executions"];
    expect(legacySubscriptions({ legacyView: "redacted", publicChannels })).toEqual([
      { stream: "opportunities", view: "redacted" },
      { stream: "market", view: "redacted" },
    ]);
    expect(legacySubscriptions({ legacyView: "full", publicChannels: ["market"] })).toEqual([{ stream: "market", view: "full" }]);
  });

  it("is nothing when nothing is public or the view is off", () => {
    expect(legacySubscriptions({ legacyView: "full", publicChannels: [] })).toEqual([]);
    expect(legacySubscriptions({ legacyView: "off", publicChannels: ["opportunities", "market"] })).toEqual([]);
  });
});

describe("an upgrade", () => {
  const read = (query: string, headers: Record<string, string> = {}): ReturnType<typeof readUpgrade> =>
    readUpgrade(
      new Request(`https://edge.test/ws${query}`, { headers: { upgrade: "websocket", "x-edge-relay": "relay:weur:0", ...headers } }),
    );

  it("that did not come through the gateway, or is none, is not taken", () => {
    expect(readUpgrade(new Request("https://edge.test/ws", { headers: { upgrade: "websocket" } }))).toBeUndefined();
    expect(readUpgrade(new Request("https://edge.test/ws", { headers: { "x-edge-relay": "relay:weur:0" } }))).toBeUndefined();
  });

  it("is bare only when nothing tells the dialect", () => {
    expect(read("")).toMatchObject({ dialect: "pending", region: "weur", batch: false, token: undefined });
    for (const query of ["?token=t", "?batch=1", "?batch=0"]) expect(read(query)).toMatchObject({ dialect: "native" });
    expect(read("", { "sec-websocket-protocol": "bearer.t" })).toMatchObject({ dialect: "native", token: "t", subprotocol: "bearer.t" });
    expect(read("", { authorization: "Bearer t" })).toMatchObject({ dialect: "native", token: "t", subprotocol: undefined });
    expect(read("", { "x-edge-channel": "market" })).toMatchObject({
      dialect: "native",
      subscribe: { type: "subscribe", channel: "market" },
    });
  });

  it("leaves it to the frame's schema to refuse an offset that is no number", () => {
    expect(read("?offset=12&epoch=e", { "x-edge-channel": "market" })?.subscribe).toMatchObject({ offset: 12, epoch: "e" });
    expect(read("?offset=-1", { "x-edge-channel": "market" })?.subscribe).toMatchObject({ offset: "-1" });
  });
});
