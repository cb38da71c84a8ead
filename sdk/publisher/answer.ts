/** What the edge's answer to one batch means for the batch and for each of its events. Pure. */

/** What became of one event. */
export type PublishResult =
  /** In its channel's log, or parked on the edge's inbox queue; also when the edge knew it already. */
  | { readonly kind: "durable"; readonly id: string }
  /** The edge refuses this event: sending it again changes nothing. */
  | { readonly kind: "rejected"; readonly id: string; readonly code: string; readonly message: string; readonly path?: string }
  /** Not known to have arrived. Publishing it again under the same id is always safe. */
  | { readonly kind: "failed"; readonly id: string; readonly code: string; readonly message: string };

interface Rejection {
  readonly index: number;
  readonly code: string;
  readonly message: string;
  readonly path?: string;
}

export interface Verdict {
  readonly accepted: number;
  readonly duplicates: number;
  readonly rejected: readonly Rejection[];
}

export type Answer =
  | { readonly kind: "verdict"; readonly verdict: Verdict }
  /** Not now, or not known: the same bytes again, not before `retryAfterMs`. */
  | { readonly kind: "again"; readonly code: string; readonly message: string; readonly retryAfterMs: number }
  /** Repeating cannot change it: a wrong key, a wrong address. */
  | { readonly kind: "refused"; readonly code: string; readonly message: string };

export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
  readonly retryAfter: string | null;
}

/** A Retry-After beyond this is taken for this: a wrong clock may not silence a producer for a day. */
export const retryAfterMsMax = 300_000;
/** Statuses that say "later": a proxy's time-out, too many requests; every 5xx as well. */
const passing = new Set([408, 425, 429]);

export function readAnswer({ status, text, retryAfter }: HttpAnswer, nowMs: number): Answer {
  const body = parseBody(text);
  // 422 is a verdict too: every event of the batch was refused, each with its reason.
  const verdict = status === 202 || status === 422 ? readVerdict(body) : undefined;
  if (verdict !== undefined) return { kind: "verdict", verdict };
  const code = body.error?.code ?? `HTTP_${status}`;
  const message = body.error?.message ?? `the edge answered ${status}`;
  // A 2xx without a verdict comes from something in between: the outcome is unknown.
  if (status >= 500 || status < 300 || passing.has(status))
    return { kind: "again", code, message, retryAfterMs: retryAfterMs(retryAfter, nowMs) };
  return { kind: "refused", code, message };
}

/** `Retry-After` is seconds or an HTTP date. */
export function retryAfterMs(header: string | null, nowMs: number): number {
  if (header === null || header.trim() === "") return 0;
  const seconds = Number(header);
  const ms = Number.isNaN(seconds) ? Date.parse(header) - nowMs : seconds * 1_000;
  return Number.isNaN(ms) ? 0 : Math.min(retryAfterMsMax, Math.max(0, ms));
}

/** One result an event, in their order. */
export function resultsOf(ids: readonly string[], { rejected }: Verdict): PublishResult[] {
  const byIndex = new Map(rejected.map((rejection) => [rejection.index, rejection]));
  return ids.map((id, index) => {
    const rejection = byIndex.get(index);
    if (rejection === undefined) return { kind: "durable", id };
    const { code, message, path } = rejection;
    return { kind: "rejected", id, code, message, ...(path === undefined ? {} : { path }) };
  });
}

interface Body {
  readonly data?: Partial<Verdict>;
  readonly error?: { readonly code?: string; readonly message?: string; readonly details?: { readonly rejected?: readonly Rejection[] } };
}

function parseBody(text: string): Body {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === "object" && body !== null ? body : {};
  } catch {
    return {};
  }
}

function readVerdict({ data, error }: Body): Verdict | undefined {
  const rejected = data?.rejected ?? error?.details?.rejected;
  return Array.isArray(rejected) ? { accepted: data?.accepted ?? 0, duplicates: data?.duplicates ?? 0, rejected } : undefined;
}
