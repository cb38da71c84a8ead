/** Frames become durable in order, once, however their taker fails. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { UpstreamFrame, UpstreamOutcome } from "../../schemas/upstream.ts";
import { Delivery } from "./delivery.ts";

const frame = (type: string): UpstreamFrame => ({ type, body: {}, bytes: 10 });
const took = (frames: readonly UpstreamFrame[], over: Partial<Extract<UpstreamOutcome, { kind: "taken" }>> = {}): UpstreamOutcome => ({
  kind: "taken",
  accepted: frames.length,
  duplicates: 0,
  rejected: 0,
  ...over,
});

const warnings: unknown[] = [];

beforeEach(() => {
  warnings.length = 0;
  vi.useFakeTimers({ now: 1_000_000 });
  vi.spyOn(console, "warn").mockImplementation((line) => void warnings.push(line));
  vi.spyOn(console, "error").mockReturnValue(undefined);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** Answers take n with `answer(n)`; keeps what it was given. */
function deliveryTo(answer: (count: number, frames: readonly UpstreamFrame[]) => UpstreamOutcome | Promise<UpstreamOutcome>) {
  const taken: string[] = [];
  const take = async (frames: readonly UpstreamFrame[]): Promise<UpstreamOutcome> => {
    taken.push(frames.map(({ type }) => type).join(""));
    return await answer(taken.length, frames);
  };
  const delivery = new Delivery({ take, now: () => Date.now() });
  const add = (types: string): void => {
    for (const type of types) delivery.add(frame(type));
  };
  return { delivery, taken, add };
}

it("tries the same batch again after an error, and loses nothing of what came meanwhile", async () => {
  const { delivery, taken, add } = deliveryTo((count, frames) => (count === 1 ? Promise.reject(new Error("died")) : took(frames)));
  add("a");
  await vi.advanceTimersByTimeAsync(10);
  add("bc");
  await vi.advanceTimersByTimeAsync(2_000);
  expect(taken).toEqual(["a", "a", "bc"]);
  expect([delivery.waiting, delivery.counts.accepted, delivery.counts.dropped]).toEqual([0, 3, 0]);
});

it("finds the one frame that ingest fails on, gives it up, and brings all others on in order", async () => {
  const { delivery, taken, add } = deliveryTo((_, frames) =>
    frames.some(({ type }) => type === "x") ? Promise.reject(new Error("a bug")) : took(frames),
  );
  add("a");
  add("bcxde");
  await vi.advanceTimersByTimeAsync(20_000);
  const settled = taken.filter((batch) => !batch.includes("x")).join("");
  expect([settled, delivery.waiting, delivery.counts.rejected, delivery.counts.accepted]).toEqual(["abcde", 0, 1, 5]);
  expect(taken.filter((batch) => batch === "x")).toHaveLength(5);
});

it("waits as long as a full channel asks, then sends the same batch", async () => {
  const { taken, add } = deliveryTo((count, frames) => (count === 1 ? { kind: "later", retryAfterMs: 5_000 } : took(frames)));
  add("a");
  await vi.advanceTimersByTimeAsync(4_990);
  expect(taken).toEqual(["a"]);
  await vi.advanceTimersByTimeAsync(20);
  expect(taken).toEqual(["a", "a"]);
});

it("sends a frame after a pause at once, and what follows it within 50 ms together", async () => {
  const { taken, add } = deliveryTo((_, frames) => took(frames));
  add("a");
  expect(taken).toEqual(["a"]);
  add("b");
  await vi.advanceTimersByTimeAsync(40);
  add("c");
  await vi.advanceTimersByTimeAsync(20);
  expect(taken).toEqual(["a", "bc"]);
});

it("goes on after it was idle", async () => {
  const { taken, add } = deliveryTo((_, frames) => took(frames));
  add("a");
  await vi.advanceTimersByTimeAsync(1_000);
  add("b");
  await vi.advanceTimersByTimeAsync(1_000);
  expect(taken).toEqual(["a", "b"]);
});

it("counts what became of the frames, and how late the newest was", async () => {
  const { delivery, add } = deliveryTo((_, frames) =>
    took(frames, { accepted: 1, duplicates: 1, rejected: 1, newestMs: Date.now() - 250 }),
  );
  add("abc");
  delivery.refuse("a frame that is no JSON object");
  await vi.advanceTimersByTimeAsync(100);
  expect(delivery.counts).toEqual({ frames: 4, accepted: 2, duplicates: 2, rejected: 3, dropped: 0 });
  expect(delivery.lagMs).toBe(250);
});

it("writes one line about a flood of nonsense", () => {
  const { delivery } = deliveryTo((_, frames) => took(frames));
  for (let count = 0; count < 1_000; count += 1) delivery.refuse("a frame that is no JSON object");
  expect(warnings).toHaveLength(1);
  expect(delivery.counts.rejected).toBe(1_000);
});

it("does not take the age of what was asked for after a reconnect for lateness of the socket", async () => {
  const { delivery } = deliveryTo((_, frames) => took(frames, { newestMs: Date.now() - 60_000 }));
  delivery.add({ ...frame("a"), late: true });
  await vi.advanceTimersByTimeAsync(100);
  expect([delivery.counts.accepted, delivery.lagMs]).toEqual([1, undefined]);
});
