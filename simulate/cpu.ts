/** The one thread of an object: a turn at a time, in the order they were asked for. What arrives while it works waits. */
import type { Agenda } from "./agenda.ts";

/** What work costs a thread, in milliseconds. */
export interface Costs {
  readonly callMs: number;
  readonly postMs: number;
  readonly postEventMs: number;
  readonly sendMs: number;
  readonly frameEventMs: number;
}

export class Cpu {
  readonly #agenda: Agenda;
  #queue: (() => number)[] = [];
  #next = 0;
  #isBusy = false;
  #totalMs = 0;
  #freeAt = 0;

  constructor(agenda: Agenda) {
    this.#agenda = agenda;
  }

  /** Milliseconds of work so far. */
  get busyMs(): number {
    return this.#totalMs - Math.max(0, this.#freeAt - this.#agenda.now);
  }

  /** `work` begins when the thread is free and answers how many milliseconds it takes. */
  turn(work: () => number): void {
    this.#queue.push(work);
    if (!this.#isBusy) this.#begin();
  }

  /** Takes so long and then acts. */
  spend(costMs: number, act: () => void): void {
    this.turn(() => {
      this.#agenda.after(costMs, act);
      return costMs;
    });
  }

  #begin(): void {
    const work = this.#queue[this.#next];
    this.#isBusy = work !== undefined;
    if (work === undefined) {
      this.#queue = [];
      this.#next = 0;
      return;
    }
    this.#next += 1;
    const costMs = work();
    this.#totalMs += costMs;
    this.#freeAt = this.#agenda.now + costMs;
    this.#agenda.after(costMs, () => this.#begin());
  }
}
