import { expect, it } from "vitest";
import { LiveEvent } from "../../channels/dialects/live-event.ts";
import { renewEveryMs } from "../../schemas/limits.ts";
import { opportunity, publicationOf } from "../../tests/support/sockets.ts";
import { Group, isFiltered, keyOf, viewKeyOf, type GroupSpec } from "./groups.ts";

const view: GroupSpec = { channel: "opportunities:base", stream: "opportunities", dialect: "native", chain: "base", filters: {} };
const whole: GroupSpec = { channel: "opportunities", stream: "opportunities", dialect: "native", filters: {} };
const start = { position: 10, prev: 10, nowMs: 0, woken: false };

function live(offset: number, chain: string): LiveEvent {
  const { text } = publicationOf(opportunity({ id: `o${offset}`, data: { chain } }));
  return new LiveEvent({ offset, at: 0, stale: false, earlier: 0, text });
}

/** What a member without batch frames is sent. */
function shown(group: Group, events: readonly LiveEvent[], nowMs = 0): readonly string[] {
  const run = group.take({ epoch: "e", events, shownOf: () => 0 }, nowMs);
  return (run && group.render(run)?.({ batch: false, joinedAt: 0 })) ?? [];
}

const positions = (frames: readonly string[]): unknown[] =>
  frames
    .map((text) => JSON.parse(text) as { type: string; offset: number; prev?: number })
    .map(({ offset, prev }) => (prev === undefined ? [offset] : [offset, prev]));

it("chains matching events to each other across flushes", () => {
  const group = new Group(1, view, start);
  expect(positions(shown(group, [live(11, "base"), live(12, "bsc"), live(13, "base")]))).toEqual([
    [11, 10],
    [13, 11],
  ]);
  expect(shown(group, [live(14, "bsc")])).toEqual([]);
  expect(positions(shown(group, [live(15, "base")]))).toEqual([[15, 13]]);
});

it("after a wake, a filtered group says where it stands before its first event; an unfiltered one need not", () => {
  const woken = new Group(1, view, { ...start, woken: true });
  expect(positions(shown(woken, [live(12, "base")]))).toEqual([[10], [12, 10]]);
  expect(positions(shown(woken, [live(13, "base")]))).toEqual([[13, 12]]);
  expect(positions(shown(new Group(2, whole, { ...start, woken: true }), [live(11, "bsc")]))).toEqual([[11, 10]]);
});

it("tells an idle group its position now and then, when it has moved on", () => {
  const group = new Group(1, view, start);
  expect(group.renderIdle(10, renewEveryMs, renewEveryMs)).toBeUndefined();
  expect(group.renderIdle(20, renewEveryMs - 1, renewEveryMs)).toBeUndefined();
  expect(positions([group.renderIdle(20, renewEveryMs, renewEveryMs) ?? "{}"])).toEqual([[20]]);
  expect(group.renderIdle(21, renewEveryMs + 1, renewEveryMs)).toBeUndefined();
  expect(group.renderIdle(20, 9 * renewEveryMs, renewEveryMs)).toBeUndefined();
});

it("tells a woken group soon: what its members were told before is not known", () => {
  const woken = new Group(1, view, { ...start, nowMs: 5_000_000, woken: true });
  expect(woken.renderIdle(10, 5_000_000, renewEveryMs)).toBeUndefined();
  expect(woken.renderIdle(11, 5_000_000, renewEveryMs)).toBeDefined();
});

it("is a group of its own in each dialect, and each dialect sees the same events of it", () => {
  const dialects = ["native", "centrifugo"] as const;
  const offsets = dialects.map((dialect) => {
    const texts = shown(new Group(1, { ...view, dialect }, start), [live(11, "base"), live(12, "bsc"), live(13, "base")]);
    return [...texts.join("\n").matchAll(/"offset":(\d+)/g)].map(([, offset]) => Number(offset));
  });
  expect(offsets).toEqual([
    [11, 13],
    [11, 13],
  ]);
});

it("is rendered once for all members, whatever their number", () => {
  const group = new Group(1, whole, start);
  const run = group.take({ epoch: "e", events: [live(11, "base")], shownOf: () => 0 }, 0);
  const rendered = run && group.render(run);
  const [first, second, batched, again] = [false, false, true, true].map((batch) => rendered?.({ batch, joinedAt: 0 }));
  expect(first).toBe(second);
  expect(batched).toBe(again);
  expect(batched).not.toEqual(first);
});

it("knows since when its view has been quiet", () => {
  const group = new Group(1, view, { ...start, prev: 4 });
  expect(group.prev).toBe(4);
  shown(group, [live(11, "bsc"), live(12, "base"), live(13, "bsc")]);
  expect(group.prev).toBe(12);
});

it("is shared by all who ask for the same, and by nobody else", () => {
  expect(keyOf({ ...view })).toBe(keyOf(JSON.parse(keyOf(view)) as GroupSpec));
  expect(keyOf(view)).not.toBe(keyOf(whole));
  expect(keyOf(whole)).not.toBe(keyOf({ ...whole, dialect: "legacy", view: "full" }));
  expect(keyOf(whole)).not.toBe(keyOf({ ...whole, dialect: "centrifugo" }));
  expect(keyOf(whole)).not.toBe(keyOf({ ...whole, alias: "arbitrage" }));
  expect(viewKeyOf(view)).toBe(viewKeyOf({ ...view, dialect: "centrifugo", alias: "arbitrage:base" }));
  expect([isFiltered(view), isFiltered(whole), isFiltered({ ...whole, filters: { min_profit: "1" } })]).toEqual([true, false, true]);
});
