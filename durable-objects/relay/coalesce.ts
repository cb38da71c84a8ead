/** When to flush (DESIGN 10). An idle stream of events is sent at once; under load the window grows with the time a flush takes, so
 *  that sending takes half the time at most, up to a bound: waiting longer than that helps nobody any more. The clock stands still within a turn: a flush is measured by the timer after it. */

export const windowMsMin = 20;
/** Longer windows left a relay idle while its sockets fell behind (bench/README.md). */
export const windowMsMax = 100;

export type Coalesce =
  | { readonly phase: "idle" }
  /** Something is pending and the flush timer is set. */
  | { readonly phase: "armed" }
  /** Flushed; the next timer tells how long it took. */
  | { readonly phase: "measuring"; readonly flushedAtMs: number; readonly dirty: boolean }
  /** The window is open: what comes now waits for its end. */
  | { readonly phase: "waiting"; readonly dirty: boolean };

export interface CoalesceStep {
  readonly state: Coalesce;
  readonly flush: boolean;
  /** Set one timer with this delay, if given. */
  readonly timerMs?: number;
}

export const idle: Coalesce = { phase: "idle" };

/** Something became pending. */
export function onPending(state: Coalesce): CoalesceStep {
  if (state.phase === "idle") return { state: { phase: "armed" }, flush: false, timerMs: 0 };
  if (state.phase === "armed") return { state, flush: false };
  return { state: { ...state, dirty: true }, flush: false };
}

/** The one timer fired. */
export function onTimer(state: Coalesce, nowMs: number): CoalesceStep {
  switch (state.phase) {
    case "idle":
      return { state, flush: false };
    case "armed":
      return flushed(nowMs);
    case "measuring":
      return { state: { phase: "waiting", dirty: state.dirty }, flush: false, timerMs: windowMs(nowMs - state.flushedAtMs) };
    case "waiting":
      return state.dirty ? flushed(nowMs) : { state: idle, flush: false };
  }
}

export function windowMs(lagMs: number): number {
  return Math.min(Math.max(windowMsMin, lagMs), windowMsMax);
}

function flushed(nowMs: number): CoalesceStep {
  return { state: { phase: "measuring", flushedAtMs: nowMs, dirty: false }, flush: true, timerMs: 0 };
}
