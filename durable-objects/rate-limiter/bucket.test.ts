import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Allowance } from "../../schemas/rate-limit.ts";
import { emptyBucket, isWhole, takeFrom } from "./bucket.ts";
import type { Ask, Bucket, Taken } from "./bucket.ts";
import { afterTaking, freeTokens, originMs, waitMs } from "./gcra.ts";

const allowance: Allowance = { intervalMs: 900, burst: 150 };
const leaseMs = 2_000;

describe("an allowance", () => {
  it("gives its burst at once, then one token an interval, and says when", () => {
    let tatMs = 0;
    let granted = 0;
    const nowMs = Date.UTC(2031, 0, 1) - originMs;
    while (freeTokens(tatMs, nowMs, allowance) > 0) {
      tatMs = afterTaking(tatMs, nowMs, { tokens: 1, intervalMs: allowance.intervalMs });
      granted += 1;
    }
    expect(granted).toBe(150);
    expect(waitMs(tatMs, nowMs, allowance)).toBe(900);
    expect(freeTokens(tatMs, nowMs + 899, allowance)).toBe(0);
    expect(freeTokens(tatMs, nowMs + 900, allowance)).toBe(1);
    expect(freeTokens(tatMs, nowMs + 150 * 900, allowance)).toBe(150);
  });

  it("loses no token to rounding, whatever the interval", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000 }), fc.integer({ min: 1, max: 300 }), (requests, burst) => {
        const rate = { intervalMs: 900_000 / requests, burst };
        const nowMs = Date.UTC(2031, 0, 1) - originMs + 0.5;
        let tatMs = 0;
        for (let taken = 0; taken < burst; taken += 1) {
          expect(freeTokens(tatMs, nowMs, rate)).toBe(burst - taken);
          tatMs = afterTaking(tatMs, nowMs, { tokens: 1, intervalMs: rate.intervalMs });
        }
        expect(freeTokens(tatMs, nowMs, rate)).toBe(0);
      }),
    );
  });
});

function take(bucket: Bucket, ask: Partial<Ask>, nowMs: number, leaseId = 1): Taken {
  return takeFrom(bucket, { need: 0, want: 0, ...ask }, { nowMs, allowance, leaseMs, leaseId });
}

describe("a bucket", () => {
  it("grants what is free of what is needed, and nothing to hold to whoever did not get it all", () => {
    const { granted, lease, remaining, retryAfterMs } = take(emptyBucket, { need: 300, want: 50 }, 10_000);
    expect({ granted, lease, remaining, retryAfterMs }).toEqual({ granted: 150, lease: undefined, remaining: 0, retryAfterMs: 900 });
  });

  it("leases no more than half of what is left", () => {
    expect(take(emptyBucket, { need: 50, want: 1_000 }, 0).lease?.tokens).toBe(50);
  });

  it("lets nothing grow back in the place of tokens that are held", () => {
    const held = take(emptyBucket, { want: 75 }, 0).bucket;
    // A second and a half later the 75 are still out: 75 are free, not 76.
    expect(take(held, { need: 150 }, 1_500).granted).toBe(75);
  });

  it("takes back what was not used, once", () => {
    const first = take(emptyBucket, { want: 75 }, 0);
    const back = { lease: first.lease?.id ?? 0, unused: 75 };
    const again = take(first.bucket, { returned: back }, 100);
    expect(again.remaining).toBe(150);
    expect(take(again.bucket, { need: 150, returned: back }, 100).granted).toBe(150);
    const emptied = take(again.bucket, { need: 150 }, 100);
    expect(take(emptied.bucket, { need: 1, returned: back }, 100).granted).toBe(0);
  });

  it("does not believe that more came back than was given, nor of a lease it does not know", () => {
    const first = take(emptyBucket, { want: 10 }, 0);
    expect(take(first.bucket, { returned: { lease: 1, unused: 1_000 } }, 1).remaining).toBe(150);
    expect(take(take(emptyBucket, { need: 150 }, 0).bucket, { returned: { lease: 7, unused: 100 } }, 0).remaining).toBe(0);
  });

  it("gives back what a lease took, not what it would take by a tightened allowance", () => {
    const full = take(emptyBucket, { need: 100, want: 25 }, 0);
    const tight = { nowMs: 0, allowance: { intervalMs: 9_000, burst: 15 }, leaseMs, leaseId: 2 };
    const after = takeFrom(full.bucket, { need: 0, want: 0, returned: { lease: 1, unused: 25 } }, tight);
    expect(after.bucket.tatMs).toBe(100 * 900);
  });

  it("counts a lease that never came back as used when it ended", () => {
    const { bucket } = take(emptyBucket, { want: 75 }, 0);
    expect(isWhole(bucket, leaseMs - 1)).toBe(false);
    expect(take(bucket, { need: 150 }, leaseMs).granted).toBe(75);
    expect(take(bucket, { need: 150 }, leaseMs + 75 * 900).granted).toBe(150);
  });
});

/** Isolates that take, use, return and lose tokens in any order, and a network that delays answers. */
type Move = {
  readonly isolate: number;
  readonly what: "ask" | "use" | "return" | "die";
  readonly count: number;
  readonly afterMs: number;
};

const moves = fc.array(
  fc.record<Move>({
    isolate: fc.integer({ min: 0, max: 3 }),
    what: fc.constantFrom("ask", "ask", "use", "use", "use", "return", "die"),
    count: fc.integer({ min: 1, max: 12 }),
    afterMs: fc.constantFrom(0, 0, 0, 1, 40, 250, 900, 2_500, 11_000),
  }),
  { minLength: 20, maxLength: 200 },
);

/** How far beyond burst and rate the worst window is: no window is iff a single GCRA over all uses never overflows. */
function excessMs(usesMs: readonly number[], { intervalMs, burst }: Allowance): number {
  let [tatMs, worst] = [0, Number.NEGATIVE_INFINITY];
  for (const atMs of usesMs) {
    tatMs = Math.max(tatMs, atMs) + intervalMs;
    worst = Math.max(worst, tatMs - atMs - burst * intervalMs);
  }
  return worst;
}

describe("leases", () => {
  it("never let more pass than burst and rate allow, in any window, whoever holds them", () => {
    const rate = { intervalMs: 100, burst: 20 };
    fc.assert(
      fc.property(moves, (schedule) => {
        const uses: number[] = [];
        const isolates = [0, 1, 2, 3].map(() => ({ id: 0, tokens: 0, endsMs: 0 }));
        let bucket = emptyBucket;
        let nowMs = 1_000_000;
        let leaseId = 0;
        for (const { isolate, what, count, afterMs } of schedule) {
          nowMs += afterMs;
          const mine = isolates[isolate] ?? { id: 0, tokens: 0, endsMs: 0 };
          const hold = (id: number, tokens: number, endsMs: number): void => void (isolates[isolate] = { id, tokens, endsMs });
          if (what === "die") hold(0, 0, 0);
          if (what === "use" && nowMs < mine.endsMs) {
            const used = Math.min(count, mine.tokens);
            for (let n = 0; n < used; n += 1) uses.push(nowMs);
            hold(mine.id, mine.tokens - used, mine.endsMs);
          }
          if (what !== "ask" && what !== "return") continue;
          leaseId += 1;
          // An isolate that still uses its lease while the question is under way would have to say so: it does not use it.
          const returned = mine.id === 0 ? undefined : { lease: mine.id, unused: mine.tokens };
          const need = what === "ask" ? count : 0;
          const taken = takeFrom(bucket, { need, want: need, returned }, { nowMs, allowance: rate, leaseMs: 5 * leaseMs, leaseId });
          bucket = taken.bucket;
          for (let n = 0; n < taken.granted; n += 1) uses.push(nowMs);
          // The answer takes its time, the lease counts from the question.
          hold(taken.lease?.id ?? 0, taken.lease?.tokens ?? 0, nowMs + leaseMs);
        }
        expect(excessMs(uses, rate)).toBeLessThanOrEqual(0);
      }),
      { numRuns: 300 },
    );
  });

  it("cost a key that keeps below its rate nothing: all of it passes", () => {
    const rate = { intervalMs: 100, burst: 40 };
    let bucket = emptyBucket;
    const held = { id: 0, tokens: 0, endsMs: 0 };
    let refused = 0;
    let calls = 0;
    for (let nowMs = 1_000_000; nowMs < 1_120_000; nowMs += 120) {
      if (held.tokens > 0 && nowMs < held.endsMs) {
        held.tokens -= 1;
        continue;
      }
      calls += 1;
      const returned = held.id === 0 ? undefined : { lease: held.id, unused: held.tokens };
      const taken = takeFrom(bucket, { need: 1, want: 8, returned }, { nowMs, allowance: rate, leaseMs, leaseId: calls });
      bucket = taken.bucket;
      refused += taken.granted === 1 ? 0 : 1;
      Object.assign(held, { id: taken.lease?.id ?? 0, tokens: taken.lease?.tokens ?? 0, endsMs: nowMs + leaseMs });
    }
    expect(refused).toBe(0);
    expect(calls).toBeLessThan(1_000 / 8);
  });
});
