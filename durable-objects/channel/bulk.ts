/** The share of a channel's rate that bulk may use (GCRA): a backfill may not crowd out live posts nor trim the live log. Pure but for
 *  its one number, which need not survive a restart. */

/** How far ahead of its rate bulk may run: one packed RPC of the inbox consumer. */
const burstMs = 1_000;

export class Bulk {
  readonly #eventsPerSecond: number;
  /** When the events admitted so far would have come at the exact rate. */
  #paidUntil = 0;

  constructor(eventsPerSecond: number) {
    this.#eventsPerSecond = eventsPerSecond;
  }

  /** 0 when the events are admitted, else how many milliseconds to wait. */
  admit(events: number, now: number): number {
    const from = Math.max(this.#paidUntil, now);
    if (from - now > burstMs) return from - now - burstMs;
    this.#paidUntil = from + (events / this.#eventsPerSecond) * 1_000;
    return 0;
  }
}
