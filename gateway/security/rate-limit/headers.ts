/** What an answer says of the limits: the fields of draft-ietf-httpapi-ratelimit-headers-10, and the older X-RateLimit-* for clients that know
 *  only those. Both speak of the burst, which is what a client may do next; the policy names the steady limit as well. Pure. */
import { AppError } from "../../../platform/errors.ts";
import type { Standing } from "./lease-book.ts";
import type { Policy } from "./policy.ts";

type Counted = Exclude<Standing, { kind: "unreachable" }>;

export function limitHeaders(policy: Policy, standing: Counted, nowMs: number): Record<string, string> {
  const { allowance } = policy;
  const remaining = Math.max(0, Math.min(allowance.burst, standing.remaining));
  return {
    "ratelimit-policy": policyText(policy),
    ratelimit: `"burst";r=${remaining};t=${seconds(standing.fullAfterMs)}`,
    "x-ratelimit-limit": String(allowance.burst),
    "x-ratelimit-remaining": String(remaining),
    // Epoch seconds, when the burst is whole again.
    "x-ratelimit-reset": String(Math.ceil((nowMs + standing.fullAfterMs) / 1_000)),
  };
}

function policyText({ requests, windowSeconds, allowance: { burst, intervalMs } }: Policy): string {
  const burstSeconds = Math.max(1, Math.ceil((burst * intervalMs) / 1_000));
  return `"burst";q=${burst};w=${burstSeconds}, "steady";q=${requests};w=${windowSeconds}`;
}

export function overLimit({ name, requests, windowSeconds, allowance }: Policy, { retryAfterMs }: Counted): AppError {
  return new AppError("RATE_LIMIT_EXCEEDED", `too many requests: ${requests} in ${windowSeconds} s, ${allowance.burst} at once`, {
    retryAfterSeconds: Math.max(1, seconds(retryAfterMs)),
    details: { limit: name, requests, window_seconds: windowSeconds, burst: allowance.burst },
  });
}

function seconds(ms: number): number {
  return Math.ceil(ms / 1_000);
}
