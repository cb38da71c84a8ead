import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { busyForMs, busyLagMs, settleMs } from "./bounds.ts";
import { windowMsMin } from "./coalesce.ts";
import { Flusher } from "./flusher.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A flusher whose flushes take that long: the clock moves while they run. */
function slowBy(flushMs: () => number): { readonly flusher: Flusher; readonly done: string[] } {
  const done: string[] = [];
  let extraMs = 0;
  const flush = (): void => {
    done.push("flush");
    extraMs += flushMs();
  };
  return { flusher: new Flusher({ now: () => Date.now() + extraMs, flush, settle: () => void done.push("settle") }), done };
}

async function bursts(flusher: Flusher, count: number): Promise<void> {
  for (let burst = 0; burst < count; burst += 1) {
    flusher.soon();
    await vi.advanceTimersByTimeAsync(10 * busyLagMs);
  }
}

it("sends at once when idle, then once a window, and settles once the burst is over", async () => {
  const { flusher, done } = slowBy(() => 0);
  flusher.soon();
  expect(done).toEqual(["flush"]);
  for (let ms = 0; ms < windowMsMin; ms += 1) {
    flusher.soon();
    await vi.advanceTimersByTimeAsync(1);
  }
  expect(done.length).toBeLessThanOrEqual(2);
  await vi.advanceTimersByTimeAsync(2 * settleMs);
  expect(done.filter((what) => what === "settle")).toHaveLength(1);
});

it("goes on after a flush that failed", async () => {
  let broken = true;
  const { flusher, done } = slowBy(() => {
    if (broken) throw new Error("broken");
    return 0;
  });
  expect(() => flusher.soon()).toThrow("broken");
  broken = false;
  flusher.soon();
  await vi.advanceTimersByTimeAsync(2 * windowMsMin);
  expect(done).toEqual(["flush", "flush"]);
});

it("is not busy after one slow flush, but after several in a row, until it has not been so for a while", async () => {
  let flushMs = 3 * busyLagMs;
  const { flusher } = slowBy(() => flushMs);
  await bursts(flusher, 1);
  expect(flusher.isBusy).toBe(false);
  await bursts(flusher, 5);
  expect(flusher.isBusy).toBe(true);
  await vi.advanceTimersByTimeAsync(busyForMs);
  expect(flusher.isBusy).toBe(false);
  flushMs = 0;
  await bursts(flusher, 8);
  expect(flusher.isBusy).toBe(false);
});
