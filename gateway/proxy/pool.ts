/** Connections to one origin: so many at a time, so many that wait, none for longer than it may. A request that dies takes its connection with
 *  it and says nothing, so each is held until a time and not for ever. */

export interface PoolBounds {
  readonly connectionsMax: number;
  readonly waitingMax: number;
  /** Who was given a connection while it waited takes it within this time. */
  readonly claimMs: number;
}

export interface Slot {
  /** More than once does no harm. */
  release(): void;
}

export interface Wish {
  readonly waitMs: number;
  readonly holdMs: number;
}

export type Acquired = Slot | "full" | "late";

interface Held {
  untilMs: number;
}

interface Waiter {
  readonly deadlineMs: number;
  give(held: Held): void;
}

export class Pool {
  readonly #bounds: PoolBounds;
  readonly #clock: () => number;
  readonly #held = new Set<Held>();
  #waiting: Waiter[] = [];

  constructor(bounds: PoolBounds, clock: () => number) {
    this.#bounds = bounds;
    this.#clock = clock;
  }

  get inFlight(): number {
    this.#sweep();
    return this.#held.size;
  }

  get waiting(): number {
    this.#sweep();
    return this.#waiting.length;
  }

  /** First come, first served. */
  async acquire({ waitMs, holdMs }: Wish): Promise<Acquired> {
    this.#sweep();
    if (this.#held.size < this.#bounds.connectionsMax) return this.#slot(this.#hold(holdMs), holdMs);
    if (this.#waiting.length >= this.#bounds.waitingMax) return "full";
    const held = await this.#wait(waitMs);
    return held === undefined ? "late" : this.#slot(held, holdMs);
  }

  #hold(forMs: number): Held {
    const held = { untilMs: this.#clock() + forMs };
    this.#held.add(held);
    return held;
  }

  #slot(held: Held, holdMs: number): Slot {
    held.untilMs = this.#clock() + holdMs;
    this.#held.add(held);
    return {
      release: () => {
        if (this.#held.delete(held)) this.#sweep();
      },
    };
  }

  async #wait(waitMs: number): Promise<Held | undefined> {
    const deadlineMs = this.#clock() + waitMs;
    let given: Held | undefined;
    let wake = (): void => undefined;
    const waiter: Waiter = {
      deadlineMs,
      give: (held) => {
        given = held;
        wake();
      },
    };
    this.#waiting.push(waiter);
    for (let nowMs = this.#clock(); given === undefined && nowMs < deadlineMs; nowMs = this.#clock()) {
      // Not beyond the next connection that may be given up: its request may have died, and then nobody else wakes this one.
      const untilMs = Math.min(deadlineMs, ...[...this.#held].map((held) => held.untilMs));
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.max(1, untilMs - nowMs));
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#sweep();
    }
    this.#waiting = this.#waiting.filter((other) => other !== waiter);
    return given;
  }

  /** Forgets who is overdue and gives what is free to who waits longest. */
  #sweep(): void {
    const nowMs = this.#clock();
    for (const held of this.#held) if (held.untilMs <= nowMs) this.#held.delete(held);
    this.#waiting = this.#waiting.filter(({ deadlineMs }) => deadlineMs > nowMs);
    while (this.#held.size < this.#bounds.connectionsMax) {
      const waiter = this.#waiting.shift();
      if (waiter === undefined) return;
      waiter.give(this.#hold(this.#bounds.claimMs));
    }
  }
}
