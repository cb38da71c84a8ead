import { describe, expect, it } from "vitest";
import { judge } from "./judge.ts";

const startedAtMs = 1_000_000;
const answer = { startedAtMs, freshUntilMs: startedAtMs + 5_000, staleUntilMs: startedAtMs + 8_000, errorUntilMs: startedAtMs + 60_000 };
const never = { changedMs: 0, purgedMs: 0 };
const at = (afterMs: number, changeSeconds = 0) => ({ ms: startedAtMs + afterMs, changeSeconds });

describe("a stored answer", () => {
  it.each([
    [0, "fresh"],
    [4_999, "fresh"],
    [5_000, "stale"],
    [7_999, "stale"],
    [8_000, "last-resort"],
    [59_999, "last-resort"],
    [60_000, "gone"],
  ])("is after %i ms %s", (afterMs, verdict) => {
    expect(judge(answer, never, at(afterMs))).toBe(verdict);
  });

  it.each([
    [-1, "fresh"],
    [0, "last-resort"],
    [500, "last-resort"],
  ])("whose origin was asked %i ms before a change is %s", (beforeMs, verdict) => {
    expect(judge(answer, { changedMs: startedAtMs + beforeMs, purgedMs: 0 }, at(1_000))).toBe(verdict);
  });

  it("that has changed is not served while a new one is fetched", () => {
    expect(judge(answer, { changedMs: startedAtMs + 1, purgedMs: 0 }, at(6_000))).toBe("last-resort");
  });

  it("of what changes all the time is left alone for its first second", () => {
    const changed = { changedMs: startedAtMs + 1, purgedMs: 0 };
    expect([judge(answer, changed, at(999, 1)), judge(answer, changed, at(1_000, 1))]).toEqual(["fresh", "last-resort"]);
  });

  it("that was purged is gone, whoever is down", () => {
    expect(judge(answer, { changedMs: 0, purgedMs: startedAtMs }, at(1))).toBe("gone");
    expect(judge(answer, { changedMs: 0, purgedMs: startedAtMs - 1 }, at(1))).toBe("fresh");
  });
});
