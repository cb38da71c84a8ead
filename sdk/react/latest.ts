/** Values that change faster than a screen shows them, for useSyncExternalStore: gathered, and told a few times a second. */
import type { Off } from "../client/emitter.ts";

/** Twenty times a second: a person sees no difference, a browser does. */
const changesApartMs = 50;

export class Latest<T> {
  #value: T;
  #shown: T;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #listeners = new Set<() => void>();

  constructor(value: T) {
    this.#value = value;
    this.#shown = value;
  }

  /** What was told last: the same object until the next telling. */
  readonly shown = (): T => this.#shown;

  readonly subscribe = (listener: () => void): Off => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  update(change: (value: T) => T): void {
    this.#value = change(this.#value);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#shown = this.#value;
      for (const listener of [...this.#listeners]) listener();
    }, changesApartMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
