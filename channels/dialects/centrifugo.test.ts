import { describe, expect, it } from "vitest";
import { socketMessagesBurst } from "../../schemas/limits.ts";
import { opportunity, publicationOf } from "../../tests/support/sockets.ts";
import { centrifugo, packLines } from "./centrifugo.ts";
import type { Incoming, Reply } from "./dialect.ts";
import { LiveEvent } from "./live-event.ts";

const timeMs = Date.parse("2026-11-24T02:00:00.123Z");
const listener = { batch: false, joinedAt: 0 };

function live(offset: number, { id = `o${offset}`, stale = false, data = {} } = {}): LiveEvent {
  const { text } = publicationOf(opportunity({ id, timeMs, data }));
  return new LiveEvent({ offset, at: timeMs, stale, earlier: 0, text });
}

function read(...commands: readonly unknown[]): readonly Incoming[] {
  return centrifugo.read(commands.map((command) => (typeof command === "string" ? command : JSON.stringify(command))).join("\n"));
}

const write = (reply: Reply): unknown[] => centrifugo.write(reply, listener).map((text) => JSON.parse(text) as unknown);

const declinedWith = (incoming: Incoming | undefined): unknown => {
  if (incoming?.kind !== "declined") return incoming;
  const { id, error } = JSON.parse(incoming.text) as { id: number; error: { code: number } };
  return { id, code: error.code };
};

describe("a message", () => {
  it.each([
    ["bytes", new ArrayBuffer(2)],
    ["nothing", ""],
    ["blank lines", "\n\n"],
    ["text that is no JSON", "{"],
    ["an array", "[]"],
    ["null", "null"],
    ["a command without an id", '{"subscribe":{"channel":"market"}}'],
    ["an id that is no number", '{"id":"1","subscribe":{"channel":"market"}}'],
    ["a negative id", '{"id":-1,"ping":{}}'],
    ["two commands in one", '{"id":1,"ping":{},"rpc":{}}'],
    ["more commands than a burst allows", Array.from({ length: socketMessagesBurst + 1 }, () => "{}").join("\n")],
  ])("of %s ends the connection as a bad request", (_, raw) => {
    expect(centrifugo.read(raw)).toContainEqual({ kind: "close", closing: "bad_request" });
  });

  it("holds a command a line, in order; the good ones before a bad one are done", () => {
    const incoming = read({ id: 1, connect: {} }, "", { id: 2, ping: {} }, "{", { id: 3, ping: {} });
    expect(incoming.map(({ kind }) => kind)).toEqual(["command", "command", "close", "command"]);
  });

  it("that only answers the server's ping asks for nothing", () => {
    expect(read({})).toEqual([{ kind: "nothing" }]);
  });
});

describe("a command", () => {
  it.each([
    [{ id: 1, publish: { channel: "opportunities", data: {} } }, 103],
    [{ id: 1, rpc: { method: "x" } }, 104],
    [{ id: 1, teleport: {} }, 104],
    [{ id: 1, __proto__x: {} }, 104],
    [{ id: 1, constructor: {} }, 104],
    [{ id: 1, sub_refresh: { channel: "market", token: "t" } }, 108],
    [{ id: 1, subscribe: {} }, 107],
    [{ id: 1, subscribe: { channel: 7 } }, 107],
    [{ id: 1, subscribe: { channel: "x".repeat(260) } }, 107],
    [{ id: 1, subscribe: { channel: "market", recover: true, offset: -1 } }, 107],
    [{ id: 1, subscribe: { channel: "market", recover: true, offset: 3 } }, 107],
    [{ id: 1, subscribe: { channel: "market", tf: { op: "eq" } } }, 107],
    [{ id: 1, subscribe: { channel: "market", type: 4 } }, 107],
    [{ id: 1, history: { channel: "market", limit: -2 } }, 107],
    [{ id: 1, refresh: {} }, 107],
  ])("%j is refused with %i", (command, code) => {
    expect(declinedWith(read(command)[0])).toEqual({ id: 1, code });
  });

  it.each([
    [{ connect: { token: "t", name: "js", subs: {} } }, { kind: "connect", token: "t" }],
    [{ connect: {} }, { kind: "connect", token: undefined }],
    [{ refresh: { token: "t" } }, { kind: "authenticate", token: "t" }],
    [{ subscribe: { channel: "market", flag: 1 } }, { kind: "subscribe", start: { kind: "live" }, once: true, recoverOrFail: false }],
    [
      { subscribe: { channel: "market", recover: true, offset: 7, epoch: "e", flag: 3 } },
      { kind: "subscribe", start: { kind: "position", position: { epoch: "e", offset: 7 } }, recoverOrFail: true },
    ],
    [
      { subscribe: { channel: "market", recover: true } },
      { kind: "subscribe", start: { kind: "position", position: { epoch: undefined, offset: 0 } } },
    ],
    [{ unsubscribe: { channel: "market" } }, { kind: "unsubscribe", channel: "market" }],
    [{ history: { channel: "market" } }, { kind: "history", limit: 0, since: { epoch: undefined, offset: 0 } }],
    [{ history: { channel: "market", limit: -1 } }, { kind: "history", limit: 1_000 }],
    [
      { history: { channel: "market", limit: 5, reverse: true, since: { offset: 9, epoch: "e" } } },
      { kind: "history", limit: 5, reverse: true, since: { epoch: "e", offset: 9 } },
    ],
    [{ presence: { channel: "market" } }, { kind: "presence", counts: false }],
    [{ presence_stats: { channel: "market" } }, { kind: "presence", counts: true }],
    [{ ping: {} }, { kind: "ping" }],
  ])("%j is understood", (command, expected) => {
    expect(read({ id: 4, ...command })).toMatchObject([{ kind: "command", command: { id: 4, ...expected } }]);
  });
});

describe("a publication", () => {
  it("is the event as it was posted, beside its offset; numbers stay text", () => {
    const amount = "115792089237316195423570985008687907853269984665640564039457584007913129639935";
    const events = [live(7, { id: '","offset":9,"x":"', data: { amount_in: amount } }), live(9, { stale: true })];
    const rendered = centrifugo.render({
      channel: "opportunities",
      epoch: "e",
      prev: 0,
      events,
      announce: true,
      view: undefined,
      shownOf: () => 0,
    });
    const [message = "", ...more] = rendered?.(listener) ?? [];
    expect(more).toEqual([]);
    const [first, second] = message.split("\n").map((text) => (JSON.parse(text) as { push: Record<string, unknown> }).push);
    expect(first).toMatchObject({
      channel: "opportunities",
      pub: { offset: 7, data: { type: "opportunity.detected", id: '","offset":9,"x":"', data: { amount_in: amount } } },
    });
    expect(first?.["pub"]).not.toHaveProperty("data.stale");
    expect(second).toMatchObject({ pub: { offset: 9, data: { stale: true } } });
  });

  it("shares a message with others up to a bound that clients take", () => {
    const lines = Array.from({ length: 9 }, (_, index) => JSON.stringify({ index, pad: "x".repeat(60_000) }));
    const messages = packLines(lines);
    expect(messages.length).toBeGreaterThan(1);
    expect(messages.every((text) => text.length < 300_000)).toBe(true);
    expect(messages.join("\n").split("\n")).toEqual(lines);
    expect(packLines([])).toEqual([]);
  });
});

describe("the answer to a subscribe", () => {
  const answer = (events: LiveEvent[], over: Partial<Extract<Reply, { kind: "subscribed" }>> = {}): unknown[] =>
    centrifugo
      .write(
        {
          kind: "subscribed",
          id: 2,
          run: { channel: "opportunities:base", epoch: "e", prev: 5, events },
          offset: 5,
          top: 40,
          recovered: true,
          wasRecovering: true,
          ...over,
        },
        listener,
      )
      .flatMap((message) => message.split("\n"))
      .map((text) => JSON.parse(text) as unknown);

  it("holds exactly what was missed, from the client's own position on", () => {
    expect(answer([live(7), live(9)])).toMatchObject([
      {
        id: 2,
        subscribe: {
          recoverable: true,
          positioned: true,
          epoch: "e",
          offset: 5,
          recovered: true,
          was_recovering: true,
          publications: [{ offset: 7 }, { offset: 9 }],
        },
      },
    ]);
  });

  it("moves a client that has missed nothing to where the stream stands", () => {
    expect(answer([])).toMatchObject([{ subscribe: { recovered: true, offset: 40, publications: [] } }]);
  });

  it("is followed by what does not fit into one answer, in order and once", () => {
    const events = Array.from({ length: 40 }, (_, index) => live(index + 6, { data: { note: "x".repeat(40_000) } }));
    const [first, ...pushes] = answer(events) as [
      { subscribe: { publications: { offset: number }[] } },
      ...{ push: { pub: { offset: number } } }[],
    ];
    expect(pushes.length).toBeGreaterThan(0);
    const offsets = [...first.subscribe.publications.map(({ offset }) => offset), ...pushes.map(({ push }) => push.pub.offset)];
    expect(offsets).toEqual(events.map(({ offset }) => offset));
  });
});

describe("an answer", () => {
  it("to connect tells who one is, when to refresh, and when to expect a ping", () => {
    expect(write({ kind: "connected", id: 1, connectionId: "c", ttlSeconds: undefined })).toEqual([
      { id: 1, connect: { client: "c", version: "arbitragex-edge", ping: 45 } },
    ]);
    expect(write({ kind: "connected", id: 1, connectionId: "c", ttlSeconds: 540 })).toMatchObject([
      { connect: { expires: true, ttl: 540 } },
    ]);
    expect(write({ kind: "authenticated", id: 3, expiresAtMs: 0, ttlSeconds: 540 })).toMatchObject([
      { id: 3, refresh: { expires: true, ttl: 540 } },
    ]);
  });

  it("to an unsubscribe is always yes: the SDK reconnects on anything else", () => {
    expect(write({ kind: "left", id: 3, channel: "market", wasSubscribed: false })).toEqual([{ id: 3, unsubscribe: {} }]);
  });

  it("to an expired token is 109 for a connect and a close alone for a refresh", () => {
    expect(write({ kind: "token_refused", id: 1, reason: "expired", during: "connect" })).toMatchObject([{ id: 1, error: { code: 109 } }]);
    expect(write({ kind: "token_refused", id: 1, reason: "expired", during: "authenticate" })).toEqual([]);
    expect(write({ kind: "token_refused", id: 1, reason: "invalid", during: "connect" })).toEqual([]);
  });

  it.each([
    ["UNAUTHORIZED", "channel", 101, undefined],
    ["NOT_FOUND", "channel", 102, undefined],
    ["FORBIDDEN", "channel", 103, undefined],
    ["CONFLICT", "channel", 105, undefined],
    ["CAPACITY_EXCEEDED", "channel", 106, undefined],
    ["INVALID_PARAMETERS", "since", 107, undefined],
    ["INVALID_PARAMETERS", "type", 108, undefined],
    ["CONFLICT", "offset", 112, undefined],
    ["RATE_LIMIT_EXCEEDED", undefined, 111, true],
    ["UPSTREAM_UNAVAILABLE", undefined, 100, true],
    ["INTERNAL", undefined, 100, true],
  ])("to what is refused with %s at %s is %i", (code, path, number, temporary) => {
    const [reply] = write({ kind: "refused", refusal: { code, message: "m", path, id: 9 } });
    expect(reply).toEqual({ id: 9, error: { code: number, message: "m", ...(temporary === undefined ? {} : { temporary }) } });
  });

  it("to presence lists members by client, or only counts them; joins and leaves are pushed", () => {
    const presence = { members: [{ user: "u", client: "c" }], clients: 7, users: 3 };
    expect(write({ kind: "presence", id: 5, channel: "market", presence, counts: false })).toEqual([
      { id: 5, presence: { presence: { c: { user: "u", client: "c" } } } },
    ]);
    expect(write({ kind: "presence", id: 5, channel: "market", presence, counts: true })).toEqual([
      { id: 5, presence_stats: { num_clients: 7, num_users: 3 } },
    ]);
    expect(write({ kind: "join", channel: "market", member: { user: "u", client: "c" } })).toEqual([
      { push: { channel: "market", join: { info: { user: "u", client: "c" } } } },
    ]);
  });
});

it.each([
  ["bad_token", 3500],
  ["bad_request", 3501],
  ["silent", 3502],
  ["forbidden", 3507],
  ["expired", 3005],
  ["slow", 3008],
  ["too_many", 3013],
  ["too_big", 1009],
] as const)("a connection that ends as %s closes with %i", (closing, code) => {
  expect(centrifugo.close(closing).code).toBe(code);
});
