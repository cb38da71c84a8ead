import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Pool } from "./pool.ts";
import type { Acquired, Slot } from "./pool.ts";

const bounds = { connectionsMax: 2, waitingMax: 2, claimMs: 100 };
const wish = { waitMs: 1_000, holdMs: 10_000 };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const open = (): Pool => new Pool(bounds, Date.now);

function slot(acquired: Acquired): Slot {
  if (acquired === "full" || acquired === "late") throw new Error(acquired);
  return acquired;
}

async function filled(): Promise<{ pool: Pool; slots: Slot[] }> {
  const pool = open();
  return { pool, slots: [slot(await pool.acquire(wish)), slot(await pool.acquire(wish))] };
}

it("refuses at once whom it has no room to let wait", async () => {
  const { pool } = await filled();
  const waiting = [pool.acquire(wish), pool.acquire(wish)];
  expect(await pool.acquire(wish)).toBe("full");
  await vi.advanceTimersByTimeAsync(wish.waitMs);
  expect(await Promise.all(waiting)).toEqual(["late", "late"]);
});

it("lets nobody wait longer than he said", async () => {
  const { pool } = await filled();
  const waiting = pool.acquire({ ...wish, waitMs: 300 });
  await vi.advanceTimersByTimeAsync(299);
  expect(pool.waiting).toBe(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(await waiting).toBe("late");
  expect(pool.waiting).toBe(0);
});

it("gives what is free to who came first, and never more than there are", async () => {
  const { pool, slots } = await filled();
  const order: string[] = [];
  const first = pool.acquire(wish).then((got) => (order.push("first"), slot(got)));
  const second = pool.acquire(wish).then((got) => (order.push("second"), slot(got)));
  slots[0]?.release();
  await first;
  expect([order, pool.inFlight, pool.waiting]).toEqual([["first"], 2, 1]);
  slots[1]?.release();
  await second;
  expect([order, pool.inFlight, pool.waiting]).toEqual([["first", "second"], 2, 0]);
});

it("takes a connection back once, however often it is given back", async () => {
  const { pool, slots } = await filled();
  slots[0]?.release();
  const third = slot(await pool.acquire(wish));
  slots[0]?.release();
  expect(pool.inFlight).toBe(2);
  third.release();
  expect(pool.inFlight).toBe(1);
});

it("takes back what a request that died never gives back, and wakes who waits for it", async () => {
  const pool = open();
  await pool.acquire({ ...wish, holdMs: 500 });
  await pool.acquire({ ...wish, holdMs: 500 });
  const waiting = pool.acquire(wish);
  await vi.advanceTimersByTimeAsync(500);
  slot(await waiting);
  expect(pool.inFlight).toBe(1);
});

it("takes back what it gave to a request that had died while it waited", async () => {
  const { pool, slots } = await filled();
  void pool.acquire(wish);
  slots[0]?.release();
  expect(pool.inFlight).toBe(2);
  // Nothing of the request that waited has run since: it has not claimed it.
  vi.setSystemTime(Date.now() + bounds.claimMs);
  expect(pool.inFlight).toBe(1);
});
