/** Lets others have their turn first while there is time to spare. An event loop that is busy looks at its timers late: whoever waits for one
 *  then would wait for all that is queued, so a turn that came late is the last for a while. */

/** A timer of an idle loop fires within a millisecond or two of the clock. */
const lateMs = 5;
/** One caller a second finds out whether the loop is still busy. */
const busyMs = 1_000;

export class Yielding {
  readonly #now: () => number;
  #busyUntilMs = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  async turn(): Promise<void> {
    const beganAtMs = this.#now();
    if (beganAtMs < this.#busyUntilMs) return;
    // Until this one is over, others go on: a loop that turns out to be busy delays one of them.
    this.#busyUntilMs = Number.POSITIVE_INFINITY;
    await new Promise((resolve) => setTimeout(resolve, 0));
    const endedAtMs = this.#now();
    this.#busyUntilMs = endedAtMs - beganAtMs > lateMs ? endedAtMs + busyMs : 0;
  }
}
