/** Hostile sockets: each is refused by the right code and nobody else notices. */
import { listDurableObjectIds } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { socketChannelsMax, socketFrameBytesMax, socketMessagesBurst } from "../../schemas/limits.ts";
import { rowsOfAllRelays } from "../../tests/support/relays.ts";
import { openSocket, opportunities, publish, token, type TestSocket } from "../../tests/support/sockets.ts";

let witness: TestSocket;

/** Whoever listens beside the hostile one still gets the next event, and nothing else. */
async function unharmed(socket: TestSocket): Promise<void> {
  await publish("opportunities", opportunities(1));
  expect(await socket.next("opportunity_detected")).toMatchObject({ channel: "opportunities" });
  expect(socket.frames.some(({ type }) => type === "error" || type === "unsubscribed")).toBe(false);
}

beforeEach(async () => {
  witness = await openSocket("/ws/opportunities");
  await witness.next("subscribed");
});
afterEach(async () => {
  await unharmed(witness);
  witness.close();
  await witness.closed;
});

const flood = 1_000;

const noTrace = (text: unknown): void => expect(String(text)).not.toMatch(/\bat .*:\d+|node_modules|\.ts:/);

describe("a native socket", () => {
  it.each([
    ["65 KB of text", "x".repeat(socketFrameBytesMax + 1)],
    ["65 KB in two-byte characters", "é".repeat(socketFrameBytesMax / 2 + 1)],
  ])("that sends %s is closed with 1009", async (_, text) => {
    const socket = await openSocket("/ws?batch=0");
    socket.send(text);
    expect((await socket.closed).code).toBe(1009);
  });

  it("that sends 65 KB in bytes is closed with 1009", async () => {
    const socket = await openSocket("/ws?batch=0");
    socket.sendBytes(new Uint8Array(socketFrameBytesMax + 1));
    expect((await socket.closed).code).toBe(1009);
  });

  it.each([
    ["brackets without end", "[".repeat(60_000)],
    ["braces without end", '{"a":'.repeat(12_000)],
    ["a number for a frame", "1e999"],
    ["a NUL", "\u0000"],
    ["half a character", '{"type":"subscribe","channel":"\\ud800"}'],
    ["a prototype", '{"__proto__":{"type":"subscribe","channel":"market"}}'],
    ["a type that objects have", '{"type":"constructor"}'],
    ["a filter that objects have", '{"type":"subscribe","channel":"market","filters":{"toString":"x"}}'],
    ["an offset past all numbers", '{"type":"subscribe","channel":"market","epoch":"e","offset":1e300}'],
    ["filters that are a list", '{"type":"subscribe","channel":"market","filters":["chain"]}'],
    ["an id that is an object", '{"type":"subscribe","channel":"market","id":{"toJSON":1}}'],
    ["a channel of 60 KB", `{"type":"subscribe","channel":"${"a:".repeat(30_000)}"}`],
  ])("that sends %s is told so and lives on", async (_, text) => {
    const socket = await openSocket("/ws?batch=0");
    socket.send(text);
    const error = await socket.next("error");
    expect(["INVALID_PARAMETERS", "NOT_FOUND"]).toContain(error["code"]);
    noTrace(error["message"]);
    expect(String(error["message"]).length).toBeLessThan(300);
    await socket.quiet();
    socket.close();
  });

  // Ten thousand of them run against the real edge: tests/e2e/centrifuge.test.ts.
  it("that subscribes to everything at once is closed with 4029 after its allowance, holds no more than its channels, and leaves none", async () => {
    const socket = await openSocket("/ws?batch=0");
    for (let index = 0; index < flood; index++) socket.send({ type: "subscribe", channel: `opportunities:chain-${index}` });
    expect((await socket.closed).code).toBe(4029);
    expect(socket.frames.filter(({ type }) => type === "subscribed").length).toBeLessThanOrEqual(socketChannelsMax);
    expect(socket.frames.filter(({ type }) => type === "error").length).toBeLessThanOrEqual(socketMessagesBurst);
    // The witness alone.
    expect(await rowsOfAllRelays("SELECT * FROM subs")).toHaveLength(1);
    expect(await rowsOfAllRelays("SELECT * FROM groups")).toHaveLength(1);
  });
});

describe("a Centrifugo socket", () => {
  it("that subscribes to everything at once is closed, in one frame or in many, and leaves none", async () => {
    const command = (index: number): string => `{"id":${index + 2},"subscribe":{"channel":"opportunities:c${index}"}}`;
    const many = await openSocket("/connection/websocket");
    many.send({ id: 1, connect: {} });
    for (let index = 0; index < flood; index++) many.send(command(index));
    expect((await many.closed).code).toBe(3013);
    const one = await openSocket("/connection/websocket");
    one.send({ id: 1, connect: {} });
    one.send(Array.from({ length: flood }, (_, index) => command(index)).join("\n"));
    expect((await one.closed).code).toBe(3501);
    expect(await rowsOfAllRelays("SELECT * FROM subs")).toHaveLength(1);
  });

  it.each([
    ["65 KB", "x".repeat(socketFrameBytesMax + 1), 1009],
    ["brackets without end", "[".repeat(60_000), 3501],
    ["a prototype", '{"id":1,"__proto__":{"connect":{}}}', 3501],
  ])("that sends %s is closed", async (_, text, code) => {
    const socket = await openSocket("/connection/websocket");
    socket.send(text);
    expect((await socket.closed).code).toBe(code);
  });
});

describe("an invented channel", () => {
  const names = [
    "orders-secret",
    "order:*",
    "*",
    "opportunities:*",
    "opportunities:",
    ":opportunities",
    "opportunities:arbitrum:usdc",
    "opportunities:ARBITRUM",
    "Opportunities",
    "opportunities ",
    "opportunities\u0000",
    "opportunities/../executions",
    "market:base",
    "metrics:arbitrum",
    "replay:MINE",
    "replay:my_own",
    "replay:mine:too",
    "replay",
    "channel:opportunities",
    "__proto__",
    "constructor",
    "toString",
  ];

  it.each(names)("%j is not found, whatever is asked of it and by whomever, and no object is made", async (channel) => {
    const before = await listDurableObjectIds(env.CHANNELS);
    const native = await openSocket(`/ws?token=${await token({ claims: { sub: "root", role: "admin" } })}`);
    for (const type of ["subscribe", "history"]) {
      native.send({ type, channel });
      expect(await native.next("error")).toMatchObject({ code: "NOT_FOUND", path: "channel" });
    }
    native.close();
    const centrifugo = await openSocket("/connection/websocket");
    centrifugo.send({ id: 1, connect: {} });
    centrifugo.send({ id: 2, subscribe: { channel } });
    expect(await centrifugo.reply(2)).toMatchObject({ error: { code: 102 } });
    centrifugo.close();
    expect(before.length).toBeGreaterThan(0);
    expect(await listDurableObjectIds(env.CHANNELS)).toHaveLength(before.length);
  });
});

describe("a right", () => {
  it.each([
    ["executions:ar", "executions:arbitrum"],
    ["execution", "executions"],
    ["executions:arbitrum", "executions"],
    ["executions:arbitrum", "executions:arbitrum-nova"],
    ["executions:*", "strategies"],
    ["exec*", "executions"],
    ["*:arbitrum", "executions"],
    ["", "executions"],
  ])("on %j does not reach %j", async (pattern, channel) => {
    const socket = await openSocket(
      `/ws?token=${await token({ claims: { sub: "u", channels: { [pattern]: ["subscribe", "history"] } } })}`,
    );
    await socket.next("authenticated");
    for (const type of ["subscribe", "history"]) {
      socket.send({ type, channel });
      expect(await socket.next("error")).toMatchObject({ code: "FORBIDDEN" });
    }
    socket.close();
  });
});
