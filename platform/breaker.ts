/** A circuit breaker as data: decides whether a call may go out. Three timeouts in a row open it; open, it lets one probe
 *  through each second; the first answer closes it. The clock is an argument, the state belongs to the caller. */

export type Breaker =
  /** `sinceMs`: when something last answered. */
  { readonly kind: "closed"; readonly failures: number; readonly sinceMs: number } | { readonly kind: "open"; readonly probeAtMs: number };

/** DESIGN 3: one stalled second must not open it, a channel that is gone must not cost every post its whole budget. */
export const failuresToOpen = 3;
export const probeEveryMs = 1_000;

export const closedBreaker: Breaker = { kind: "closed", failures: 0, sinceMs: 0 };

export interface Admission {
  readonly admitted: boolean;
  readonly breaker: Breaker;
}

/** Asks for one call. An admitted probe moves the next one a second away, so that only one goes out. */
export function admit(breaker: Breaker, nowMs: number): Admission {
  if (breaker.kind === "closed") return { admitted: true, breaker };
  if (nowMs < breaker.probeAtMs) return { admitted: false, breaker };
  return { admitted: true, breaker: { kind: "open", probeAtMs: nowMs + probeEveryMs } };
}

export function afterAnswer(nowMs: number): Breaker {
  return { kind: "closed", failures: 0, sinceMs: nowMs };
}

/** After a call that got no answer. One that started before the last answer says nothing new: a stall's stragglers
 *  must not open a breaker whose probe has just succeeded. */
export function afterFailure(breaker: Breaker, call: { readonly startedAtMs: number; readonly nowMs: number }): Breaker {
  if (breaker.kind === "open" || call.startedAtMs < breaker.sinceMs) return breaker;
  const failures = breaker.failures + 1;
  if (failures < failuresToOpen) return { ...breaker, failures };
  return { kind: "open", probeAtMs: call.nowMs + probeEveryMs };
}
