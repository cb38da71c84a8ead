/** One fetch for all who ask for the same at the same time, in one isolate. What is shared is data: a stream belongs to the request that opened it. */
import { AppError } from "../../../platform/errors.ts";
import { TimeoutError, withTimeout } from "../../../platform/timeout.ts";

interface Flight<T> {
  readonly startedAtMs: number;
  readonly result: Promise<T>;
}

export interface Wish<T> {
  readonly nowMs: number;
  /** A fetch that began by then may lack what changed since, and is not waited for. */
  readonly changedMs: number;
  readonly timeoutMs: number;
  start(): Promise<T>;
}

export interface Landed<T> {
  readonly result: T;
  /** Whether somebody else had asked. */
  readonly isShared: boolean;
}

export class Flights<T> {
  readonly #flights = new Map<string, Flight<T>>();

  /** Rejects as `start` does, or with UPSTREAM_TIMEOUT when another's fetch does not end: the request it belongs to may have died. */
  async join(hash: string, wish: Wish<T>): Promise<Landed<T>> {
    const under = this.#flights.get(hash);
    if (under !== undefined && under.startedAtMs > wish.changedMs && wish.nowMs - under.startedAtMs < wish.timeoutMs) {
      return { result: await waitFor(under.result, wish.timeoutMs), isShared: true };
    }
    const flight: Flight<T> = { startedAtMs: wish.nowMs, result: wish.start() };
    this.#flights.set(hash, flight);
    try {
      return { result: await flight.result, isShared: false };
    } finally {
      if (this.#flights.get(hash) === flight) this.#flights.delete(hash);
    }
  }
}

async function waitFor<T>(result: Promise<T>, timeoutMs: number): Promise<T> {
  try {
    return await withTimeout(result, timeoutMs, "the request this one waited for");
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
    throw new AppError("UPSTREAM_TIMEOUT", "what was asked for did not come in time", { cause: error, retryAfterSeconds: 1 });
  }
}
