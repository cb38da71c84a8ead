import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { breakerCallsMin, breakerPause } from "../../schemas/limits-proxy.ts";
import { OriginBreaker } from "./breaker.ts";

class Fault extends Error {}

beforeEach(() => {
  vi.useFakeTimers();
  closed.mockClear();
});
afterEach(() => void vi.useRealTimers());

const withinMs = 1_000;
const opened = vi.fn<(pauseMs: number) => void>();
const closed = vi.fn<() => void>();
// backoffMs jitters downwards: with 0 a pause has its full length.
const open = (): OriginBreaker => new OriginBreaker({ random: () => 0, isFault: (error) => error instanceof Fault, opened, closed });
const fails = (breaker: OriginBreaker): Promise<unknown> =>
  breaker.run(() => Promise.reject(new Fault("ill")), withinMs).catch((error: unknown) => error);
const works = (breaker: OriginBreaker): Promise<unknown> => breaker.run(() => Promise.resolve("well"), withinMs);

async function openedOne(): Promise<OriginBreaker> {
  const breaker = open();
  for (let call = 0; call < breakerCallsMin; call += 1) await fails(breaker);
  return breaker;
}

it("opens when most of its calls fail, and not before there were enough", async () => {
  const breaker = open();
  for (let call = 1; call < breakerCallsMin; call += 1) await fails(breaker);
  expect(breaker.state).toBe("closed");
  await fails(breaker);
  expect([breaker.state, breaker.opened, breaker.waitMs]).toEqual(["open", 1, breakerPause.firstMs]);
  expect(opened).toHaveBeenLastCalledWith(breakerPause.firstMs);
});

it("stays closed while half of them work, and for errors that are not the origin's", async () => {
  const breaker = open();
  for (let call = 0; call < 10; call += 1) {
    await works(breaker);
    await fails(breaker);
    await breaker.run(() => Promise.reject(new Error("the client's")), withinMs).catch(() => undefined);
  }
  expect(breaker.state).toBe("closed");
});

it("asks nothing while it is open", async () => {
  const breaker = await openedOne();
  const work = vi.fn<() => Promise<string>>();
  expect(await breaker.run(work, withinMs)).toBeUndefined();
  expect(work).not.toHaveBeenCalled();
});

it("lets one through when it is due, and closes when that one works", async () => {
  const breaker = await openedOne();
  vi.advanceTimersByTime(breakerPause.firstMs);
  expect(breaker.state).toBe("ready");
  const probe = Promise.withResolvers<string>();
  const probing = breaker.run(() => probe.promise, withinMs);
  expect(breaker.state).toBe("probing");
  expect(await works(breaker)).toBeUndefined();
  probe.resolve("well");
  expect(await probing).toEqual({ value: "well" });
  expect(breaker.state).toBe("closed");
  expect(closed).toHaveBeenCalledTimes(1);
});

it("waits longer each time its probe fails, up to a bound", async () => {
  const breaker = await openedOne();
  const pauses = [];
  for (let probe = 0; probe < 8; probe += 1) {
    pauses.push(breaker.waitMs);
    vi.advanceTimersByTime(breaker.waitMs);
    await fails(breaker);
  }
  expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
});

it("is not held half open by a probe whose request died", async () => {
  const breaker = await openedOne();
  vi.advanceTimersByTime(breakerPause.firstMs);
  void breaker.run(() => new Promise(() => undefined), withinMs);
  vi.advanceTimersByTime(withinMs - 1);
  expect([breaker.state, await works(breaker)]).toEqual(["probing", undefined]);
  vi.advanceTimersByTime(1);
  expect(breaker.state).toBe("ready");
  expect(await works(breaker)).toEqual({ value: "well" });
  expect(breaker.state).toBe("closed");
});
