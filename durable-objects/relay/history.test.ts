/** History over a socket, against a real hub: pages forwards and backwards, of a stream and of a view. */
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { channelStub } from "../stubs.ts";
import { changeHub } from "../../tests/support/relays.ts";
import { openSocket, opportunities, publish, type Frame, type TestSocket } from "../../tests/support/sockets.ts";

let epoch: string;
let base: number;
/** base + 1 … base + 60: every tenth on `zora`, the others on arbitrum. */
beforeAll(async () => {
  const events = Array.from({ length: 60 }, (_, index) => opportunities(1, index % 10 === 9 ? { chain: "zora" } : {})).flat();
  const reply = await publish("opportunities", events);
  epoch = reply.epoch;
  base = (reply.offsets[0] ?? 0) - 1;
});
afterEach(() => changeHub(() => ({})));

async function ask(socket: TestSocket, wish: Record<string, unknown>): Promise<{ offset: number; offsets: number[]; prevs: number[] }> {
  socket.send({ type: "history", channel: "opportunities", ...wish });
  const frame = await socket.next("history");
  const events = frame["events"] as Frame[];
  return {
    offset: Number(frame["offset"]) - base,
    offsets: events.map((event) => Number(event["offset"]) - base),
    prevs: events.map((event) => Number(event["prev"]) - base),
  };
}

const range = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, index) => first + index);

describe("a page of history", () => {
  it("goes forwards from a position, and on from where it says", async () => {
    const socket = await openSocket("/ws");
    const first = await ask(socket, { since: base + 10, limit: 20, epoch });
    expect(first).toEqual({ offset: 30, offsets: range(11, 30), prevs: range(10, 29) });
    const rest = await ask(socket, { since: base + first.offset, limit: 1_000 });
    expect(rest).toEqual({ offset: 60, offsets: range(31, 60), prevs: range(30, 59) });
    expect(await ask(socket, { since: base + rest.offset })).toEqual({ offset: 60, offsets: [], prevs: [] });
    socket.close();
  });

  it("goes backwards from the newest, and on from where it says", async () => {
    const socket = await openSocket("/ws");
    const first = await ask(socket, { reverse: true, limit: 20 });
    expect(first).toEqual({ offset: 41, offsets: range(41, 60).toReversed(), prevs: range(40, 59).toReversed() });
    const next = await ask(socket, { reverse: true, since: base + first.offset, limit: 10 });
    expect(next.offsets).toEqual(range(31, 40).toReversed());
    socket.close();
  });

  it("of a view is filled from as much of the stream as that takes, each event naming the one before", async () => {
    const socket = await openSocket("/ws");
    const forwards = await ask(socket, { channel: "opportunities:zora", since: base, limit: 3 });
    expect(forwards).toEqual({ offset: 30, offsets: [10, 20, 30], prevs: [0, 10, 20] });
    const newest = await ask(socket, { channel: "opportunities:zora", limit: 2 });
    expect(newest).toEqual({ offset: 60, offsets: [50, 60], prevs: [40, 50] });
    const backwards = await ask(socket, { channel: "opportunities:zora", reverse: true, since: base + 50, limit: 2 });
    expect(backwards).toEqual({ offset: 30, offsets: [40, 30], prevs: [30, 20] });
    socket.close();
  });

  it("ends where the stream begins", async () => {
    const socket = await openSocket("/ws");
    const { offset, offsets } = await ask(socket, { channel: "opportunities:zora", reverse: true, limit: 100 });
    expect(offsets).toEqual([60, 50, 40, 30, 20, 10]);
    const before = await ask(socket, { channel: "opportunities:zora", reverse: true, since: base + offset });
    expect(before.offsets).toEqual([]);
    socket.close();
  });

  it("is made of as many answers of the hub as it takes", async () => {
    let calls = 0;
    await changeHub((real) => ({
      history: (request) => {
        calls += 1;
        // An answer holds seven events at most.
        return real.history({ ...request, limit: Math.min(request.limit ?? 7, 7), ...(request.reverse === true ? { since: 0 } : {}) });
      },
    }));
    const socket = await openSocket("/ws");
    expect((await ask(socket, { since: base + 3, limit: 50 })).offsets).toEqual(range(4, 53));
    expect((await ask(socket, { reverse: true, limit: 50 })).offsets).toEqual(range(11, 60).toReversed());
    expect(calls).toBe(2 * 9);
    socket.close();
  });

  it.each([
    ["of another epoch", { epoch: "0-foreign", since: 1 }],
    ["beyond the top", { since: 1_000_000 }],
  ])("from a position %s is refused when the client names its epoch", async (_, wish) => {
    const socket = await openSocket("/ws");
    socket.send({ type: "history", channel: "opportunities", epoch, ...wish, id: 4 });
    expect(await socket.next("error")).toMatchObject({ code: "CONFLICT", path: "since", id: 4 });
    socket.close();
  });

  it("that the log no longer reaches back to is refused to who names the epoch, and begins where the log does for who does not", async () => {
    const first = base + 40;
    await changeHub((real) => ({
      history: (request) => real.history({ ...request, since: Math.max(request.since, first - 1) }).then((reply) => ({ ...reply, first })),
    }));
    const socket = await openSocket("/ws");
    socket.send({ type: "history", channel: "opportunities", epoch, since: base + 1 });
    expect(await socket.next("error")).toMatchObject({ code: "CONFLICT" });
    // A hole for a client that stood at the position it asked from.
    expect(await ask(socket, { since: base + 1, limit: 2 })).toEqual({ offset: 41, offsets: [40, 41], prevs: [39, 40] });
    expect((await ask(socket, { reverse: true, limit: 100 })).offsets).toEqual(range(40, 60).toReversed());
    socket.close();
  });

  it("is refused while the hub is out of reach", async () => {
    await changeHub(() => ({ history: () => Promise.reject(new Error("down")) }));
    const socket = await openSocket("/ws");
    socket.send({ type: "history", channel: "opportunities" });
    expect(await socket.next("error")).toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });
    socket.close();
  });
});

describe("the hub's newest page", () => {
  it("ends at the top however large its events are, and is cut at its far end", async () => {
    const large = Array.from({ length: 40 }, () => opportunities(1, { metadata: { pad: "x".repeat(50_000) } })).flat();
    for (const event of large) await publish("opportunities", [event]);
    const stub = channelStub(env, "opportunities");
    const { rows, top } = await stub.history({ v: 1, stream: "opportunities", since: 0, limit: 1_000, reverse: true });
    const last = rows.at(-1);
    expect((last?.first ?? 0) + (last?.count ?? 0) - 1).toBe(top);
    const bytes = rows.reduce((sum, row) => sum + row.lines.length, 0);
    expect(bytes).toBeGreaterThan(300_000);
    expect(bytes).toBeLessThan(2 * 1_048_576);
  });
});
