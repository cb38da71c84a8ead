/** Says now and then how far one channel was read, where the edge asks for it: it cannot see by itself who lags. What counts is what came
 *  in, whether or not anything was made of it. */

/** An edge that asks more often than this is not one. */
const everyMsMin = 1_000;

export class Acks {
  readonly #say: (offset: number) => void;
  #everyMs: number | undefined;
  #offset = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(say: (offset: number) => void) {
    this.#say = say;
  }

  /** A subscription begins; undefined where nobody asks. */
  start(everyMs: number | undefined): void {
    this.stop();
    this.#offset = 0;
    this.#everyMs = typeof everyMs === "number" && everyMs >= everyMsMin ? everyMs : undefined;
  }

  /** Said once a period, and not without news: an idle channel costs nothing. */
  received(offset: number): void {
    this.#offset = Math.max(this.#offset, offset);
    if (this.#everyMs === undefined || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#say(this.#offset);
    }, this.#everyMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#everyMs = undefined;
  }
}
