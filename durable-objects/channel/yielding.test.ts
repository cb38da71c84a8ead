import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Yielding } from "./yielding.ts";

beforeEach(() => vi.useFakeTimers({ now: 1_764_000_000_000 }));
afterEach(() => vi.useRealTimers());

/** Whether a turn is over without any timer. */
async function isImmediate(turn: Promise<void>): Promise<boolean> {
  let over = false;
  void turn.then(() => (over = true));
  for (let times = 0; times < 5; times++) await Promise.resolve();
  return over;
}

/** The loop is at other work for so long before it looks at the timer. */
async function turnTaking(ms: number): Promise<Yielding> {
  const yielding = new Yielding(() => Date.now());
  const turn = yielding.turn();
  vi.setSystemTime(Date.now() + ms);
  await vi.advanceTimersToNextTimerAsync();
  await turn;
  return yielding;
}

it.each([
  ["goes on yielding", 5, false],
  ["gives up yielding", 6, true],
])("%s after a turn of %i ms", async (_, ms, gaveUp) => {
  expect(await isImmediate((await turnTaking(ms)).turn())).toBe(gaveUp);
});

it("finds out after a second whether the loop is still busy", async () => {
  const yielding = await turnTaking(50);
  vi.setSystemTime(Date.now() + 999);
  expect(await isImmediate(yielding.turn())).toBe(true);
  vi.setSystemTime(Date.now() + 1);
  expect(await isImmediate(yielding.turn())).toBe(false);
});

it("delays one caller at a time: the others go on", async () => {
  const yielding = new Yielding(() => Date.now());
  const first = yielding.turn();
  expect(await isImmediate(yielding.turn())).toBe(true);
  expect(await isImmediate(first)).toBe(false);
  await vi.advanceTimersToNextTimerAsync();
  expect(await isImmediate(first)).toBe(true);
});

it("yields each time while the loop is idle", async () => {
  const yielding = new Yielding(() => Date.now());
  for (let times = 0; times < 3; times++) {
    const turn = yielding.turn();
    expect(await isImmediate(turn)).toBe(false);
    await vi.advanceTimersToNextTimerAsync();
    await turn;
  }
});
