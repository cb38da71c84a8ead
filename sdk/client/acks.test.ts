/** What a client says of how far it has read: to an edge that asks, and to no other. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { event, fakeClient, nextSocket, type FakeSocket } from "../testing/fake-edge.ts";
import type { Client } from "./connect.ts";

let client: Client | undefined;
beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  client?.close();
  vi.useRealTimers();
});

const everyMs = 10_000;

async function subscribed(over: object = {}): Promise<FakeSocket> {
  client = fakeClient();
  client.channel("opportunities");
  const socket = await nextSocket();
  socket.subscribes({ offset: 10, ...over });
  return socket;
}

const acked = (socket: FakeSocket): unknown[] => socket.sentOf("ack").map(({ channel, offset }) => [channel, offset]);

it("offers it, and says nothing where it was not asked", async () => {
  const socket = await subscribed();
  socket.says(event(11));
  await vi.advanceTimersByTimeAsync(5 * everyMs);
  expect(socket.sentOf("subscribe")[0]).toMatchObject({ ack: true });
  expect(acked(socket)).toEqual([]);
});

it.each([0, -1, 5, "10000", null])("takes %j for no period", async (ackEvery) => {
  const socket = await subscribed({ ack_every: ackEvery });
  socket.says(event(11));
  await vi.advanceTimersByTimeAsync(5 * everyMs);
  expect(acked(socket)).toEqual([]);
});

it("says the last offset once a period, and nothing while nothing comes", async () => {
  const socket = await subscribed({ ack_every: everyMs });
  await vi.advanceTimersByTimeAsync(3 * everyMs);
  expect(acked(socket)).toEqual([]);
  for (let offset = 11; offset <= 30; offset++) {
    socket.says(event(offset));
    await vi.advanceTimersByTimeAsync(1_000);
  }
  await vi.advanceTimersByTimeAsync(10 * everyMs);
  expect(acked(socket)).toEqual([
    ["opportunities", 20],
    ["opportunities", 30],
  ]);
});

it("counts a position as read", async () => {
  const socket = await subscribed({ ack_every: everyMs });
  socket.says({ type: "position", channel: "opportunities", offset: 40 });
  await vi.advanceTimersByTimeAsync(everyMs);
  expect(acked(socket)).toEqual([["opportunities", 40]]);
});

it("says nothing of an earlier connection on a later one", async () => {
  const socket = await subscribed({ ack_every: everyMs });
  socket.says(event(11));
  socket.closes(1001);
  const next = await nextSocket();
  await vi.advanceTimersByTimeAsync(2 * everyMs);
  expect([...acked(socket), ...acked(next)]).toEqual([]);
  next.subscribes({ offset: 11, recovered: true, ack_every: everyMs });
  next.says(event(12));
  await vi.advanceTimersByTimeAsync(everyMs);
  expect(acked(next)).toEqual([["opportunities", 12]]);
});
