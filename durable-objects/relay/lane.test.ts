import { describe, expect, it } from "vitest";
import { legacy } from "../../channels/dialects/legacy.ts";
import { LiveEvent } from "../../channels/dialects/live-event.ts";
import { native } from "../../channels/dialects/native.ts";
import { opportunity, publicationOf } from "../../tests/support/sockets.ts";
import { laneEventsMax } from "./bounds.ts";
import { Lane, type Run } from "./lane.ts";

/** `a@3<1`: the state of entity a at offset 3, after the one at 1; `!` marks it stale. */
function live(wish: string): LiveEvent {
  const [, subject = "", offset = "", earlier, stale] = /^([a-z]+)@(\d+)(?:<(\d+))?(!)?$/.exec(wish) ?? [];
  const { text } = publicationOf(opportunity({ id: wish, subject }));
  return new LiveEvent({ offset: Number(offset), at: 0, stale: stale !== undefined, earlier: Number(earlier ?? 0), text });
}

function run(prev: number, ...events: string[]): Run {
  const base = { channel: "opportunities", epoch: "e", view: "full" as const, announce: false };
  return { ...base, prev, events: events.map(live), shownOf: ({ earlier }) => earlier };
}

function laneOf(...runs: Run[]): Lane<string> {
  const lane = new Lane<string>();
  lane.holds("slow", true);
  for (const one of runs) lane.take(one);
  return lane;
}

/** What a native member without batch frames reads: `offset<prev` for an event, `=offset` for a position. */
function read(lane: Lane<string>): string[] {
  const closed = lane.close();
  const frames = closed === undefined ? [] : (native.render(closed.run)?.({ batch: false, joinedAt: 0 }) ?? []);
  return frames
    .map((text) => JSON.parse(text) as { type: string; offset: number; prev?: number })
    .map(({ type, offset, prev }) => (type === "position" ? `=${offset}` : `${offset}<${prev}`));
}

describe("the slow lane", () => {
  it("keeps the newest state of each entity, each frame with its true predecessor behind a position that admits the leap", () => {
    expect(read(laneOf(run(10, "a@11", "b@12"), run(12, "a@13<11"), run(13, "c@14", "b@15<12")))).toEqual([
      "=12",
      "13<12",
      "14<13",
      "15<14",
    ]);
  });

  it("says of a view how far it stands when its last event was left out as stale", () => {
    expect(read(laneOf(run(10, "a@14", "a@17<14", "a@19<17!")))).toEqual(["=14", "17<14", "=19"]);
    expect(laneOf(run(10, "a@14<9!")).close()?.run).toMatchObject({ events: [], sparse: { end: 14 } });
  });

  it("never shows an older offset after a newer one, nor an entity twice", () => {
    const closed = laneOf(run(0, "a@1", "b@2", "a@3<1", "a@4<3!", "b@5<2", "a@6<4")).close();
    expect(closed?.run.events.map(({ offset }) => offset)).toEqual([5, 6]);
  });

  it("leaves nothing out of what has no successor", () => {
    expect(read(laneOf(run(10, "a@11", "b@12", "c@13")))).toEqual(["11<10", "12<11", "13<12"]);
  });

  it("takes members only between two windows, where they have all that was sent, and lets all go at its end", () => {
    const lane = laneOf(run(10, "a@11"));
    expect([lane.holds("late", true), lane.holds("slow", false), lane.isOpen]).toEqual([false, true, true]);
    expect(lane.close()?.members).toEqual(["slow"]);
    expect([lane.holds("slow", false), lane.holds("late", true), lane.isOpen]).toEqual([false, true, false]);
  });

  it("hands nothing to who left, and keeps nothing when nobody is in it", () => {
    const lane = laneOf();
    lane.leave("slow");
    lane.take(run(10, "a@11"));
    expect([lane.isOpen, lane.close()]).toEqual([false, undefined]);
  });

  it("is full at its bound", () => {
    const names = Array.from({ length: laneEventsMax }, (_, index) => `a@${index + 1}`);
    const lane = laneOf(run(0, ...names.slice(1)));
    expect(lane.isFull).toBe(false);
    lane.take(run(laneEventsMax, "a@9999"));
    expect(lane.isFull).toBe(true);
  });
});

describe("an anonymous legacy view in the slow lane", () => {
  /** `new a` or `update a`, for a socket that joined at this position. */
  const shown = (lane: Lane<string>, most?: number, joinedAt = 5): string[] => {
    const closed = lane.close(most);
    const frames = closed === undefined ? [] : (legacy.render(closed.run)?.({ batch: false, joinedAt }) ?? []);
    return frames
      .map((text) => JSON.parse(text) as { type: string; data: { id: string } })
      .map(({ type, data }) => `${type.replace("opportunity_", "")} ${data.id}`);
  };

  it("shows an entity as new the first time, though its first state was left out", () => {
    expect(shown(laneOf(run(10, "a@11", "b@12<6", "a@13<11", "b@14<12")))).toEqual(["new a", "update b"]);
  });

  it("shows the newest within its cap, and what had no room as new when it comes again", () => {
    const lane = laneOf(run(10, "a@11", "b@12", "c@13", "d@14<6"));
    expect(shown(lane, 2)).toEqual(["new c", "update d"]);
    lane.holds("slow", true);
    lane.take({ ...run(14, "a@15<11", "c@16<13"), shownOf: ({ earlier }) => lane.shownAt(earlier) });
    expect(shown(lane)).toEqual(["new a", "update c"]);
  });

  it("does not show as new what had no room but was shown before", () => {
    const lane = laneOf(run(10, "a@11<6", "b@12"));
    expect(shown(lane, 1)).toEqual(["new b"]);
    lane.holds("slow", true);
    lane.take({ ...run(12, "a@13<11"), shownOf: ({ earlier }) => lane.shownAt(earlier) });
    expect(shown(lane)).toEqual(["update a"]);
  });
});
