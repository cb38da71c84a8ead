import { expect, it } from "vitest";
import { requestEventsMax } from "../../schemas/limits.ts";
import { ingestRate, overQuota, Quota } from "./quota.ts";

const rate = { eventsPerSecond: 100, burstEvents: 50 };

it("refuses past the burst, says how long to wait, and takes nothing meanwhile", () => {
  const quota = new Quota(rate);
  expect(quota.take("a", 50, 1_000)).toBe(0);
  expect(quota.take("a", 10, 1_000)).toBe(100);
  expect(quota.take("a", 10, 1_000)).toBe(100);
  expect(quota.take("a", 10, 1_099)).toBe(1);
  expect(quota.take("a", 10, 1_100)).toBe(0);
});

it("counts events, not requests: a request of fifty is fifty of one", () => {
  const [singly, together] = [new Quota(rate), new Quota(rate)];
  for (let n = 0; n < 50; n += 1) expect(singly.take("a", 1, 0)).toBe(0);
  together.take("a", 50, 0);
  expect(singly.take("a", 1, 0)).toBe(together.take("a", 1, 0));
});

it("grants the steady rate for ever, and not more", () => {
  const quota = new Quota(rate);
  let granted = 0;
  for (let nowMs = 0; nowMs < 60_000; nowMs += 10) for (let n = 0; n < 5; n += 1) granted += quota.take("a", 1, nowMs) === 0 ? 1 : 0;
  expect(granted).toBeGreaterThanOrEqual(60 * 100);
  expect(granted).toBeLessThanOrEqual(60 * 100 + 50);
});

it("keeps senders apart", () => {
  const quota = new Quota(rate);
  quota.take("a", 50, 0);
  expect(quota.take("a", 1, 0)).toBeGreaterThan(0);
  expect(quota.take("b", 50, 0)).toBe(0);
});

it("admits any request that keeps to the request's own limit from a sender that was quiet", () => {
  expect(new Quota(ingestRate).take("a", requestEventsMax, 0)).toBe(0);
});

it("names the limit and asks for whole seconds, one at least", () => {
  expect(overQuota(rate, 1)).toMatchObject({ status: 429, code: "RATE_LIMIT_EXCEEDED", retryAfterSeconds: 1 });
  expect(overQuota(rate, 2_001)).toMatchObject({ retryAfterSeconds: 3, details: { limit: "events_per_second", events_per_second: 100 } });
  expect(overQuota(rate, 1).message).toContain("100 events a second");
});
