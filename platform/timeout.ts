/** Waits for a promise no longer than its budget. The work itself is not cancelled: an RPC goes on when its caller gives up. */

export class TimeoutError extends Error {
  constructor(what: string, timeoutMs: number) {
    super(`${what} did not answer within ${timeoutMs} ms`);
    this.name = "TimeoutError";
  }
}

export async function withTimeout<T>(work: Promise<T>, timeoutMs: number, what: string): Promise<T> {
  let timer!: ReturnType<typeof setTimeout>;
  const alarm = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TimeoutError(what, timeoutMs)), timeoutMs);
  });
  // The loser must not become an unhandled rejection.
  work.catch(() => undefined);
  try {
    return await Promise.race([work, alarm]);
  } finally {
    clearTimeout(timer);
  }
}

/** The same in several short waits: an isolate that is busy for seconds fires a timer before it looks at an answer that is there already. After
 *  each wait it has looked, so what is not there by then is really missing. */
export async function withPatience<T>(work: Promise<T>, { steps, stepMs }: { steps: number; stepMs: number }, what: string): Promise<T> {
  for (let step = 1; ; step += 1) {
    try {
      return await withTimeout(work, stepMs, what);
    } catch (error) {
      if (!(error instanceof TimeoutError)) throw error;
      if (step >= steps) throw new TimeoutError(what, steps * stepMs);
    }
  }
}
