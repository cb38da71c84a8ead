import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { defaultRuntimeConfig } from "../../schemas/runtime-config.ts";
import { clean, offended, PenaltyBox } from "./penalty.ts";
import type { Conduct } from "./penalty.ts";

const rules = defaultRuntimeConfig.penalties;
const minute = 60_000;

/** Offends until it is shut out, from `nowMs` on; returns how it stands and for how long it is out. */
function untilBanned(before: Conduct, nowMs: number): { readonly conduct: Conduct; readonly seconds: number } {
  let conduct = before;
  for (let count = 0; count < 10_000; count += 1) {
    conduct = offended(conduct, 1, { nowMs, rules });
    if (conduct.bannedUntilMs > nowMs) return { conduct, seconds: (conduct.bannedUntilMs - nowMs) / 1_000 };
  }
  throw new Error("never shut out");
}

describe("bans", () => {
  it("grow by two up to the bound while they follow each other", () => {
    let conduct = clean;
    const lengths: number[] = [];
    for (let count = 0; count < 9; count += 1) {
      const banned = untilBanned(conduct, conduct.bannedUntilMs + 1_000);
      conduct = banned.conduct;
      lengths.push(banned.seconds);
    }
    expect(lengths).toEqual([10, 20, 40, 80, 160, 320, 640, 900, 900]);
  });

  it("are forgiven one by one, each ten minutes, however often one errs meanwhile", () => {
    let conduct = clean;
    for (let count = 0; count < 4; count += 1) conduct = untilBanned(conduct, conduct.bannedUntilMs + 1_000).conduct;
    const endMs = conduct.bannedUntilMs;
    for (let count = 1; count <= 20; count += 1) conduct = offended(conduct, 1, { nowMs: endMs + count * minute, rules });
    // Twenty minutes: two of four strikes are forgiven.
    expect(untilBanned(conduct, endMs + 20 * minute).seconds).toBe(40);
    expect(untilBanned(conduct, endMs + 24 * 60 * minute).seconds).toBe(10);
  });

  it("never come for what stays below the threshold's rate, and never last longer than the bound", () => {
    const gaps = fc.array(fc.integer({ min: 900, max: 60_000 }), { maxLength: 500 });
    fc.assert(
      fc.property(gaps, (all) => {
        let [conduct, nowMs] = [clean, 1_000_000];
        for (const gapMs of all) {
          nowMs += gapMs;
          conduct = offended(conduct, 1, { nowMs, rules });
          expect(conduct.bannedUntilMs).toBe(0);
        }
      }),
    );
  });
});

describe("the box", () => {
  it("says once that it shuts somebody out, and looks at nothing meanwhile", () => {
    const box = new PenaltyBox(10);
    const nowMs = 1_000_000;
    const answers = Array.from({ length: 300 }, () => box.add("a", 1, { nowMs, rules }));
    expect(answers.filter((answer) => answer !== undefined)).toEqual([10_000]);
    expect(box.list(nowMs)).toEqual([{ client: "a", untilMs: nowMs + 10_000, strikes: 1 }]);
    expect([box.bannedMs("a", nowMs), box.bannedMs("b", nowMs)]).toEqual([10_000, 0]);
    box.forgive("a");
    expect(box.bannedMs("a", nowMs)).toBe(0);
  });

  it("forgets the client longest without an offence when it holds too many", () => {
    const box = new PenaltyBox(2);
    const at = { nowMs: 1_000_000, rules };
    box.add("a", 1_000, at);
    box.add("b", 1_000, at);
    box.add("c", 1_000, at);
    expect(box.list(at.nowMs).map(({ client }) => client)).toEqual(["b", "c"]);
  });
});
