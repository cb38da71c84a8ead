/** Questions to the edge: who listens, and pages of history, through cuts, refusals and silence. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Channel } from "./handles.ts";
import type { Opportunity } from "./channels.ts";
import type { Client } from "./connect.ts";
import { EdgeError } from "./errors.ts";
import { answerTimeoutMs, pendingMax } from "./requests.ts";
import { event, fakeClient, nextSocket, type FakeSocket } from "../testing/fake-edge.ts";

let client: Client;
let channel: Channel<Opportunity>;
let socket: FakeSocket;
beforeEach(async () => {
  vi.useFakeTimers();
  client = fakeClient();
  channel = client.channel("opportunities", { filters: { chain: "base" } });
  socket = await nextSocket();
  socket.subscribes({ offset: 7 });
});
afterEach(() => {
  client.close();
  vi.useRealTimers();
});

const idOf = (from: FakeSocket, type: string): unknown => from.sentOf(type).at(-1)?.["id"];
const presence = (over: object = {}): object => ({
  type: "presence",
  channel: "opportunities",
  members: [{ user: "u1", client: "c1" }],
  users: 1,
  clients: 3,
  ...over,
});
const onBase = (offset: number, over: object = {}): object =>
  event(offset, { data: { opportunity_id: `o-${offset}`, chain: "base" }, ...over });

/** The code it rejected with. */
async function codeOf(asked: Promise<unknown>): Promise<string> {
  const error = await asked.catch((reason: unknown) => reason);
  if (!(error instanceof EdgeError)) throw new Error(`not refused: ${String(error)}`);
  return error.code;
}

describe("is refused by its code", () => {
  it("when the edge refuses it, and the channel goes on", async () => {
    const asked = channel.presence();
    socket.says({ type: "error", code: "FORBIDDEN", message: "no right to see who listens", id: idOf(socket, "presence") });
    expect(await codeOf(asked)).toBe("FORBIDDEN");
    expect(channel.phase).toBe("live");
  });

  it("when nobody answers", async () => {
    const asked = codeOf(channel.history());
    await vi.advanceTimersByTimeAsync(answerTimeoutMs - 1);
    socket.says({ type: "pong" });
    await vi.advanceTimersByTimeAsync(1);
    expect(await asked).toBe("TIMEOUT");
  });

  it("when the channel was closed, or closes meanwhile", async () => {
    const asked = codeOf(channel.presence());
    client.close();
    expect(await asked).toBe("CLOSED");
    expect(await codeOf(channel.presence())).toBe("CLOSED");
  });

  it("when too many wait already; one that is answered makes room", async () => {
    const asked = Array.from({ length: pendingMax }, () => channel.presence());
    expect(await codeOf(channel.presence())).toBe("TOO_MANY_REQUESTS");
    socket.says(presence({ id: socket.sentOf("presence")[0]?.["id"] }));
    await asked[0];
    void channel.presence().catch(() => undefined);
    expect(socket.sentOf("presence")).toHaveLength(pendingMax + 1);
    for (const rest of asked) rest.catch(() => undefined);
  });
});

describe("presence", () => {
  it("tells who listens", async () => {
    const asked = channel.presence();
    expect(socket.sentOf("presence")).toEqual([{ type: "presence", channel: "opportunities", id: expect.any(Number) }]);
    socket.says(presence({ id: idOf(socket, "presence") }));
    expect(await asked).toEqual({ members: [{ user: "u1", client: "c1" }], users: 1, clients: 3 });
  });

  it("takes the answer to its own question alone, and none that is no answer", async () => {
    const asked = channel.presence();
    const id = idOf(socket, "presence");
    socket.says(presence(), presence({ id: 4_711 }), presence({ id, members: [{ user: 1 }] }), presence({ id, clients: -1 }));
    let isAnswered = false;
    void asked.then(() => (isAnswered = true));
    await vi.advanceTimersByTimeAsync(1);
    expect(isAnswered).toBe(false);
    socket.says(presence({ id, users: 9 }));
    expect((await asked).users).toBe(9);
  });

  it("survives a cut: it is asked again on the next connection, after the subscription", async () => {
    const asked = channel.presence();
    socket.closes(1006);
    const next = await nextSocket();
    expect(next.sent.map(({ type }) => type)).toEqual(["subscribe", "presence"]);
    next.says(presence({ id: idOf(next, "presence") }));
    expect((await asked).clients).toBe(3);
  });
});

describe("history", () => {
  it.each([
    [undefined, {}],
    [
      { limit: 5, reverse: true },
      { limit: 5, reverse: true },
    ],
    [{ since: 3 }, { since: 3 }],
    [
      { since: { epoch: "e1", offset: 3 }, limit: 2 },
      { since: 3, epoch: "e1", limit: 2 },
    ],
  ])("asks for what is wanted: %j", (options, frame) => {
    void channel.history(options).catch(() => undefined);
    expect(JSON.parse(JSON.stringify(socket.sentOf("history")))).toEqual([
      { type: "history", channel: "opportunities", id: expect.any(Number), ...frame },
    ]);
  });

  it("hands over a page, revived and filtered like the channel, and where to go on", async () => {
    const asked = channel.history({ since: 0 });
    const withDate = onBase(3, { meta: { values: { seen: ["Date"] } }, data: { chain: "base", seen: "2026-11-24T02:00:00.000Z" } });
    const id = idOf(socket, "history");
    socket.says({
      type: "history",
      channel: "opportunities",
      epoch: "e1",
      offset: 4,
      events: [onBase(1), event(2), withDate, onBase(4)],
      id,
    });
    const { events, position } = await asked;
    expect(position).toEqual({ epoch: "e1", offset: 4 });
    expect(events.map(({ offset }) => offset)).toEqual([1, 3, 4]);
    expect(events[1]?.data).toEqual({ chain: "base", seen: new Date("2026-11-24T02:00:00.000Z") });
    expect(events[1]).not.toHaveProperty("meta");
    const next = channel.history({ since: position });
    expect(socket.sentOf("history").at(-1)).toMatchObject({ since: 4, epoch: "e1" });
    void next.catch(() => undefined);
  });

  it("moves neither the channel's position nor its events", async () => {
    const told: number[] = [];
    channel.on("event", ({ offset }) => told.push(offset));
    const asked = channel.history();
    socket.says({ type: "history", channel: "opportunities", epoch: "e9", offset: 99, events: [onBase(99)], id: idOf(socket, "history") });
    await asked;
    expect([told, channel.position]).toEqual([[], { epoch: "e1", offset: 7 }]);
  });

  it("that does not continue from a position says so", async () => {
    const asked = channel.history({ since: { epoch: "gone", offset: 1 } });
    socket.says({ type: "error", code: "CONFLICT", message: "the history does not continue", id: idOf(socket, "history") });
    expect(await codeOf(asked)).toBe("CONFLICT");
  });

  it.each([
    ["no list", { events: {} }],
    ["what is no event", { events: [{ type: "opportunity_detected" }] }],
    ["no offset", { offset: "4" }],
  ])("with %s is no answer", async (_, over) => {
    const asked = codeOf(channel.history());
    socket.says({ type: "history", channel: "opportunities", epoch: "e1", offset: 4, events: [], id: idOf(socket, "history"), ...over });
    await vi.advanceTimersByTimeAsync(answerTimeoutMs);
    expect(await asked).toBe("TIMEOUT");
  });
});
