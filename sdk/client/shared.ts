/** Things that several users hold at once: made for the first, ended a little after the last has let go. */
interface Holding<T> {
  readonly value: T;
  holders: number;
  timer: ReturnType<typeof setTimeout> | undefined;
}

/** React mounts, unmounts and mounts again: what is let go of is not ended in the same breath. */
const lingerMs = 1_000;

export class Shared<T> {
  readonly #held = new Map<string, Holding<T>>();
  readonly #end: (value: T) => void;

  constructor(end: (value: T) => void) {
    this.#end = end;
  }

  /** The release may be called more than once; only the first call counts. */
  hold(key: string, make: () => T): { readonly value: T; release(): void } {
    const holding = this.#held.get(key) ?? { value: make(), holders: 0, timer: undefined };
    this.#held.set(key, holding);
    clearTimeout(holding.timer);
    holding.holders += 1;
    let isHeld = true;
    const release = (): void => {
      if (!isHeld) return;
      isHeld = false;
      holding.holders -= 1;
      if (holding.holders === 0) holding.timer = setTimeout(() => this.#forget(key, holding), lingerMs);
    };
    return { value: holding.value, release };
  }

  /** Ends everything, held or not. */
  clear(): void {
    for (const [key, holding] of [...this.#held]) this.#forget(key, holding);
  }

  #forget(key: string, holding: Holding<T>): void {
    clearTimeout(holding.timer);
    if (this.#held.get(key) !== holding) return;
    this.#held.delete(key);
    this.#end(holding.value);
  }
}
