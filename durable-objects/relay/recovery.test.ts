/** Returning by position, on real objects: exactly what was missed, then live, or a clear no. */
import { evictDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, it, vi } from "vitest";
import { setFaults } from "../../tests/support/faults.ts";
import { Gate, changeHub, rawRelay, relayRows } from "../../tests/support/relays.ts";
import { openSocket, opportunities, publish, type Frame, type TestSocket } from "../../tests/support/sockets.ts";

interface Position {
  readonly epoch: string;
  readonly offset: number;
}

afterEach(async () => {
  setFaults({});
  await changeHub(() => ({}));
});

const back = ({ epoch, offset }: Position): string => `/ws/opportunities?epoch=${epoch}&offset=${offset}`;
const range = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, index) => first + index);

async function standing(): Promise<Position> {
  const { epoch, offsets } = await publish("opportunities", opportunities(1));
  return { epoch, offset: offsets[0] ?? 0 };
}

async function miss(count: number): Promise<number> {
  let last = 0;
  for (let left = count; left > 0; left -= 100)
    last = (await publish("opportunities", opportunities(Math.min(left, 100)))).offsets.at(-1) ?? 0;
  return last;
}

/** Offsets of `count` events, checked to be without a hole for a client that started at `since`. */
async function follow(socket: TestSocket, since: number, count: number): Promise<number[]> {
  const frames = await socket.take("opportunity_detected", count);
  let last = since;
  for (const frame of frames) {
    expect(Number(frame["prev"])).toBeLessThanOrEqual(last);
    expect(Number(frame["offset"])).toBeGreaterThan(last);
    last = Number(frame["offset"]);
  }
  return frames.map((frame) => Number(frame["offset"]));
}

/** Until the relay has been told of this position and its sockets were sent everything up to it. */
async function relayAt(offset: number): Promise<void> {
  const socket = await openSocket("/ws/opportunities");
  let last = Number((await socket.next("subscribed"))["offset"]);
  while (last < offset) last = Number((await socket.next("opportunity_detected"))["offset"]);
  socket.close();
  await socket.closed;
}

/** A relay that holds no rows: whatever was missed must be pulled. */
async function forgetRing(): Promise<void> {
  await vi.waitFor(async () => expect(await relayRows("SELECT stream FROM streams WHERE clean = 0")).toEqual([]), 5_000);
  await evictDurableObject(rawRelay());
}

describe("a position that can't be recovered", () => {
  it.each([
    ["beyond the top", ({ epoch, offset }: Position): Position => ({ epoch, offset: offset + 1_000 })],
    ["of another epoch", ({ offset }: Position): Position => ({ epoch: "0-foreign", offset })],
  ])("%s: not recovered, no events, live from the current position", async (_, spoil) => {
    const here = await standing();
    await relayAt(here.offset);
    const socket = await openSocket(back(spoil(here)));
    expect(await socket.next("subscribed")).toMatchObject({
      recovered: false,
      was_recovering: true,
      epoch: here.epoch,
      offset: here.offset,
    });
    await publish("opportunities", opportunities(1));
    expect(await follow(socket, here.offset, 1)).toEqual([here.offset + 1]);
    socket.close();
  });

  it("trimmed: not recovered, and never in part", async () => {
    const here = await standing();
    const top = await miss(5);
    await forgetRing();
    await changeHub((real) => ({
      // A log that holds the last two events only.
      history: (request) =>
        real.history({ ...request, since: Math.max(request.since, top - 2) }).then((reply) => ({ ...reply, first: top - 1 })),
    }));
    const socket = await openSocket(back(here));
    expect(await socket.next("subscribed")).toMatchObject({ recovered: false, offset: top });
    await publish("opportunities", opportunities(1));
    expect(await follow(socket, top, 1)).toEqual([top + 1]);
    socket.close();
  });

  it("while the hub is out of reach: an error, and no subscription that would hide a hole", async () => {
    const here = await standing();
    await miss(3);
    await forgetRing();
    await changeHub(() => ({ history: () => Promise.reject(new Error("down")) }));
    const socket = await openSocket("/ws");
    socket.send({ type: "subscribe", channel: "opportunities", ...here, id: 1 });
    expect(await socket.next("error")).toMatchObject({ code: "UPSTREAM_UNAVAILABLE", id: 1 });
    await changeHub(() => ({}));
    socket.send({ type: "subscribe", channel: "opportunities", ...here, id: 2 });
    expect(await socket.next("subscribed")).toMatchObject({ recovered: true, id: 2 });
    expect(await follow(socket, here.offset, 3)).toHaveLength(3);
    socket.close();
  });
});

describe("a position that can be recovered", () => {
  it("with nothing missed is recovered", async () => {
    const here = await standing();
    const socket = await openSocket(back(here));
    expect(await socket.next("subscribed")).toMatchObject({ recovered: true, was_recovering: true, ...here });
    socket.close();
  });

  it.each(["from the ring", "from the hub"])("500 missed events come back exactly, %s, then live ones", async (where) => {
    const witness = await openSocket("/ws/opportunities");
    await witness.next("subscribed");
    const here = await standing();
    const top = await miss(500);
    await witness.take("opportunity_detected", 501);
    if (where === "from the hub") await forgetRing();
    const socket = await openSocket(back(here));
    expect(await socket.next("subscribed")).toMatchObject({ recovered: true, ...here });
    await publish("opportunities", opportunities(1));
    expect(await follow(socket, here.offset, 501)).toEqual(range(here.offset + 1, top + 1));
    socket.close();
    witness.close();
  });

  it("of a view: its missed events only, then a position so that nothing seems missing", async () => {
    const here = await standing();
    const { offsets } = await publish("opportunities", [...opportunities(2, { chain: "bsc" }), ...opportunities(3)]);
    // What a relay has not sent yet would come live.
    await relayAt(offsets.at(-1) ?? 0);
    const socket = await openSocket(`/parties/channel/opportunities:bsc?epoch=${here.epoch}&offset=${here.offset}`);
    expect(await socket.next("subscribed")).toMatchObject({ channel: "opportunities:bsc", recovered: true });
    expect(await follow(socket, here.offset, 2)).toEqual([here.offset + 1, here.offset + 2]);
    expect(await socket.next("position")).toEqual({ type: "position", channel: "opportunities:bsc", offset: here.offset + 5 });
    socket.close();
  });

  it("misses nothing of what happens while the missed events are pulled", async () => {
    const here = await standing();
    await miss(3);
    await forgetRing();
    const gate = new Gate();
    await changeHub((real) => ({ history: (request) => gate.pass().then(() => real.history(request)) }));
    const other = await openSocket("/ws/opportunities");
    const joined = Number((await other.next("subscribed"))["offset"]);
    const socket = await openSocket(back(here));
    await gate.reached();
    const top = await miss(4);
    await other.take("opportunity_detected", 4);
    gate.open();
    await socket.next("subscribed");
    await publish("opportunities", opportunities(1));
    expect(await follow(socket, here.offset, 8)).toEqual(range(here.offset + 1, top + 1));
    expect(await follow(other, joined + 4, 1)).toEqual([top + 1]);
    socket.close();
    other.close();
  });

  it("is pulled once for all who miss the same, and then kept for those who come later", async () => {
    const here = await standing();
    const top = await miss(5);
    await forgetRing();
    const gate = new Gate();
    await changeHub((real) => ({ history: (request) => gate.pass().then(() => real.history(request)) }));
    const crowd = await Promise.all(range(1, 20).map(() => openSocket(back(here))));
    await gate.reached();
    gate.open();
    for (const socket of crowd) expect(await follow(socket, here.offset, 5)).toEqual(range(here.offset + 1, top));
    const late = await openSocket(back(here));
    expect(await follow(late, here.offset, 5)).toHaveLength(5);
    expect(gate.passed).toBe(1);
    for (const socket of [...crowd, late]) socket.close();
  });

  it("is handled in the order of the client's frames: an unsubscribe waits for the subscribe before it", async () => {
    const here = await standing();
    await miss(2);
    await forgetRing();
    const gate = new Gate();
    await changeHub((real) => ({ history: (request) => gate.pass().then(() => real.history(request)) }));
    const socket = await openSocket("/ws");
    socket.send({ type: "subscribe", channel: "opportunities", ...here });
    socket.send({ type: "unsubscribe", channel: "opportunities" });
    await gate.reached();
    await socket.quiet();
    gate.open();
    await socket.next("unsubscribed");
    const types = socket.frames.map((frame: Frame) => frame.type).filter((type) => type.includes("subscribed"));
    expect(types).toEqual(["subscribed", "unsubscribed"]);
    socket.close();
  });

  it("leaves nothing behind when the socket goes away in the middle", async () => {
    const here = await standing();
    await miss(2);
    await forgetRing();
    const gate = new Gate();
    await changeHub((real) => ({ history: (request) => gate.pass().then(() => real.history(request)) }));
    const socket = await openSocket(back(here));
    await gate.reached();
    socket.close();
    await socket.closed;
    gate.open();
    const next = await openSocket(back(here));
    await next.next("subscribed");
    expect(await relayRows("SELECT * FROM subs")).toHaveLength(1);
    next.close();
  });

  it("ahead of a relay that lags is waited for, and no older event is sent", async () => {
    const witness = await openSocket("/ws/opportunities");
    await witness.next("subscribed");
    const gate = new Gate();
    setFaults({ deliver: (_, request, send) => gate.pass().then(() => send(request)) });
    const here = await standing();
    await gate.reached();
    const socket = await openSocket(back(here));
    setTimeout(() => gate.open(), 50);
    expect(await socket.next("subscribed")).toMatchObject({ recovered: true, ...here });
    await publish("opportunities", opportunities(1));
    expect(await follow(socket, here.offset, 1)).toEqual([here.offset + 1]);
    socket.close();
    witness.close();
  });
});

describe("a rewind", () => {
  it.each([
    [3, "gnosis"],
    ["30s", "celo"],
  ])("of %j shows what has just happened, then live", async (rewind, chain) => {
    const here = await standing();
    const { offsets } = await publish("opportunities", [...opportunities(5, { chain }), ...opportunities(2)]);
    await relayAt(offsets.at(-1) ?? 0);
    const socket = await openSocket("/ws");
    socket.send({ type: "subscribe", channel: `opportunities:${chain}`, rewind });
    const count = rewind === 3 ? 3 : 5;
    const since = here.offset + 5 - count;
    expect(await socket.next("subscribed")).toMatchObject({ recovered: false, was_recovering: false, offset: since });
    expect(await follow(socket, since, count)).toEqual(range(since + 1, since + count));
    expect(await socket.next("position")).toMatchObject({ offset: here.offset + 7 });
    const { offsets: next } = await publish("opportunities", opportunities(1, { chain }));
    expect(await follow(socket, here.offset + 7, 1)).toEqual(next);
    socket.close();
  });

  it("over a log that reaches less far shows what there is", async () => {
    await miss(4);
    const top = await miss(1);
    await forgetRing();
    await changeHub((real) => ({
      history: (request) =>
        real.history({ ...request, since: Math.max(request.since, top - 2) }).then((reply) => ({ ...reply, first: top - 1 })),
    }));
    const socket = await openSocket("/ws");
    socket.send({ type: "subscribe", channel: "opportunities", rewind: 5 });
    expect(await socket.next("subscribed")).toMatchObject({ offset: top - 2 });
    expect(await follow(socket, top - 2, 2)).toEqual([top - 1, top]);
    socket.close();
  });
});
