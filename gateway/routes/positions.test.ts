import { describe, expect, it } from "vitest";
import { AppError } from "../../platform/errors.ts";
import type { HistoryReply } from "../../schemas/rpc.ts";
import { historyPage, incompleteUpTo, offsetIn, refuseForeign, refuseHole, requireReach, reversePage } from "./positions.ts";

function refusalOf(work: () => void): unknown {
  try {
    work();
    return "none";
  } catch (error) {
    return error instanceof AppError ? [error.code, error.retryAfterSeconds] : error;
  }
}

const log = { epoch: "e2", top: 10, first: 4 };

describe("a position", () => {
  it.each<[string, string, number, unknown, unknown]>([
    ["of another epoch", "e1", 10, ["CONFLICT", undefined], ["CONFLICT", undefined]],
    ["beyond the top", "e2", 11, ["CONFLICT", undefined], ["CONFLICT", undefined]],
    ["whose next event is trimmed", "e2", 2, ["CONFLICT", undefined], ["CAPACITY_EXCEEDED", 5]],
    ["just before the oldest event", "e2", 3, "none", "none"],
    ["at the top", "e2", 10, "none", "none"],
  ])("%s: history and snapshot never lead into a silent hole", (...[, epoch, offset, history, snapshot]) => {
    const position = { epoch, offset };
    expect([refusalOf(() => refuseHole(log, position)), refusalOf(() => requireReach(log, position))]).toEqual([history, snapshot]);
  });

  it("at the top of a log that holds nothing any more is whole", () => {
    expect(refusalOf(() => requireReach({ epoch: "e", top: 7, first: 8 }, { epoch: "e", offset: 7 }))).toBe("none");
  });
});

describe("a page of history", () => {
  const line = (chain: string): string => JSON.stringify({ id: chain, data: { chain } });
  const reply = (overrides: Partial<HistoryReply> = {}): HistoryReply => ({
    v: 1,
    epoch: "e",
    top: 9,
    first: 4,
    rows: [
      { first: 4, count: 3, at: 1, stale: [5], earlier: [], lines: ["base", "bsc", "base"].map(line).join("\n") },
      { first: 7, count: 2, at: 2, stale: [], earlier: [], lines: ["bsc", "bsc"].map(line).join("\n") },
    ],
    ...overrides,
  });

  it("has the view's events only, and has looked at all the others", () => {
    const page = historyPage(reply(), { chain: "base", since: 0, limit: 10 });
    expect([page.events.map(({ offset }) => offset), page.through]).toEqual([[4, 6], 8]);
  });

  it("ends at its limit and says where to go on", () => {
    const page = historyPage(reply(), { since: 4, limit: 2 });
    expect([page.events.map(({ offset, stale }) => [offset, stale]), page.through]).toEqual([
      [
        [5, true],
        [6, undefined],
      ],
      6,
    ]);
  });

  it("backwards begins with the newest, ends at its limit and says before what to go on", () => {
    const page = reversePage(reply(), { limit: 3 });
    expect([page.events.map(({ offset, stale }) => [offset, stale]), page.through]).toEqual([
      [
        [8, undefined],
        [7, undefined],
        [6, undefined],
      ],
      6,
    ]);
  });

  it("backwards through a view has looked at all rows it was given, and at the end of the log there is no more", () => {
    const page = reversePage(reply(), { chain: "base", limit: 10 });
    expect([page.events.map(({ offset }) => offset), page.through]).toEqual([[6, 4], 4]);
    expect(reversePage(reply({ rows: [], first: 4 }), { limit: 5 })).toEqual({ events: [], through: 4 });
  });

  it("backwards from a position of another epoch is refused, from before the oldest event it is not", () => {
    expect(refusalOf(() => refuseForeign(log, { epoch: "e1", offset: 5 }))).toEqual(["CONFLICT", undefined]);
    expect(refusalOf(() => refuseForeign(log, { epoch: "e2", offset: 1 }))).toBe("none");
  });

  it("without rows is the last one, or its reader would ask for ever", () => {
    expect(historyPage(reply({ rows: [], first: 10 }), { since: 0, limit: 5 })).toEqual({ events: [], through: 9 });
  });
});

describe("a snapshot", () => {
  it("places a row of an earlier epoch before every position of this one", () => {
    expect([offsetIn("e2", { epoch: "e1", offset: 90 }), offsetIn("e2", { epoch: "e2", offset: 90 })]).toEqual([0, 90]);
  });

  it("lists the dead letters up to its position, cut there", () => {
    expect(
      incompleteUpTo(10, [
        [3, 4],
        [9, 12],
        [14, 15],
      ]),
    ).toEqual([
      [3, 4],
      [9, 10],
    ]);
  });
});
