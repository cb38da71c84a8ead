import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { defaultRuntimeConfig } from "../../../schemas/runtime-config.ts";
import { adapted, healthy, observed } from "./adaptive.ts";
import type { Answered, Health } from "./adaptive.ts";

const bounds = defaultRuntimeConfig.adaptive;
const fine: Answered = { tookMs: 50, failed: false };
const slow: Answered = { tookMs: 6_000, failed: false };
const failing: Answered = { tookMs: 50, failed: true };

/** A second of such answers, ten of them. */
function second(before: Health, answer: Answered, nowMs: number): Health {
  let health = before;
  for (let count = 0; count < 10; count += 1) health = adapted(observed(health, answer, nowMs + count * 100), bounds, nowMs + count * 100);
  return health;
}

function seconds(before: Health, answer: Answered, { from, count }: { from: number; count: number }): Health[] {
  const all: Health[] = [];
  for (let index = 0; index < count; index += 1) all.push(second(all.at(-1) ?? before, answer, (from + index) * 1_000));
  return all;
}

describe("limits", () => {
  it.each([
    ["slow", slow],
    ["failing", failing],
  ])("of a %s backend go down to the bound and no further, and come back when it is well", (_, ill) => {
    const during = seconds(healthy, ill, { from: 100, count: 30 });
    expect(during.at(-1)?.factor).toBe(bounds.factor_min);
    const after = seconds(during.at(-1) ?? healthy, fine, { from: 130, count: 90 });
    expect(after.at(-1)?.factor).toBe(1);
    const factors = after.map(({ factor }) => factor);
    expect(factors).toEqual(factors.toSorted((a, b) => a - b));
  });

  it("do not move for one slow answer, nor for one failure", () => {
    const well = seconds(healthy, fine, { from: 100, count: 10 }).at(-1) ?? healthy;
    expect(adapted(observed(well, slow, 110_500), bounds, 110_500).factor).toBe(1);
    // One failure of ten is a tenth: twice what counts as ill. It fades with the answers after it.
    const once = observed(well, { tookMs: 50, failed: true }, 110_500);
    expect(second(once, fine, 111_000).errorRate).toBeLessThan(bounds.error_rate);
  });

  it("stay where they are between ill and well", () => {
    const tight: Health = { ...healthy, factor: 0.5 };
    const middling = { tookMs: bounds.latency_ms * 0.75, failed: false };
    const settled = seconds(tight, middling, { from: 100, count: 4 }).at(-1) ?? tight;
    const later = seconds(settled, middling, { from: 104, count: 60 });
    expect(new Set(later.map(({ factor }) => factor))).toEqual(new Set([settled.factor]));
  });

  it("come back although nobody measures any more", () => {
    let health = seconds(healthy, slow, { from: 100, count: 30 }).at(-1) ?? healthy;
    for (let nowMs = 130_000; nowMs < 400_000; nowMs += 1_000) health = adapted(health, bounds, nowMs);
    expect(health.factor).toBe(1);
  });

  it("are as configured where it is off, whatever happened before", () => {
    const ill = seconds(healthy, slow, { from: 100, count: 30 }).at(-1) ?? healthy;
    expect(adapted(ill, { ...bounds, enabled: false }, 130_000).factor).toBe(1);
  });

  it("never leave their bounds, whatever the backend does", () => {
    const answers = fc.array(
      fc.record({ tookMs: fc.integer({ min: 0, max: 100_000 }), failed: fc.boolean(), afterMs: fc.integer({ min: 0, max: 60_000 }) }),
    );
    fc.assert(
      fc.property(answers, (all) => {
        let health = healthy;
        let nowMs = 1_000_000;
        for (const { afterMs, ...answer } of all) {
          nowMs += afterMs;
          const before = health.factor;
          health = adapted(observed(health, answer, nowMs), bounds, nowMs);
          expect(health.factor).toBeGreaterThanOrEqual(bounds.factor_min);
          expect(health.factor).toBeLessThanOrEqual(1);
          expect(Math.abs(health.factor - before)).toBeLessThanOrEqual(0.31);
        }
      }),
    );
  });
});
