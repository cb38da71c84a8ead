import { expect, it } from "vitest";
import { LiveEvent } from "../../channels/dialects/live-event.ts";
import { renewEveryMs } from "../../schemas/limits.ts";
import { opportunity, publicationOf } from "../../tests/support/sockets.ts";
import { Group, isFiltered, keyOf, type GroupSpec } from "./groups.ts";

const view: GroupSpec = { channel: "opportunities:base", stream: "opportunities", dialect: "native", chain: "base", filters: {} };
const whole: GroupSpec = { channel: "opportunities", stream: "opportunities", dialect: "native", filters: {} };
const start = { position: 10, nowMs: 0, woken: false };

function live(offset: number, chain: string): LiveEvent {
  const { text } = publicationOf(opportunity({ id: `o${offset}`, data: { chain } }));
  return new LiveEvent({ offset, at: 0, stale: false, earlier: 0, text });
}

const positions = (frames: readonly string[]): unknown[] =>
  frames
    .map((text) => JSON.parse(text) as { type: string; offset: number; prev?: number })
    .map(({ offset, prev }) => (prev === undefined ? [offset] : [offset, prev]));

it("chains matching events to each other across flushes", () => {
  const group = new Group(1, view, start);
  expect(positions(group.renderNative("e", [live(11, "base"), live(12, "bsc"), live(13, "base")], 0))).toEqual([
    [11, 10],
    [13, 11],
  ]);
  expect(group.renderNative("e", [live(14, "bsc")], 0)).toEqual([]);
  expect(positions(group.renderNative("e", [live(15, "base")], 0))).toEqual([[15, 13]]);
});

it("after a wake, a filtered group says where it stands before its first event; an unfiltered one need not", () => {
  const woken = new Group(1, view, { ...start, woken: true });
  expect(positions(woken.renderNative("e", [live(12, "base")], 0))).toEqual([[10], [12, 10]]);
  expect(positions(woken.renderNative("e", [live(13, "base")], 0))).toEqual([[13, 12]]);
  expect(positions(new Group(2, whole, { ...start, woken: true }).renderNative("e", [live(11, "bsc")], 0))).toEqual([[11, 10]]);
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
  const woken = new Group(1, view, { position: 10, nowMs: 5_000_000, woken: true });
  expect(woken.renderIdle(10, 5_000_000, renewEveryMs)).toBeUndefined();
  expect(woken.renderIdle(11, 5_000_000, renewEveryMs)).toBeDefined();
});

it("is shared by all who ask for the same, and by nobody else", () => {
  expect(keyOf({ ...view })).toBe(keyOf(JSON.parse(keyOf(view)) as GroupSpec));
  expect(keyOf(view)).not.toBe(keyOf(whole));
  expect(keyOf(whole)).not.toBe(keyOf({ ...whole, dialect: "legacy", view: "full" }));
  expect([isFiltered(view), isFiltered(whole), isFiltered({ ...whole, filters: { min_profit: "1" } })]).toEqual([true, false, true]);
});
