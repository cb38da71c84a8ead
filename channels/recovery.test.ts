import { expect, it } from "vitest";
import { decideLastValue, decideRecovery } from "./recovery.ts";

/** The table of Centrifugo's recovery tests (history size 10), with top, what the list still holds, and where the client stands. */
it.each([
  ["an empty channel since 0", { top: 0, held: 0 }, 0, true, 0],
  ["10 publications since 8", { top: 10, held: 10 }, 8, true, 2],
  ["20 publications since 8", { top: 20, held: 10 }, 8, false, 0],
  ["20 publications since 10, the last place held", { top: 20, held: 10 }, 10, true, 10],
  ["20 publications since 9, one too far", { top: 20, held: 10 }, 9, false, 0],
  ["since 108 of 20", { top: 20, held: 10 }, 108, false, 0],
  ["7 of 7", { top: 7, held: 7 }, 7, true, 0],
  ["since 0 with 4", { top: 4, held: 4 }, 0, true, 4],
  ["an expired list, since 8 of 10", { top: 10, held: 0 }, 8, false, 0],
  ["an expired list, 1 of 1", { top: 1, held: 0 }, 1, true, 0],
  ["an expired list, since 0 of 1", { top: 1, held: 0 }, 0, false, 0],
  ["an empty channel since 1", { top: 0, held: 0 }, 1, false, 0],
] as const)("%s", (_, { top, held }, offset, recovered, missed) => {
  const decision = decideRecovery({ epoch: "e1", top, first: top - held + 1 }, { epoch: "e1", offset }, 10);
  expect(decision).toMatchObject(recovered ? { recovered, missed } : { recovered });
});

it("does not recover more than one recovery may send, and not in part", () => {
  expect(decideRecovery({ epoch: "e1", top: 10, first: 1 }, { epoch: "e1", offset: 5 }, 2)).toEqual({ recovered: false, reason: "far" });
  expect(decideRecovery({ epoch: "e1", top: 10, first: 1 }, { epoch: "e1", offset: 5 }, 5)).toEqual({ recovered: true, missed: 5 });
});

it.each([0, 5, 10, 11])("does not recover offset %i of another epoch", (offset) => {
  const log = { epoch: "e2", top: 10, first: 1 };
  expect(decideRecovery(log, { epoch: "e1", offset }, 10)).toEqual({ recovered: false, reason: "foreign" });
});

it("asks for the epoch before anything else: an empty channel made anew recovers nobody from the one before", () => {
  const log = { epoch: "e2", top: 0, first: 1 };
  expect(decideRecovery(log, { epoch: "e1", offset: 0 }, 10)).toEqual({ recovered: false, reason: "foreign" });
});

/** Last-value (cache) mode: the newest event makes any position good. */
it.each([
  ["an empty channel", { top: 0, latest: 0 }, { epoch: "e1", offset: 0 }, false, 0],
  ["any position before it", { top: 9, latest: 9 }, { epoch: "e1", offset: 2 }, true, 1],
  ["the same position", { top: 9, latest: 9 }, { epoch: "e1", offset: 9 }, true, 0],
  ["a position at a stale event after it", { top: 9, latest: 7 }, { epoch: "e1", offset: 8 }, true, 0],
  ["a position beyond the top", { top: 9, latest: 9 }, { epoch: "e1", offset: 30 }, true, 1],
  ["a position of another epoch", { top: 9, latest: 9 }, { epoch: "e0", offset: 9 }, true, 1],
] as const)("a last value: %s", (_, log, since, recovered, missed) => {
  expect(decideLastValue({ epoch: "e1", ...log }, since)).toMatchObject(recovered ? { recovered, missed } : { recovered });
});
