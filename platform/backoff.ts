/** Capped exponential delays, pure: the random number is an argument. */

export interface Backoff {
  readonly firstMs: number;
  readonly maxMs: number;
}

/** Delay before attempt number `attempt` + 1 (attempts count from 1): doubles, capped, jittered down by at most half. */
export function backoffMs(backoff: Backoff, attempt: number, random: number): number {
  const full = Math.min(backoff.maxMs, backoff.firstMs * 2 ** Math.min(attempt - 1, 30));
  return Math.round(full * (1 - random / 2));
}
