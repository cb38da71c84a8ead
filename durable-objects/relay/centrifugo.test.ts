/** Centrifugo's protocol over a real Relay and a real Channel: handshake, recovery, rights, heartbeat and every way to be refused. */
import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { socketChannelsMax, socketFrameBytesMax, socketMessagesBurst } from "../../schemas/limits.ts";
import { rawRelay, relayRows } from "../../tests/support/relays.ts";
import { openSocket, opportunities, publish, requestSocket, token, type Frame, type TestSocket } from "../../tests/support/sockets.ts";

const address = "/connection/websocket";

interface Answer {
  readonly epoch: string;
  readonly offset: number;
  readonly recovered: boolean;
  readonly publications: readonly { readonly offset: number; readonly data: { readonly id: string } }[];
}

async function connected(params: Record<string, unknown> = {}): Promise<TestSocket> {
  const socket = await openSocket(address);
  socket.send({ id: 1, connect: params });
  expect(await socket.reply(1)).toHaveProperty("connect.client");
  return socket;
}

let lastId = 100;
async function ask(socket: TestSocket, command: Record<string, unknown>): Promise<Frame> {
  const id = (lastId += 1);
  socket.send({ id, ...command });
  return socket.reply(id);
}

const subscribe = async (socket: TestSocket, params: Record<string, unknown>): Promise<Answer> =>
  (await ask(socket, { subscribe: params }))["subscribe"] as Answer;

const codeOf = (frame: Frame): unknown => (frame["error"] as { code: number } | undefined)?.code;

async function pushes(socket: TestSocket, count: number): Promise<{ channel: string; pub: { offset: number } }[]> {
  const found: { channel: string; pub: { offset: number } }[] = [];
  while (found.length < count) {
    const frame = await socket.find("publication", ({ push }) => typeof push === "object" && push !== null && "pub" in push);
    found.push(frame["push"] as { channel: string; pub: { offset: number } });
  }
  return found;
}

describe("a connection that breaks the protocol", () => {
  it.each([
    ["a command before connect", '{"id":1,"subscribe":{"channel":"market"}}', 3501],
    ["a ping before connect", '{"id":1,"ping":{}}', 3501],
    ["malformed JSON", "{", 3501],
    ["a frame past the limit", `{"id":1,"connect":{"name":"${"x".repeat(socketFrameBytesMax)}"}}`, 1009],
    ["a token that does not hold", '{"id":1,"connect":{"token":"a.b.c"}}', 3500],
  ])("with %s is closed, and says so by its code", async (_, text, code) => {
    const socket = await openSocket(address);
    socket.send(text);
    expect((await socket.closed).code).toBe(code);
    expect(socket.frames).toEqual([]);
  });

  it("with bytes, or with a second connect, is closed as a bad request", async () => {
    const bytes = await connected();
    bytes.sendBytes(new Uint8Array([123, 125]));
    expect((await bytes.closed).code).toBe(3501);
    const twice = await connected();
    twice.send({ id: 2, connect: {} });
    expect((await twice.closed).code).toBe(3501);
  });

  it("with more commands than its allowance is closed, and nobody else", async () => {
    const [socket, witness] = [await connected(), await connected()];
    await subscribe(witness, { channel: "opportunities" });
    const commands = Array.from({ length: socketMessagesBurst }, (_, index) => ({ id: index + 2, presence: { channel: "market" } }));
    socket.send(commands.map((command) => JSON.stringify(command)).join("\n"));
    expect((await socket.closed).code).toBe(3013);
    await publish("opportunities", opportunities(1));
    expect(await pushes(witness, 1)).toHaveLength(1);
    witness.close();
  });

  it("with an expired token is told 109, so that its SDK fetches another", async () => {
    const socket = await openSocket(address);
    socket.send({ id: 1, connect: { token: await token({ expiresInSeconds: -5 }) } });
    expect(codeOf(await socket.reply(1))).toBe(109);
    expect((await socket.closed).code).toBe(3005);
  });

  it("in protobuf is not opened", async () => {
    expect((await requestSocket(address, "centrifuge-protobuf")).status).toBe(400);
    expect((await requestSocket(`${address}?format=protobuf`)).status).toBe(400);
    const json = await openSocket(address, "centrifuge-json");
    expect(json.protocol).toBe("centrifuge-json");
    json.close();
  });
});

describe("a subscription", () => {
  it("is refused by the protocol's codes and leaves the connection alone", async () => {
    const socket = await connected();
    const subscribed = (channel: string): Promise<Frame> => ask(socket, { subscribe: { channel } });
    expect(codeOf(await subscribed("nothing"))).toBe(102);
    expect(codeOf(await subscribed("executions"))).toBe(101);
    expect(codeOf(await ask(socket, { history: { channel: "executions", limit: 1 } }))).toBe(101);
    expect(codeOf(await subscribed("opportunities"))).toBeUndefined();
    expect(codeOf(await subscribed("opportunities"))).toBe(105);
    expect(codeOf(await ask(socket, { publish: { channel: "opportunities", data: {} } }))).toBe(103);
    expect(codeOf(await ask(socket, { presence: { channel: "opportunities" } }))).toBe(101);
    expect(codeOf(await ask(socket, { subscribe: { channel: "market", join_leave: true } }))).toBe(101);
    expect(await ask(socket, { unsubscribe: { channel: "opportunities" } })).toMatchObject({ unsubscribe: {} });
    expect(await ask(socket, { unsubscribe: { channel: "opportunities" } })).toMatchObject({ unsubscribe: {} });
    expect(await ask(socket, { ping: {} })).toMatchObject({ ping: {} });
    socket.close();
  });

  it("past the limit of channels is refused with 106", async () => {
    const socket = await connected();
    const commands = Array.from({ length: socketChannelsMax }, (_, index) => ({
      id: index + 2,
      subscribe: { channel: `opportunities:chain-${index}` },
    }));
    socket.send(commands.map((command) => JSON.stringify(command)).join("\n"));
    await socket.reply(socketChannelsMax + 1);
    expect(codeOf(await ask(socket, { subscribe: { channel: "market" } }))).toBe(106);
    socket.close();
  });

  it("recovers exactly what was missed, then goes on live; several events share a message", async () => {
    const socket = await connected();
    const { epoch, offset } = await subscribe(socket, { channel: "opportunities" });
    socket.close();
    await publish("opportunities", opportunities(40));
    const back = await connected();
    const answer = await subscribe(back, { channel: "opportunities", recover: true, epoch, offset });
    expect(answer).toMatchObject({ recovered: true, was_recovering: true, epoch, offset });
    const missed = answer.publications.map((publication) => publication.offset);
    const live = await publish("opportunities", opportunities(2));
    const next = (await pushes(back, (live.offsets.at(-1) ?? 0) - (missed.at(-1) ?? offset))).map(({ pub }) => pub.offset);
    const all = [...missed, ...next];
    expect(all).toEqual(Array.from({ length: 42 }, (_, index) => offset + 1 + index));
    back.close();
  });

  it("that can't be recovered is live from the current position without publications, or refused where the client wants it so", async () => {
    const socket = await connected();
    const { epoch, offset } = await subscribe(socket, { channel: "opportunities" });
    await ask(socket, { unsubscribe: { channel: "opportunities" } });
    const wish = { channel: "opportunities", recover: true, epoch: "0-foreign", offset };
    expect(codeOf(await ask(socket, { subscribe: { ...wish, flag: 2 } }))).toBe(112);
    expect(await subscribe(socket, wish)).toMatchObject({ recovered: false, was_recovering: true, publications: [], epoch });
    // A client that wants its position or nothing may still have none to begin with.
    expect(await subscribe(socket, { channel: "market", flag: 2 })).toMatchObject({ recovered: false, was_recovering: false });
    socket.close();
  });

  it("is shown under the name it was asked for, beside the channel's own", async () => {
    const socket = await connected();
    await subscribe(socket, { channel: "arbitrage" });
    await subscribe(socket, { channel: "opportunities:base" });
    await publish("opportunities", opportunities(1, { chain: "base" }));
    const channels = (await pushes(socket, 2)).map(({ channel }) => channel);
    expect(channels.toSorted()).toEqual(["arbitrage", "opportunities:base"]);
    await ask(socket, { unsubscribe: { channel: "arbitrage" } });
    expect(await relayRows("SELECT * FROM subs")).toHaveLength(1);
    socket.close();
  });

  it("outlives the relay's sleep, and the connection too", async () => {
    const socket = await connected({ token: await token({ claims: { sub: "u", role: "trader" } }) });
    await subscribe(socket, { channel: "executions" });
    await vi.waitFor(async () => expect(await relayRows("SELECT stream FROM streams WHERE clean = 0")).toEqual([]), 5_000);
    await evictDurableObject(rawRelay());
    expect(await ask(socket, { ping: {} })).toMatchObject({ ping: {} });
    expect(codeOf(await ask(socket, { subscribe: { channel: "executions" } }))).toBe(105);
    socket.close();
  });

  it("that a new token no longer covers is ended for good", async () => {
    const socket = await connected({ token: await token() });
    await subscribe(socket, { channel: "executions" });
    const refresh = await ask(socket, { refresh: { token: await token({ claims: { sub: "u", channels: {} } }) } });
    expect(refresh).toMatchObject({ refresh: { expires: true } });
    const pushed = await socket.find("unsubscribe push", ({ push }) => push !== undefined);
    expect(pushed).toMatchObject({ push: { channel: "executions", unsubscribe: { code: 2003 } } });
    socket.close();
  });
});

it("is sent the server's ping with each renewal, without any of its sockets being read", async () => {
  const socket = await connected();
  await evictDurableObject(rawRelay());
  expect(await runDurableObjectAlarm(rawRelay())).toBe(true);
  expect(await socket.find("ping", (frame) => Object.keys(frame).length === 0)).toEqual({});
  // The next one is due as long as somebody waits for it.
  expect(await runDurableObjectAlarm(rawRelay())).toBe(true);
  socket.close();
});
