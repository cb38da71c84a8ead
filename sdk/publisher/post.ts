/** Posts one batch until the edge has answered for it: the same bytes each time, which is always safe (docs/protocol.md, 3). Between attempts
 *  it waits with full jitter, and never less than the edge asked for. */
import pRetry, { AbortError } from "p-retry";
import { readAnswer, type Verdict } from "./answer.ts";

export interface PostOptions {
  readonly endpoint: string;
  readonly key: string;
  readonly fetch: typeof globalThis.fetch;
  /** One attempt; a publish of the edge has answered long before. */
  readonly attemptTimeoutMs: number;
  /** After this the batch is given up. */
  readonly giveUpAfterMs: number;
  /** Ends the wait and the attempt under way. */
  readonly signal: AbortSignal;
  random(): number;
}

export interface Posted extends Verdict {
  /** 1 when the first attempt was answered. */
  readonly attempts: number;
}

/** Why a batch has no verdict. `code` is the edge's, or NO_ANSWER, or CLOSED. */
export class PostError extends Error {
  readonly code: string;
  readonly retryAfterMs: number;

  constructor(code: string, message: string, retryAfterMs = 0) {
    super(message);
    this.name = "PostError";
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}

const firstDelayMsMax = 400;
const delayMsMax = 15_000;

/** Anywhere between nothing and a bound that doubles with each attempt (from 1): a herd comes back spread out. */
export function delayMs(attempt: number, retryAfterMs: number, random: number): number {
  const bound = Math.min(delayMsMax, firstDelayMsMax * 2 ** Math.min(attempt - 1, 30));
  return Math.round(retryAfterMs + random * bound);
}

/** Throws PostError. */
export async function postBatch(body: string, options: PostOptions): Promise<Posted> {
  const { signal, giveUpAfterMs, random } = options;
  const started = Date.now();
  return pRetry(async (attempts) => ({ ...(await postOnce(body, options)), attempts }), {
    retries: Infinity,
    // p-retry's own delay is none: it knows no full jitter and no Retry-After.
    minTimeout: 0,
    onFailedAttempt: async ({ error, attemptNumber }) => {
      const waitMs = delayMs(attemptNumber, error instanceof PostError ? error.retryAfterMs : 0, random());
      if (Date.now() + waitMs - started > giveUpAfterMs) throw error;
      await sleep(waitMs, signal);
    },
  });
}

async function postOnce(body: string, options: PostOptions): Promise<Verdict> {
  const answer = await send(body, options);
  if (answer.kind === "verdict") return answer.verdict;
  if (answer.kind === "again") throw new PostError(answer.code, answer.message, answer.retryAfterMs);
  throw new AbortError(new PostError(answer.code, answer.message));
}

async function send(body: string, { endpoint, key, fetch, attemptTimeoutMs, signal }: PostOptions): Promise<ReturnType<typeof readAnswer>> {
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), attemptTimeoutMs);
  try {
    const response = await fetch(endpoint, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/cloudevents-batch+json" },
      body,
      signal: AbortSignal.any([signal, timeout.signal]),
    });
    const text = await response.text();
    return readAnswer({ status: response.status, text, retryAfter: response.headers.get("retry-after") }, Date.now());
  } catch (error) {
    throwIfClosed(signal);
    throw new PostError("NO_ANSWER", `the edge did not answer: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    clearTimeout(timer);
  }
}

function throwIfClosed(signal: AbortSignal): void {
  if (signal.aborted) throw new AbortError(new PostError("CLOSED", "the publisher was closed before the edge had answered"));
}

async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
    if (signal.aborted) done();
  });
}
