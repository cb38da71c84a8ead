/** The list an application shows: from the snapshot, through live events, a loss and its repair. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { opportunityJson } from "../../tests/support/publications.ts";
import { event, fakeClient, nextSocket } from "../testing/fake-edge.ts";
import type { Client } from "./connect.ts";
import type { EntityList } from "./entities.ts";
import type { Opportunity } from "./channels.ts";

let client: Client | undefined;
beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  client?.close();
  vi.useRealTimers();
});

const data = (id: string, profit: string): Record<string, unknown> =>
  opportunityJson({ id, profit, timeMs: Date.now() })["data"] as Record<string, unknown>;

const told = (offset: number, id: string, profit: string, over: object = {}): object => event(offset, { data: data(id, profit), ...over });

/** A client with a list, on an edge whose snapshot is what `snapshot` says at the time. */
function listed() {
  const edge = { offset: 10, items: [{ ...data("a", "5"), offset: 9 }] as object[], isDown: false, asked: 0 };
  const fetch = (async () => {
    edge.asked += 1;
    const answer = { success: true, data: { epoch: "e1", offset: edge.offset, items: edge.items }, pagination: { has_next: false } };
    return edge.isDown
      ? new Response('{"success":false,"error":{"code":"NOT_FOUND","message":"no"}}', { status: 404 })
      : new Response(JSON.stringify(answer));
  }) as unknown as typeof globalThis.fetch;
  client = fakeClient({ fetch });
  const view = client.entities("opportunities", { limit: 3 });
  const lists: EntityList<Opportunity>[] = [];
  view.onChange((list) => lists.push(list));
  const shown = (): string[] => view.current.items.map((each) => `${each.opportunity_id} ${each.estimated_profit}`);
  return { edge, view, lists, shown };
}

it("is loading until the snapshot and the events after it are there, then live", async () => {
  const { view, shown } = listed();
  expect(view.current).toEqual({ items: [], state: "loading", error: undefined });
  const socket = await nextSocket();
  await vi.advanceTimersByTimeAsync(60);
  expect([view.current.state, ...shown()]).toEqual(["loading", "a 5"]);
  expect(socket.sentOf("subscribe")).toMatchObject([{ channel: "opportunities", epoch: "e1", offset: 10 }]);
  socket.subscribes({ offset: 10, recovered: true });
  socket.says(told(11, "b", "7"), told(12, "a", "1", { stale: true }));
  await vi.advanceTimersByTimeAsync(60);
  expect([view.current.state, ...shown()]).toEqual(["live", "b 7", "a 5"]);
});

it("makes a thousand events a few lists, with no more items than asked for, and the same object until the next change", async () => {
  const { view, lists, shown } = listed();
  const socket = await nextSocket();
  socket.subscribes({ offset: 10, recovered: true });
  for (let offset = 11; offset <= 1_010; offset++) socket.says(told(offset, `o-${offset % 50}`, String(offset)));
  await vi.advanceTimersByTimeAsync(500);
  expect(lists.length).toBeLessThan(5);
  expect(shown()).toEqual(["o-10 1010", "o-9 1009", "o-8 1008"]);
  const held = view.current;
  await vi.advanceTimersByTimeAsync(1_000);
  expect(view.current).toBe(held);
});

it("loses an opportunity when its time is over, without an event", async () => {
  const { shown } = listed();
  (await nextSocket()).subscribes({ offset: 10, recovered: true });
  await vi.advanceTimersByTimeAsync(1_000);
  expect(shown()).toEqual(["a 5"]);
  await vi.advanceTimersByTimeAsync(31_000);
  expect(shown()).toEqual([]);
});

it("says that it is incomplete when a loss could not be made good, and reconnect() makes it good", async () => {
  const { edge, view, shown } = listed();
  (await nextSocket()).subscribes({ offset: 10, recovered: true });
  await vi.advanceTimersByTimeAsync(60);
  edge.isDown = true;
  client?.reconnect();
  const cut = await nextSocket();
  cut.subscribes({ offset: 90 });
  await vi.advanceTimersByTimeAsync(1_000);
  cut.subscribes({ offset: 90, recovered: true });
  cut.says(told(91, "b", "7"));
  await vi.advanceTimersByTimeAsync(60);
  expect([view.current.state, view.current.error?.code, ...shown()]).toEqual(["incomplete", "NOT_FOUND", "b 7", "a 5"]);
  Object.assign(edge, { isDown: false, offset: 95, items: [{ ...data("c", "9"), offset: 94 }] });
  client?.reconnect();
  const mended = await nextSocket();
  await vi.advanceTimersByTimeAsync(60);
  mended.subscribes({ offset: 95, recovered: true });
  await vi.advanceTimersByTimeAsync(60);
  expect([view.current.state, view.current.error, ...shown()]).toEqual(["live", undefined, "c 9"]);
});

it("is shared by those who ask for the same, and leaves nothing behind when the last is gone", async () => {
  const { view, edge } = listed();
  const again = client?.entities("opportunities", { limit: 3 });
  const socket = await nextSocket();
  expect([edge.asked, socket.sentOf("subscribe").length]).toEqual([1, 1]);
  view.close();
  again?.close();
  await vi.advanceTimersByTimeAsync(2_000);
  expect(socket.readyState).toBe(3);
  expect(vi.getTimerCount()).toBe(0);
});
