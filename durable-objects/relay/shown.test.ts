import { expect, it } from "vitest";
import { LiveEvent } from "../../channels/dialects/live-event.ts";
import { staleKept } from "./bounds.ts";
import { Shown } from "./shown.ts";

function event(offset: number, earlier: number, stale = false): LiveEvent {
  return new LiveEvent({ offset, earlier, stale, at: 0, text: "" });
}

it("looks past stale events, which no legacy socket was shown", () => {
  const shown = new Shown();
  shown.note([event(5, 0), event(12, 5, true), event(13, 12, true), event(20, 0, true)]);
  expect(shown.before(event(15, 13))).toBe(5);
  expect(shown.before(event(21, 20))).toBe(0);
  expect(shown.before(event(16, 15))).toBe(15);
});

it("remembers a bounded number of them, the newest", () => {
  const shown = new Shown();
  shown.note(Array.from({ length: staleKept + 1 }, (_, index) => event(index + 2, 1, true)));
  expect(shown.before(event(staleKept + 9, staleKept + 2))).toBe(1);
  expect(shown.before(event(staleKept + 9, 2))).toBe(2);
});
