/** Keeps a stub per relay for as long as it answers. Making one is dear: the runtime counts 32 KB for each, which only a collection of the whole
 *  heap gives back, so that a new one for each call made the isolate stand still for 40 ms every few seconds (bench/README.md). */
import { TimeoutError } from "../../platform/timeout.ts";

export class KeptStubs<Stub> {
  readonly #make: (relay: string) => Stub;
  readonly #kept = new Map<string, Stub>();

  constructor(make: (relay: string) => Stub) {
    this.#make = make;
  }

  /** A stub dies with the first exception it sees, and one that was kept may have died since it answered last: then a new one is asked at
   *  once. So `call` may be made twice. Who did not answer in time is not asked again. */
  async ask<T>(relay: string, call: (stub: Stub) => Promise<T>): Promise<T> {
    const kept = this.#kept.get(relay);
    if (kept !== undefined) {
      try {
        return await call(kept);
      } catch (error) {
        this.forget(relay);
        if (error instanceof TimeoutError) throw error;
      }
    }
    const fresh = this.#make(relay);
    const answer = await call(fresh);
    this.#kept.set(relay, fresh);
    return answer;
  }

  forget(relay: string): void {
    this.#kept.delete(relay);
  }
}
