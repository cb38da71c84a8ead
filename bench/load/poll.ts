/** Asks again and again until the answer is the one that is waited for, or the time is up. */
import { setTimeout as sleep } from "node:timers/promises";

export interface Patience {
  readonly waitMs: number;
  readonly everyMs: number;
}

/** The last answer: the caller judges what is missing from it. */
export async function pollUntil<T>(ask: () => Promise<T>, isDone: (answer: T) => boolean, { waitMs, everyMs }: Patience): Promise<T> {
  const endAt = performance.now() + waitMs;
  for (;;) {
    const answer = await ask();
    if (isDone(answer) || performance.now() > endAt) return answer;
    await sleep(everyMs);
  }
}
