/** When what came in goes out: at once on an idle relay, in growing windows on a busy one (coalesce.ts), and the moment a burst is over. */
import { busyForMs, busyLagMs, settleMs } from "./bounds.ts";
import { idle, onPending, onTimer, type CoalesceStep } from "./coalesce.ts";

export interface FlusherDeps {
  now(): number;
  flush(): void;
  /** A burst is over. Positions are written then, because nothing announces hibernation. */
  settle(): void;
}

export class Flusher {
  readonly #deps: FlusherDeps;
  #coalesce = idle;
  #flushedAtMs = 0;
  #settling = false;
  /** How long flushes take of late, and when that was last seen. */
  #lag = { ms: 0, atMs: 0 };

  constructor(deps: FlusherDeps) {
    this.#deps = deps;
  }

  /** Sending takes so long that more sockets would only make all of them wait: new ones are better off on another relay. */
  get isBusy(): boolean {
    return this.#lag.ms > busyLagMs && this.#deps.now() - this.#lag.atMs < busyForMs;
  }

  /** Something is pending. */
  soon(): void {
    this.#step(onPending(this.#coalesce, this.#deps.now()));
  }

  #step({ state, flush, timerMs }: CoalesceStep): void {
    this.#coalesce = state;
    if (timerMs !== undefined) setTimeout(() => this.#onTimer(), timerMs);
    if (!flush) return;
    this.#flushedAtMs = this.#deps.now();
    this.#deps.flush();
    this.#settleLater(settleMs);
  }

  #onTimer(): void {
    const nowMs = this.#deps.now();
    if (this.#coalesce.phase === "measuring") {
      const ms = smoothed(this.#lag.ms, nowMs - this.#coalesce.flushedAtMs);
      this.#lag = { ms, atMs: nowMs };
    }
    this.#step(onTimer(this.#coalesce, nowMs));
  }

  #settleLater(delayMs: number): void {
    if (this.#settling) return;
    this.#settling = true;
    setTimeout(() => {
      this.#settling = false;
      const restMs = this.#flushedAtMs + settleMs - this.#deps.now();
      if (restMs > 0) this.#settleLater(restMs);
      else this.#deps.settle();
    }, delayMs);
  }
}

/** One slow flush, as after a herd of recoveries, is no load. */
function smoothed(before: number, latest: number): number {
  return before * 0.8 + latest * 0.2;
}
