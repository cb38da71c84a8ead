/** When what came in goes out: at once on an idle relay, in growing windows on a busy one (coalesce.ts), and the moment a burst is over. */
import { settleMs } from "./bounds.ts";
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

  constructor(deps: FlusherDeps) {
    this.#deps = deps;
  }

  /** Something is pending. */
  soon(): void {
    this.#step(onPending(this.#coalesce));
  }

  #step({ state, flush, timerMs }: CoalesceStep): void {
    this.#coalesce = state;
    if (timerMs !== undefined) setTimeout(() => this.#step(onTimer(this.#coalesce, this.#deps.now())), timerMs);
    if (!flush) return;
    this.#flushedAtMs = this.#deps.now();
    this.#deps.flush();
    this.#settleLater(settleMs);
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
