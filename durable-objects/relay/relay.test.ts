/** Real Relay, real Channel, real sockets: the native dialect and its limits. */
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { app } from "../../gateway/app.ts";
import { socketChannelsMax, socketFrameBytesMax, socketMessagesBurst } from "../../schemas/limits.ts";
import { relayRows } from "../../tests/support/relays.ts";
import {
  openSocket,
  opportunities,
  opportunity,
  publish,
  requestSocket,
  token,
  type Frame,
  type TestSocket,
} from "../../tests/support/sockets.ts";

const offsetsOf = (frames: readonly Frame[]): unknown[] => frames.map((frame) => frame["offset"]);

async function subscribed(socket: TestSocket, wish: Record<string, unknown>): Promise<Frame> {
  socket.send({ type: "subscribe", ...wish });
  return socket.next("subscribed");
}

describe("bad input", () => {
  it.each([
    ["{", "INVALID_PARAMETERS", undefined],
    ["[]", "INVALID_PARAMETERS", undefined],
    ["null", "INVALID_PARAMETERS", undefined],
    ['{"type":"publish","id":3}', "INVALID_PARAMETERS", "type"],
    ['{"type":"subscribe"}', "INVALID_PARAMETERS", "channel"],
    ['{"type":"subscribe","channel":"market","offset":3}', "INVALID_PARAMETERS", "epoch"],
    ['{"type":"subscribe","channel":"market","offset":-1,"epoch":"e"}', "INVALID_PARAMETERS", "offset"],
    ['{"type":"subscribe","channel":"market","offset":"3","epoch":"e"}', "INVALID_PARAMETERS", "offset"],
    ['{"type":"subscribe","channel":"market","filters":{"chian":"base"}}', "INVALID_PARAMETERS", "filters.chian"],
    ['{"type":"subscribe","channel":"market","rewind":1001}', "INVALID_PARAMETERS", "rewind"],
    ['{"type":"subscribe","channel":"nothing"}', "NOT_FOUND", "channel"],
    ['{"type":"subscribe","channel":"market:base"}', "NOT_FOUND", "channel"],
    ['{"type":"subscribe","channel":"executions"}', "UNAUTHORIZED", "channel"],
    ['{"type":"history","channel":"executions"}', "UNAUTHORIZED", "channel"],
    ['{"type":"unsubscribe","channel":"market"}', "NOT_FOUND", "channel"],
    ['{"type":"presence","channel":"market"}', "UNAUTHORIZED", "channel"],
    ['{"type":"subscribe","channel":"market","presence":true}', "UNAUTHORIZED", "channel"],
  ])("%s is answered with %s", async (text, code, path) => {
    const socket = await openSocket("/ws?batch=0");
    socket.send(text);
    const error = await socket.next("error");
    expect(error).toMatchObject({ code, ...(path === undefined ? {} : { path }) });
    expect(String(error["message"])).not.toMatch(/\bat .*:\d+:\d+/);
    socket.close();
  });

  it("in bytes is answered with an error and the socket lives on", async () => {
    const socket = await openSocket("/ws?batch=0");
    socket.sendBytes(new Uint8Array([123, 125]));
    expect(await socket.next("error")).toMatchObject({ code: "INVALID_PARAMETERS" });
    await socket.quiet();
    socket.close();
  });

  it("keeps the request's id in the answer even when the rest is not valid", async () => {
    const socket = await openSocket("/ws?batch=0");
    socket.send({ type: "subscribe", channel: 7, id: "mine" });
    expect(await socket.next("error")).toMatchObject({ id: "mine", path: "channel" });
    socket.close();
  });

  it("an address without an upgrade or without a channel behind it opens no socket", async () => {
    expect((await requestSocket("/ws/nothing")).status).toBe(404);
    expect((await requestSocket("/parties/channel/order-secret")).status).toBe(404);
    expect((await app.request("https://edge.test/ws", {}, env)).status).toBe(426);
  });
});

describe("limits", () => {
  it("a frame of exactly the limit passes, one byte more closes with 1009", async () => {
    const socket = await openSocket("/ws?batch=0");
    const frame = (bytes: number): string => {
      const [head, tail] = ['{"type":"ping","timestamp":1,"pad":"', '"}'];
      return (
        head + "é".repeat(Math.floor((bytes - head.length - tail.length) / 2)) + "x".repeat((bytes - head.length - tail.length) % 2) + tail
      );
    };
    socket.send(frame(socketFrameBytesMax));
    expect(await socket.next("pong")).toMatchObject({ timestamp: 1 });
    socket.send(frame(socketFrameBytesMax + 1));
    expect((await socket.closed).code).toBe(1009);
  });

  it("pings are free; one message past the burst closes with 4029", async () => {
    const socket = await openSocket("/ws?batch=0");
    for (let sent = 0; sent < socketMessagesBurst + 50; sent++) socket.send({ type: "ping", timestamp: sent });
    await socket.take("pong", socketMessagesBurst + 50);
    for (let sent = 0; sent < socketMessagesBurst; sent++) socket.send({ type: "presence", channel: "market" });
    await socket.take("error", socketMessagesBurst);
    for (let sent = 0; sent < 3; sent++) socket.send({ type: "presence", channel: "market" });
    expect((await socket.closed).code).toBe(4029);
  });

  it("one channel past the limit is refused, replacing one is not", async () => {
    const socket = await openSocket("/ws?batch=1");
    for (let index = 0; index < socketChannelsMax; index++) socket.send({ type: "subscribe", channel: `opportunities:chain-${index}` });
    await socket.take("subscribed", socketChannelsMax);
    socket.send({ type: "subscribe", channel: "market" });
    expect(await socket.next("error")).toMatchObject({ code: "CAPACITY_EXCEEDED" });
    await subscribed(socket, { channel: "opportunities:chain-0", filters: { min_profit: "1" } });
    socket.close();
    await socket.closed;
    expect(await relayRows("SELECT * FROM subs")).toEqual([]);
    expect(await relayRows("SELECT * FROM groups")).toEqual([]);
  });
});

describe("a token", () => {
  it("that is invalid or expired ends the socket with its own code", async () => {
    const bad = await openSocket("/ws?token=a.b.c");
    expect(await bad.next("error")).toMatchObject({ code: "UNAUTHORIZED" });
    expect((await bad.closed).code).toBe(4001);
    const late = await openSocket("/ws");
    late.send({ type: "authenticate", token: await token({ expiresInSeconds: -5 }) });
    expect((await late.closed).code).toBe(4009);
  });

  it("in the address, a subprotocol or a frame opens what it covers and nothing else", async () => {
    const grant = await token({ claims: { sub: "u", channels: { executions: ["subscribe"] } } });
    const byAddress = await openSocket(`/ws?token=${grant}`);
    expect(await byAddress.next("authenticated")).toHaveProperty("expires_at");
    const byProtocol = await openSocket("/ws", `v1, bearer.${grant}`);
    expect(byProtocol.protocol).toBe(`bearer.${grant}`);
    const byFrame = await openSocket("/ws");
    byFrame.send({ type: "authenticate", token: grant, id: 1 });
    expect(await byFrame.next("authenticated")).toMatchObject({ id: 1 });
    for (const socket of [byAddress, byProtocol, byFrame]) {
      expect(await subscribed(socket, { channel: "executions:arbitrum" })).toMatchObject({ channel: "executions:arbitrum" });
      socket.send({ type: "subscribe", channel: "strategies" });
      expect(await socket.next("error")).toMatchObject({ code: "FORBIDDEN" });
      socket.send({ type: "history", channel: "executions" });
      expect(await socket.next("error")).toMatchObject({ code: "FORBIDDEN" });
      socket.close();
    }
  });

  it("that allows less than the one before ends what it no longer covers", async () => {
    const socket = await openSocket(`/ws?token=${await token()}`);
    await subscribed(socket, { channel: "executions" });
    await subscribed(socket, { channel: "market" });
    socket.send({ type: "authenticate", token: await token({ claims: { sub: "u", channels: {} } }) });
    expect(await socket.next("unsubscribed")).toMatchObject({ channel: "executions", code: 2003 });
    socket.send({ type: "unsubscribe", channel: "market", id: 5 });
    expect(await socket.next("unsubscribed")).toMatchObject({ channel: "market", code: 2000, id: 5 });
    socket.close();
  });

  it("that runs out on a live socket closes it before another event is sent", async () => {
    const socket = await openSocket(`/ws/opportunities?token=${await token({ expiresInSeconds: 2 })}`);
    await socket.next("subscribed");
    await new Promise((resolve) => setTimeout(resolve, 2_100));
    await publish("opportunities", opportunities(1));
    expect((await socket.closed).code).toBe(4009);
    expect(socket.frames.some((frame) => frame.type === "opportunity_detected")).toBe(false);
  });

  it("missing at a one-channel address that needs one closes it", async () => {
    const socket = await openSocket("/ws/executions");
    expect(await socket.next("error")).toMatchObject({ code: "UNAUTHORIZED" });
    expect((await socket.closed).code).toBe(4001);
    const forbidden = await openSocket(`/ws/executions?token=${await token({ claims: { sub: "u", channels: {} } })}`);
    expect((await forbidden.closed).code).toBe(4003);
  });
});

describe("a native subscriber", () => {
  it("is welcomed, and gets events in order, each naming its position and the one before", async () => {
    const socket = await openSocket("/ws");
    expect(await socket.next("welcome")).toMatchObject({ region: "wnam", protocol: 1 });
    const { epoch, ...answer } = await subscribed(socket, { channel: "opportunities", id: 7 });
    expect(answer).toMatchObject({ channel: "opportunities", recovered: false, was_recovering: false, id: 7 });
    const first = Number(answer["offset"]) + 1;
    await publish("opportunities", opportunities(3));
    await publish("opportunities", opportunities(2));
    const frames = await socket.take("opportunity_detected", 5);
    expect(offsetsOf(frames)).toEqual([0, 1, 2, 3, 4].map((index) => first + index));
    expect(frames.map((frame) => frame["prev"])).toEqual([-1, 0, 1, 2, 3].map((index) => first + index));
    expect(frames[0]).toMatchObject({ channel: "opportunities", epoch, data: { chain: "arbitrum", estimated_profit: "24.50" } });
    socket.close();
    expect((await socket.closed).code).toBe(1000);
  });

  it("by an alias gets frames under the channel's own name", async () => {
    const socket = await openSocket("/ws");
    expect(await subscribed(socket, { channel: "arbitrage:base" })).toMatchObject({ channel: "opportunities:base" });
    socket.close();
  });

  it("of a view or a filter gets its own events, chained to each other", async () => {
    const socket = await openSocket("/ws");
    const start = await subscribed(socket, { channel: "opportunities:base", filters: { min_profit: "10" } });
    const wanted = { chain: "base", estimated_profit: "10.00" };
    await publish("opportunities", [
      ...opportunities(2, wanted),
      ...opportunities(3),
      ...opportunities(1, { chain: "base", estimated_profit: "9.99" }),
    ]);
    await publish("opportunities", opportunities(1, wanted));
    const frames = await socket.take("opportunity_detected", 3);
    const first = Number(start["offset"]) + 1;
    expect(offsetsOf(frames)).toEqual([first, first + 1, first + 6]);
    expect(frames.map((frame) => frame["prev"])).toEqual([first - 1, first, first + 1]);
    socket.close();
  });

  it("gets nothing more once it has unsubscribed", async () => {
    const socket = await openSocket("/ws");
    await subscribed(socket, { channel: "opportunities" });
    socket.send({ type: "unsubscribe", channel: "opportunities" });
    await socket.next("unsubscribed");
    const witness = await openSocket("/ws/opportunities");
    await witness.next("subscribed");
    await publish("opportunities", opportunities(1));
    await witness.next("opportunity_detected");
    await socket.quiet();
    expect(socket.frames.some((frame) => frame.type === "opportunity_detected")).toBe(false);
    socket.close();
    witness.close();
  });

  it("that asks for batches gets the events of a flush in one frame", async () => {
    const socket = await openSocket("/ws/opportunities?batch=1");
    await socket.next("subscribed");
    await publish("opportunities", opportunities(40));
    const batch = await socket.next("batch");
    expect(batch["frames"]).toHaveLength(40);
    socket.close();
  });

  it("has its ping's number echoed as it came, a float included", async () => {
    const socket = await openSocket("/ws?batch=0");
    socket.send('{"type":"ping","timestamp":1234.5600000001}');
    expect(await socket.next("pong")).toEqual({ type: "pong", timestamp: 1234.5600000001 });
    socket.send('{"type":"ping"}');
    expect(await socket.next("pong")).toEqual({ type: "pong" });
    socket.close();
  });

  it("reads history: the newest, and after a position", async () => {
    const socket = await openSocket("/ws");
    await publish("opportunities", opportunities(5, { chain: "optimism" }));
    socket.send({ type: "history", channel: "opportunities", limit: 3, id: "h" });
    const newest = await socket.next("history");
    const events = newest["events"] as Frame[];
    expect(newest).toMatchObject({ channel: "opportunities", id: "h", offset: events[2]?.["offset"] });
    expect(events.map((event) => Number(event["offset"]) - Number(event["prev"]))).toEqual([1, 1, 1]);
    const since = Number(events[0]?.["offset"]) - 3;
    socket.send({ type: "history", channel: "opportunities:optimism", since, limit: 1_000 });
    const after = await socket.next("history");
    expect((after["events"] as Frame[]).map((event) => event["offset"])).toEqual([since + 1, since + 2, ...offsetsOf(events)]);
    socket.close();
  });

  it("is shown stale events as such", async () => {
    const socket = await openSocket("/ws/opportunities");
    await socket.next("subscribed");
    const now = Date.now();
    await publish("opportunities", [opportunity({ id: "newer", subject: "late-one", type: "opportunity.updated", timeMs: now })]);
    await publish("opportunities", [opportunity({ id: "older", subject: "late-one", timeMs: now - 1_000 })]);
    expect(await socket.next("opportunity_updated")).not.toHaveProperty("stale");
    expect(await socket.next("opportunity_detected")).toMatchObject({ id: "older", stale: true });
    socket.close();
  });
});
