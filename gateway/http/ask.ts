/** Asks an object or a store on behalf of a reader: bounded in time, and an outage is told as one, not as a bug of ours. */
import { AppError, messageOf } from "../../platform/errors.ts";
import { logWarning } from "../../platform/log.ts";
import { TimeoutError, withTimeout } from "../../platform/timeout.ts";

/** The frontend gives up after 10 s; half of it leaves room for a second question. */
export const askTimeoutMs = 5_000;

export interface Asked {
  /** Names what was asked, for the client: "the channel", "the hot cache". */
  readonly what: string;
  readonly timeoutMs?: number;
}

/** Throws UPSTREAM_TIMEOUT or UPSTREAM_UNAVAILABLE; an AppError passes as it is. */
export async function ask<T>(work: Promise<T>, { what, timeoutMs = askTimeoutMs }: Asked): Promise<T> {
  try {
    return await withTimeout(work, timeoutMs, what);
  } catch (error) {
    if (error instanceof AppError) throw error;
    if (error instanceof TimeoutError)
      throw new AppError("UPSTREAM_TIMEOUT", `${what} did not answer in time`, { cause: error, retryAfterSeconds: 1 });
    // The reader is told nothing of it: here is the only place that still knows what broke.
    logWarning("ask.failed", { what, reason: messageOf(error) });
    throw new AppError("UPSTREAM_UNAVAILABLE", `${what} is out of reach`, { cause: error, retryAfterSeconds: 1 });
  }
}
