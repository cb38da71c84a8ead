/** Posts one batch until the edge has answered for it. The body is rendered once, so a retry sends the very same bytes: that is
 *  always safe (CONTRACT 3), and a repeat that had already landed comes back as a duplicate. */
import { setTimeout as sleep } from "node:timers/promises";
import pRetry, { AbortError } from "p-retry";

export interface Endpoint {
  /** `http://host:port` of the edge. */
  readonly baseUrl: string;
  readonly apiKey: string;
}

export interface Rejection {
  readonly index: number;
  readonly code: string;
  readonly message: string;
  readonly path?: string;
}

export interface PostOutcome {
  readonly accepted: number;
  readonly duplicates: number;
  readonly rejected: readonly Rejection[];
  /** 1 when the first attempt was answered. */
  readonly attempts: number;
}

const attemptTimeoutMs = 15_000;
/** About five minutes of trying: longer than a restart of the edge takes. */
const retries = 60;
const backoff = { minTimeout: 200, factor: 2, maxTimeout: 5_000, randomize: true };

/** The edge said "not now" or said nothing. */
class UnansweredError extends Error {
  readonly retryAfterMs: number;

  constructor(message: string, retryAfterMs: number) {
    super(message);
    this.name = "UnansweredError";
    this.retryAfterMs = retryAfterMs;
  }
}

/** Throws once the retries are used up, on an answer that retrying cannot change, or when `signal` aborts. */
export async function postBatch(endpoint: Endpoint, body: string, signal: AbortSignal): Promise<PostOutcome> {
  return pRetry((attempts) => postOnce({ endpoint, body, attempts, signal }), {
    ...backoff,
    retries,
    signal,
    onFailedAttempt: async ({ error }) => {
      // Beside p-retry's own back-off: never earlier than the edge asked for.
      if (error instanceof UnansweredError && error.retryAfterMs > 0) await sleep(error.retryAfterMs, undefined, { signal });
    },
  });
}

interface Attempt {
  readonly endpoint: Endpoint;
  readonly body: string;
  readonly attempts: number;
  readonly signal: AbortSignal;
}

async function postOnce({ endpoint, body, attempts, signal }: Attempt): Promise<PostOutcome> {
  const { status, text, retryAfter } = await send(endpoint, body, signal);
  // 422 is an answer too: every event of the batch was refused, each with its reason.
  if (status === 202 || status === 422) return { ...readVerdict(text), attempts };
  const message = `POST /api/events answered ${status}: ${text.slice(0, 300)}`;
  if (status === 429 || status >= 500) throw new UnansweredError(message, retryAfterMs(retryAfter, Date.now()));
  throw new AbortError(message);
}

async function send(
  endpoint: Endpoint,
  body: string,
  signal: AbortSignal,
): Promise<{ status: number; text: string; retryAfter: string | null }> {
  try {
    const response = await fetch(`${endpoint.baseUrl}/api/events`, {
      method: "POST",
      headers: { authorization: `Bearer ${endpoint.apiKey}`, "content-type": "application/json" },
      body,
      signal: AbortSignal.any([signal, AbortSignal.timeout(attemptTimeoutMs)]),
    });
    return { status: response.status, text: await response.text(), retryAfter: response.headers.get("retry-after") };
  } catch (error) {
    signal.throwIfAborted();
    throw new UnansweredError(`POST /api/events got no answer: ${String(error)}`, 0);
  }
}

/** `Retry-After` is seconds or an HTTP date. */
export function retryAfterMs(header: string | null, nowMs: number): number {
  if (header === null) return 0;
  const seconds = Number(header);
  const ms = Number.isFinite(seconds) ? seconds * 1_000 : Date.parse(header) - nowMs;
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
}

interface VerdictBody {
  readonly data?: Partial<PostOutcome>;
  readonly error?: { readonly details?: { readonly rejected?: readonly Rejection[] } };
}

function readVerdict(text: string): Omit<PostOutcome, "attempts"> {
  const { data, error } = JSON.parse(text) as VerdictBody;
  return {
    accepted: data?.accepted ?? 0,
    duplicates: data?.duplicates ?? 0,
    rejected: data?.rejected ?? error?.details?.rejected ?? [],
  };
}
