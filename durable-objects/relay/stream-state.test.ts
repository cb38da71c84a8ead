import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { DeliverRequest, LogRow } from "../../schemas/rpc.ts";
import { lastOf } from "../../schemas/row.ts";
import { decideDeliver, decideRenewal, nextGeneration, type DeliverDecision, type StreamState } from "./stream-state.ts";

function row(first: number, count = 1): LogRow {
  const lines = Array.from({ length: count }, (_, index) => `event ${first + index}`).join("\n");
  return { first, count, at: 0, stale: [], earlier: Array.from({ length: count }, () => 0), lines };
}

const live: StreamState = { phase: "live", generation: 5, epoch: "e2", position: 10 };

function request(prev: number, rows: readonly LogRow[], more: Partial<DeliverRequest> = {}): DeliverRequest {
  return { v: 1, stream: "market", epoch: "e2", generation: 5, prev, reset: false, rows, ...more };
}

function taken(decision: DeliverDecision): { from: number | undefined; lines: string[]; position: number } {
  if (decision.kind !== "take") throw new Error(`refused: ${decision.reply.kind}`);
  return { from: decision.jumpTo, lines: decision.rows.flatMap((part) => part.lines.split("\n")), position: decision.position };
}

describe("a deliver", () => {
  it("that continues is taken", () => {
    expect(taken(decideDeliver(live, request(10, [row(11, 2), row(13)])))).toEqual({
      from: undefined,
      lines: ["event 11", "event 12", "event 13"],
      position: 13,
    });
  });

  it("that overlaps is cut", () => {
    expect(taken(decideDeliver(live, request(8, [row(9, 4)])))).toMatchObject({ lines: ["event 11", "event 12"], position: 12 });
    expect(taken(decideDeliver(live, request(3, [row(4, 3)])))).toMatchObject({ lines: [], position: 10 });
  });

  it("after a gap is answered with the position and not taken", () => {
    expect(taken(decideDeliver(live, request(11, [row(12)])))).toEqual({ from: undefined, lines: [], position: 10 });
  });

  it("with a hole inside is taken up to the hole", () => {
    expect(taken(decideDeliver(live, request(10, [row(11), row(13)])))).toMatchObject({ lines: ["event 11"], position: 11 });
  });

  it("without rows only asks", () => {
    expect(taken(decideDeliver(live, request(10, [])))).toEqual({ from: undefined, lines: [], position: 10 });
  });

  it("that resets jumps forward, and never back when it comes late", () => {
    expect(taken(decideDeliver(live, request(20, [row(21)], { reset: true })))).toEqual({ from: 20, lines: ["event 21"], position: 21 });
    expect(taken(decideDeliver(live, request(8, [row(9, 3)], { reset: true })))).toEqual({
      from: undefined,
      lines: ["event 11"],
      position: 11,
    });
  });

  it("of a later epoch jumps, whatever its numbers", () => {
    expect(taken(decideDeliver(live, request(0, [row(1)], { epoch: "e3" })))).toEqual({ from: 0, lines: ["event 1"], position: 1 });
  });

  it("of an earlier epoch is late and changes nothing", () => {
    expect(decideDeliver(live, request(20, [row(21)], { epoch: "e1", reset: true }))).toEqual({
      kind: "refuse",
      reply: { v: 1, kind: "joining" },
    });
  });

  it.each([
    ["no interest", undefined, 5],
    ["an interest that ended", { ...live, phase: "idle" as const }, 5],
    ["an older registration", live, 4],
    ["one we do not know of", live, 6],
  ])("for %s is gone", (_, state, generation) => {
    const gone = { kind: "refuse", reply: { v: 1, kind: "gone", generation } };
    expect(decideDeliver(state, request(10, [row(11)], { generation }))).toEqual(gone);
  });

  it("before the join was answered is to be repeated", () => {
    expect(decideDeliver({ ...live, phase: "joining" }, request(10, [row(11)]))).toMatchObject({ reply: { kind: "joining" } });
  });
});

describe("a renewal", () => {
  const reply = { v: 1, epoch: "e2", top: 30, first: 1 } as const;

  it("needs nothing while the epoch is the same: what is lacking, the hub pushes", () => {
    expect(decideRenewal(live, live, reply)).toBeUndefined();
  });

  it("moves to the top of another epoch", () => {
    expect(decideRenewal(live, live, { ...reply, epoch: "e3", top: 4 })).toEqual({ epoch: "e3", jumpTo: 4 });
  });

  it("that was overtaken by a deliver or a later registration is ignored", () => {
    expect(decideRenewal(live, { ...live, epoch: "e3" }, reply)).toBeUndefined();
    expect(decideRenewal(live, { ...live, generation: 6 }, { ...reply, epoch: "e3" })).toBeUndefined();
    expect(decideRenewal(live, { ...live, phase: "idle" }, { ...reply, epoch: "e3" })).toBeUndefined();
  });
});

it("registers later registrations under greater generations, even with a clock that steps back", () => {
  expect(nextGeneration(0, 1_000)).toBe(1_000);
  expect(nextGeneration(1_000, 1_000)).toBe(1_001);
  expect(nextGeneration(1_001, 500)).toBe(1_002);
});

describe("under any schedule of loss, delay and reordering", () => {
  /** A hub with a log of rows; each call is answered now, later, twice or never. */
  const Step = fc.oneof(
    fc.record({ kind: fc.constant("append" as const), count: fc.integer({ min: 1, max: 4 }) }),
    fc.record({ kind: fc.constant("send" as const), isLost: fc.boolean() }),
    fc.record({ kind: fc.constant("late" as const), pick: fc.nat(9) }),
    fc.record({ kind: fc.constant("trim" as const) }),
  );

  it("every event is taken once and in order, or announced as lost by a jump", () => {
    fc.assert(
      fc.property(fc.array(Step, { maxLength: 60 }), (steps) => {
        let state: StreamState = { ...live, position: 0 };
        const log: LogRow[] = [];
        const calls: DeliverRequest[] = [];
        let cursor = 0;
        let first = 1;
        const seen: number[] = [];
        let reach = 0;
        const arrive = (call: DeliverRequest): number => {
          const decision = decideDeliver(state, call);
          if (decision.kind !== "take") throw new Error("refused");
          if (decision.jumpTo !== undefined) {
            expect(decision.jumpTo).toBeGreaterThan(reach);
            reach = decision.jumpTo;
          }
          for (const part of decision.rows) {
            expect(part.first).toBe(reach + 1);
            reach = lastOf(part);
            seen.push(...Array.from({ length: part.count }, (_, index) => part.first + index));
          }
          expect(decision.position).toBe(reach);
          state = { ...state, position: decision.position };
          return decision.position;
        };
        const call = (): DeliverRequest => {
          const isTrimmed = first > cursor + 1;
          const prev = isTrimmed ? first - 1 : cursor;
          return request(
            prev,
            log.filter((part) => lastOf(part) > prev),
            { reset: isTrimmed },
          );
        };
        for (const step of steps) {
          const top = log.at(-1);
          if (step.kind === "append") log.push(row((top === undefined ? 0 : lastOf(top)) + 1, step.count));
          if (step.kind === "trim" && log.length > 2) {
            log.shift();
            first = log[0]?.first ?? first;
          }
          if (step.kind === "send") {
            calls.push(call());
            if (!step.isLost) cursor = arrive(call());
          }
          const late = step.kind === "late" ? calls[step.pick] : undefined;
          if (late !== undefined) arrive(late);
        }
        cursor = arrive(call());
        cursor = arrive(call());
        const top = log.at(-1);
        expect(cursor).toBe(top === undefined ? 0 : lastOf(top));
        expect(seen).toEqual([...new Set(seen)].toSorted((a, b) => a - b));
      }),
      { numRuns: 500 },
    );
  });
});
