/** Slow readers on real objects, in a runtime that does not say what is unsent: the client says how far it has read, or is taken for slow. */
import { evictDurableObject } from "cloudflare:test";
import { afterEach, expect, it, vi } from "vitest";
import { ackEveryMs } from "../../schemas/limits.ts";
import { rawRelay, relayRows } from "../../tests/support/relays.ts";
import { openSocket, opportunity, publish, type Frame, type TestSocket } from "../../tests/support/sockets.ts";
import { ackGraceMs } from "./flow.ts";

afterEach(() => vi.restoreAllMocks());

/** Moves the relay's clock without waiting; between bursts, or the jump would pass for the time that a flush took. */
function clock(): (ms: number) => Promise<void> {
  const real = Date.now.bind(Date);
  let aheadMs = 0;
  vi.spyOn(Date, "now").mockImplementation(() => real() + aheadMs);
  return async (ms) => {
    await vi.waitFor(async () => expect(await relayRows("SELECT 1 FROM streams WHERE clean = 0")).toEqual([]), 5_000);
    aheadMs += ms;
  };
}

const state = (subject: string, padding = 0): unknown =>
  opportunity({ id: crypto.randomUUID(), subject, type: "opportunity.updated", data: { metadata: { padding: "x".repeat(padding) } } });

async function leave(...sockets: readonly TestSocket[]): Promise<void> {
  for (const socket of sockets) socket.close();
  await Promise.all(sockets.map(({ closed }) => closed));
}

async function open(path: string): Promise<{ socket: TestSocket; subscribed: Frame }> {
  const socket = await openSocket(path);
  return { socket, subscribed: await socket.next("subscribed") };
}

/** Waits until the socket has this offset, and checks what a client of the contract checks. */
async function upTo(socket: TestSocket, offset: number): Promise<number[]> {
  await socket.find(`offset ${offset}`, (frame) => Number(frame["offset"]) >= offset && frame.type !== "subscribed");
  let last = 0;
  const offsets: number[] = [];
  for (const { type, offset: at, prev } of socket.frames.filter((frame) => "offset" in frame)) {
    if (prev !== undefined && Number(prev) > last) throw new Error(`hole before ${String(at)}`);
    last = Math.max(last, Number(at));
    if (type === "opportunity_updated") offsets.push(Number(at));
  }
  return offsets;
}

it("asks who offers and nobody else", async () => {
  const frames: Frame[] = [];
  for (const path of ["/ws/opportunities", "/ws/opportunities?ack=1", "/ws/opportunities?ack=0"]) {
    const { socket, subscribed } = await open(path);
    frames.push(subscribed);
    await leave(socket);
  }
  const socket = await openSocket("/ws?ack=1");
  socket.send({ type: "subscribe", channel: "opportunities" });
  frames.push(await socket.next("subscribed"));
  const other = await openSocket("/ws?batch=0");
  other.send({ type: "subscribe", channel: "opportunities", ack: true });
  frames.push(await other.next("subscribed"));
  other.send({ type: "subscribe", channel: "market" });
  frames.push(await other.next("subscribed"));
  expect(frames.map((frame) => frame["ack_every"])).toEqual([undefined, ackEveryMs, undefined, ackEveryMs, ackEveryMs, undefined]);
  expect(ackEveryMs).toBeGreaterThanOrEqual(10_000);
  await leave(socket);
  await leave(other);
});

// The one that sleeps first: a relay that has closed a socket can't be made to for a while.
it.each([{ sleeps: true }, { sleeps: false }])(
  "closes with 4008 who stopped acknowledging and has a megabyte unread, and nobody else (the relay sleeps first: $sleeps)",
  async ({ sleeps }) => {
    const forward = clock();
    const [silent, prompt, neighbour] = [
      await open("/ws/opportunities?ack=1"),
      await open("/ws/opportunities?ack=1"),
      await open("/ws/opportunities"),
    ];
    if (sleeps) await evictDurableObject(rawRelay());
    const { offsets } = await publish(
      "opportunities",
      Array.from({ length: 20 }, (_, index) => state(`big-${index}`, 55_000)),
    );
    const last = offsets.at(-1) ?? 0;
    for (const { socket } of [silent, prompt, neighbour]) await upTo(socket, last);
    await forward(ackGraceMs - 10_000);
    prompt.socket.send({ type: "ack", channel: "opportunities", offset: last });
    await prompt.socket.quiet();
    const early = await publish("opportunities", [state("early")]);
    await upTo(silent.socket, early.offsets[0] ?? 0);
    await forward(11_000);
    prompt.socket.send({ type: "ack", channel: "opportunities", offset: early.offsets[0] });
    await prompt.socket.quiet();
    const late = await publish("opportunities", [state("late")]);
    expect((await silent.socket.closed).code).toBe(4008);
    const expected = [...offsets, ...early.offsets, ...late.offsets];
    for (const { socket, subscribed } of [prompt, neighbour]) {
      expect((await upTo(socket, late.offsets[0] ?? 0)).filter((offset) => offset > Number(subscribed["offset"]))).toEqual(expected);
      await leave(socket);
    }
    // It comes back by its position, and has missed nothing.
    const at = `epoch=${String(silent.subscribed["epoch"])}&offset=${early.offsets[0]}`;
    const back = await open(`/ws/opportunities?ack=1&${at}`);
    expect(back.subscribed).toMatchObject({ recovered: true });
    expect(await upTo(back.socket, late.offsets[0] ?? 0)).toEqual(late.offsets);
    await leave(back.socket);
  },
);

it("shows who lags only the newest states, and everything again once it says that it has read", async () => {
  const forward = clock();
  const { socket } = await open("/ws/opportunities?ack=1");
  const { offsets: big } = await publish(
    "opportunities",
    Array.from({ length: 6 }, (_, index) => state(`some-${index}`, 55_000)),
  );
  await upTo(socket, big.at(-1) ?? 0);
  await forward(ackGraceMs + 1_000);
  const states: number[] = [];
  for (const subject of ["a", "a", "b", "a"]) states.push(...(await publish("opportunities", [state(subject)])).offsets);
  const seen = await upTo(socket, states.at(-1) ?? 0);
  expect(seen.slice(-2)).toEqual(states.slice(-2));
  expect(seen).not.toContain(states[0]);
  socket.send({ type: "ack", channel: "opportunities", offset: states.at(-1) });
  await socket.quiet();
  const after: number[] = [];
  for (const subject of ["a", "a", "a"]) after.push(...(await publish("opportunities", [state(subject)])).offsets);
  expect((await upTo(socket, after.at(-1) ?? 0)).slice(-3)).toEqual(after);
  await leave(socket);
});

it("acknowledgements cost nothing of a client's allowance, asked for or not", async () => {
  const { socket } = await open("/ws/opportunities");
  for (let count = 0; count < 400; count++) socket.send({ type: "ack", channel: "opportunities", offset: count });
  await socket.quiet();
  expect(socket.frames.filter(({ type }) => type === "error")).toEqual([]);
  await leave(socket);
});
