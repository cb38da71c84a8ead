/** Typed listeners. A listener that throws must neither stop its neighbours nor the bookkeeping of positions. */
export type Off = () => void;

export class Emitter<M extends object> {
  readonly #listeners = new Map<keyof M, Set<(value: never) => void>>();

  on<K extends keyof M>(type: K, listener: (value: M[K]) => void): Off {
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners);
    // A wrapper of its own: the same function registered twice is two listeners, each with its own end.
    const entry = (value: M[K]): void => listener(value);
    listeners.add(entry);
    return () => void listeners.delete(entry);
  }

  emit<K extends keyof M>(type: K, value: M[K]): void {
    for (const listener of [...(this.#listeners.get(type) ?? [])]) {
      try {
        (listener as (value: M[K]) => void)(value);
      } catch (error) {
        // Thrown again where the platform reports uncaught errors, as event targets do.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  clear(): void {
    this.#listeners.clear();
  }
}
