import { expect, it } from "vitest";
import { Guesses } from "./guesses.ts";
import type { Policy } from "./policy.ts";

const policy: Policy = { name: "read", requests: 60, windowSeconds: 60, allowance: { intervalMs: 1_000, burst: 3 } };

it("lets a client guess as often as it may ask, and no other client pays for it", () => {
  const guesses = new Guesses();
  const take = (who: string, nowMs: number): boolean => guesses.take(who, policy, nowMs) === undefined;
  expect([1, 2, 3, 4].map(() => take("ip:192.0.2.1", 10_000))).toEqual([true, true, true, false]);
  expect(guesses.take("ip:192.0.2.1", policy, 10_400)).toEqual({ kind: "refused", remaining: 0, retryAfterMs: 600, fullAfterMs: 2_600 });
  expect(take("ip:192.0.2.2", 10_400)).toBe(true);
  expect([take("ip:192.0.2.1", 11_000), take("ip:192.0.2.1", 11_000)]).toEqual([true, false]);
});
