/** What was worked out lately, by what it was worked out from, up to a number of entries: kept in two generations, so that what is asked for again
 *  and again stays and what somebody makes up once goes. For pure results only. */

/** A longer key is worked out each time: keys are clients' text, and memory is bounded by their size as well. */
const keyCharsMax = 1_024;

export class Remembered<T> {
  readonly #entriesMax: number;
  readonly #keyCharsMax: number;
  #young = new Map<string, T>();
  #old = new Map<string, T>();

  /** At most twice as many entries are held. */
  constructor(entriesMax: number, charsMax = keyCharsMax) {
    this.#entriesMax = entriesMax;
    this.#keyCharsMax = charsMax;
  }

  /** What `make` throws is not remembered. */
  of(key: string, make: () => T): T {
    const known = this.find(key);
    if (known !== undefined) return known;
    const made = make();
    this.put(key, made);
    return made;
  }

  find(key: string): T | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.put(key, old);
    return old;
  }

  put(key: string, value: T): void {
    if (key.length > this.#keyCharsMax) return;
    if (this.#young.size >= this.#entriesMax) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }
}
