import { expect, it } from "vitest";
import { admit, afterAnswer, afterFailure, closedBreaker, failuresToOpen, probeEveryMs } from "./breaker.ts";
import type { Breaker } from "./breaker.ts";

function afterTimeouts(breaker: Breaker, count: number, nowMs: number): Breaker {
  let state = breaker;
  for (let index = 0; index < count; index += 1) state = afterFailure(state, { startedAtMs: nowMs, nowMs });
  return state;
}

it("stays closed after two timeouts in a row and opens with the third", () => {
  const two = afterTimeouts(closedBreaker, failuresToOpen - 1, 5_000);
  expect(admit(two, 5_000).admitted).toBe(true);
  expect(admit(afterTimeouts(two, 1, 5_000), 5_000).admitted).toBe(false);
});

it("counts timeouts in a row only: an answer in between starts the count again", () => {
  const answered = afterAnswer(5_001);
  expect(afterTimeouts(answered, failuresToOpen - 1, 5_002).kind).toBe("closed");
});

it("lets exactly one probe through a second while open", () => {
  const open = afterTimeouts(closedBreaker, failuresToOpen, 5_000);
  expect(admit(open, 5_000 + probeEveryMs - 1).admitted).toBe(false);
  const probe = admit(open, 5_000 + probeEveryMs);
  expect(probe.admitted).toBe(true);
  expect(admit(probe.breaker, 5_000 + probeEveryMs).admitted).toBe(false);
  expect(admit(probe.breaker, 5_000 + 2 * probeEveryMs).admitted).toBe(true);
});

it("stays open when the probe fails and closes when it is answered", () => {
  const open = afterTimeouts(closedBreaker, failuresToOpen, 5_000);
  const probing = admit(open, 6_000).breaker;
  const failed = afterFailure(probing, { startedAtMs: 6_000, nowMs: 7_500 });
  expect(failed.kind).toBe("open");
  expect(admit(afterAnswer(7_600), 7_600)).toEqual({ admitted: true, breaker: { kind: "closed", failures: 0, sinceMs: 7_600 } });
});

it("ignores the stragglers of a stall: calls that started before the last answer", () => {
  const answered = afterAnswer(6_000);
  let state: Breaker = answered;
  for (let index = 0; index < 100; index += 1) state = afterFailure(state, { startedAtMs: 5_000, nowMs: 6_500 });
  expect(state).toEqual(answered);
});
