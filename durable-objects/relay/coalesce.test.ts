import { expect, it } from "vitest";
import { idle, onPending, onTimer, windowMs, type Coalesce } from "./coalesce.ts";

/** Runs events against the machine on a clock of its own; a flush takes `flushMs`. Returns when each flush began. */
function flushesOf(pendingAtMs: readonly number[], flushMs: number, untilMs = 1_000): number[] {
  const flushes: number[] = [];
  let state: Coalesce = idle;
  let timerAt: number | undefined;
  let nowMs = 0;
  const waiting = [...pendingAtMs];
  const act = (step: ReturnType<typeof onPending>): void => {
    state = step.state;
    if (step.timerMs !== undefined) timerAt = nowMs + step.timerMs;
    if (!step.flush) return;
    flushes.push(nowMs);
    // The clock stands still within the turn and jumps at the next timer.
    if (timerAt !== undefined) timerAt += flushMs;
  };
  while (nowMs <= untilMs) {
    const next = waiting[0];
    if (next === undefined && timerAt === undefined) break;
    if (timerAt === undefined || (next !== undefined && next <= timerAt)) {
      nowMs = Math.max(nowMs, waiting.shift() ?? nowMs);
      act(onPending(state, nowMs));
    } else {
      nowMs = Math.max(nowMs, timerAt);
      timerAt = undefined;
      act(onTimer(state, nowMs));
    }
  }
  return flushes;
}

const every = (ms: number, count: number): number[] => Array.from({ length: count }, (_, index) => index * ms);

it("sends a lone event at once, in the turn that brings it, and the next lone one too", () => {
  expect(onPending(idle, 1).flush).toBe(true);
  expect(flushesOf([0, 300], 1)).toEqual([0, 300]);
});

it("gathers what comes within the window into one flush at its end", () => {
  expect(flushesOf([0, 1, 2, 4], 0)).toEqual([0, 5]);
});

it("loses no wake-up: what comes while a flush is measured goes out after its window", () => {
  expect(flushesOf([0, 3], 30)).toEqual([0, 60]);
});

it("widens the window with the flush, so that sending takes no more than half of the time", () => {
  const flushes = flushesOf(every(1, 1_000), 50);
  const gaps = flushes.slice(1).map((at, index) => at - (flushes[index] ?? 0));
  expect(new Set(gaps)).toEqual(new Set([100]));
});

it("never opens a window below 5 ms nor above 100", () => {
  expect([0, 5, 6, 100, 101, 4_000].map(windowMs)).toEqual([5, 5, 6, 100, 100, 100]);
});

it("comes to rest: an idle relay has no timer that would keep it awake", () => {
  let state: Coalesce = onTimer({ phase: "waiting", dirty: false }, 5).state;
  expect(state).toEqual(idle);
  state = onTimer(state, 6).state;
  expect(state).toEqual(idle);
});
