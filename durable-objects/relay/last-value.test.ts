/** A last-value channel, `market`: whatever was missed, its newest event makes a client whole. */
import { evictDurableObject } from "cloudflare:test";
import { expect, it, vi } from "vitest";
import { rawRelay, relayRows } from "../../tests/support/relays.ts";
import { openSocket, publish, type Frame } from "../../tests/support/sockets.ts";

let clock = Date.now();
function market(profit: string, timeMs = (clock += 1_000)): unknown {
  const time = new Date(timeMs).toISOString();
  const data = { profit, success_rate: "0.9", latency_ms: 40, total_opportunities: 1, total_executions: 1, last_update: time };
  return { specversion: "1.0", id: crypto.randomUUID(), source: "contabo/test", type: "market.updated", time, data };
}

/** Published, and known to the relay as well. */
async function seen(events: readonly unknown[]): Promise<{ epoch: string; offsets: readonly number[] }> {
  const witness = await openSocket("/ws/market");
  await witness.next("subscribed");
  const reply = await publish("market", events);
  await witness.take("market_updated", events.length);
  witness.close();
  await witness.closed;
  return reply;
}

async function back(position: { epoch: string; offset: number }): Promise<{ answer: Frame; missed: Frame[] }> {
  const socket = await openSocket(`/ws/market?epoch=${position.epoch}&offset=${position.offset}`);
  const answer = await socket.next("subscribed");
  await socket.quiet();
  const missed = socket.frames.filter(({ type }) => type === "market_updated");
  socket.close();
  await socket.closed;
  return { answer, missed };
}

it("that never had an event recovers nobody", async () => {
  const socket = await openSocket("/ws/market");
  const { epoch } = await socket.next("subscribed");
  socket.close();
  expect(await back({ epoch: String(epoch), offset: 0 })).toMatchObject({ answer: { recovered: false, offset: 0 }, missed: [] });
});

it.each([
  ["any position", (top: number, epoch: string) => ({ epoch, offset: top - 3 })],
  ["a position beyond the top", (top: number, epoch: string) => ({ epoch, offset: top + 50 })],
  ["a position of another epoch", (top: number) => ({ epoch: "0-foreign", offset: top })],
])("recovers a client at %s with its newest event alone, without a hole", async (_, standing) => {
  const { epoch, offsets } = await seen([market("1"), market("2"), market("3"), market("4")]);
  const top = offsets.at(-1) ?? 0;
  const { answer, missed } = await back(standing(top, epoch));
  expect(answer).toMatchObject({ recovered: true, was_recovering: true, epoch });
  expect(missed).toMatchObject([{ offset: top, prev: answer["offset"], data: { profit: "4" } }]);
});

it("has nothing for a client that knows its newest event, nor for one that stands at a stale event after it", async () => {
  const { epoch, offsets } = await seen([market("5")]);
  const newest = offsets[0] ?? 0;
  expect(await back({ epoch, offset: newest })).toMatchObject({ answer: { recovered: true, offset: newest }, missed: [] });
  const late = await seen([market("0", clock - 60_000)]);
  const stale = late.offsets[0] ?? 0;
  expect(await back({ epoch, offset: stale })).toMatchObject({ answer: { recovered: true, offset: stale }, missed: [] });
  expect((await back({ epoch, offset: newest - 1 })).missed).toMatchObject([{ offset: newest, data: { profit: "5" } }]);
});

it("is read from the hub when the relay has slept", async () => {
  const { epoch, offsets } = await seen([market("6"), market("7")]);
  await vi.waitFor(async () => expect(await relayRows("SELECT stream FROM streams WHERE clean = 0")).toEqual([]), 5_000);
  await evictDurableObject(rawRelay());
  const { missed } = await back({ epoch, offset: 1 });
  expect(missed).toMatchObject([{ offset: offsets.at(-1), data: { profit: "7" } }]);
});

it("answers Centrifugo's recovery in the same way", async () => {
  const { epoch, offsets } = await seen([market("8"), market("9")]);
  const socket = await openSocket("/connection/websocket");
  socket.send({ id: 1, connect: {} });
  socket.send({ id: 2, subscribe: { channel: "prices", recover: true, epoch, offset: 1 } });
  expect(await socket.reply(2)).toMatchObject({
    subscribe: { recovered: true, publications: [{ offset: offsets.at(-1), data: { data: { profit: "9" } } }] },
  });
  socket.close();
});
