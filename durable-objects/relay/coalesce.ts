/** When to flush (DESIGN 10). An idle stream of events is sent at once, in the very turn that brings it; under load the window grows with the
 *  time a flush takes, so that sending takes half the time at most, up to a bound: waiting longer than that helps nobody any more. The clock
 *  stands still within a turn: a flush is measured by the timer after it. */

/** A flush that takes less than this is not worth waiting for: at 200 posts a second each would wait for a window four times as long. */
export const windowMsMin = 5;
/** Longer windows left a relay idle while its sockets fell behind (bench/README.md). */
export const windowMsMax = 100;

export type Coalesce =
  | { readonly phase: "idle" }
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
export function onPending(state: Coalesce, nowMs: number): CoalesceStep {
  if (state.phase === "idle") return flushed(nowMs);
  return { state: { ...state, dirty: true }, flush: false };
}

/** The one timer fired. */
export function onTimer(state: Coalesce, nowMs: number): CoalesceStep {
  switch (state.phase) {
    case "idle":
      return { state, flush: false };
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
