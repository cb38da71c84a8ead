/** Whether an origin's answer may be kept, and for how long: the policy's times, cut by what the origin itself says (RFC 9111, 3 and 5.2). Pure. */
import type { Policy } from "./policies.ts";

export interface OriginAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly startedAtMs: number;
  readonly nowMs: number;
  /** The answer is untrue from then on, whoever is down. */
  readonly notAfterMs?: number | undefined;
}

export interface Lifetime {
  readonly generatedAtMs: number;
  readonly freshUntilMs: number;
  readonly staleUntilMs: number;
  readonly errorUntilMs: number;
}

export type Storability =
  | { readonly kind: "store"; readonly lifetime: Lifetime; readonly varying: readonly string[] }
  /** For those who ask at the same time, and nobody after. */
  | { readonly kind: "once"; readonly varying: readonly string[] }
  /** For the one who asked. */
  | { readonly kind: "own"; readonly reason: string };

export function storabilityOf(policy: Policy, answer: OriginAnswer): Storability {
  const { status, headers } = answer;
  if (headers.has("set-cookie")) return own("set-cookie");
  const directives = directivesOf(headers.get("cache-control"));
  for (const name of ["private", "no-store"]) if (directives.has(name)) return own(name);
  const varying = varyingOf(headers.get("vary"));
  if (varying === undefined) return own("vary");
  if ((headers.get("content-encoding") ?? "identity") !== "identity") return own("encoded");
  const seconds = status === 200 ? policy.ttlSeconds : status === 404 ? policy.negativeSeconds : 0;
  // Old by the time it took to come as well (RFC 9111, 4.2.3).
  const generatedAtMs = answer.startedAtMs - 1_000 * (wholeOf(headers.get("age")) ?? 0);
  const freshUntilMs = generatedAtMs + Math.min(1_000 * seconds, allowedMs(headers, directives, generatedAtMs));
  if (directives.has("no-cache") || freshUntilMs <= answer.nowMs) return { kind: "once", varying };
  const times = { generatedAtMs, freshUntilMs, mayBeStale: mayBeStale(status, directives) };
  return { kind: "store", lifetime: lifetimeOf(policy, times, answer.notAfterMs), varying };
}

function own(reason: string): Storability {
  return { kind: "own", reason };
}

interface Times {
  readonly generatedAtMs: number;
  readonly freshUntilMs: number;
  readonly mayBeStale: boolean;
}

function lifetimeOf(policy: Policy, times: Times, notAfterMs = Number.MAX_SAFE_INTEGER): Lifetime {
  const { generatedAtMs, mayBeStale } = times;
  const freshUntilMs = Math.min(times.freshUntilMs, notAfterMs);
  const beyond = (seconds: number): number => (mayBeStale ? Math.min(times.freshUntilMs + 1_000 * seconds, notAfterMs) : freshUntilMs);
  const staleUntilMs = beyond(policy.staleWhileRevalidateSeconds);
  return { generatedAtMs, freshUntilMs, staleUntilMs, errorUntilMs: Math.max(staleUntilMs, beyond(policy.staleIfErrorSeconds)) };
}

/** What was absent for a moment is not told as absent later; and an origin may forbid what is stale (RFC 9111, 4.2.4). */
function mayBeStale(status: number, directives: ReadonlyMap<string, string>): boolean {
  return status === 200 && !["must-revalidate", "proxy-revalidate", "s-maxage"].some((name) => directives.has(name));
}

/** How long the origin lets a shared cache keep it, from when it was made. */
function allowedMs(headers: Headers, directives: ReadonlyMap<string, string>, generatedAtMs: number): number {
  for (const name of ["s-maxage", "max-age"]) {
    // One that cannot be read is taken for stale (RFC 9111, 4.2.1).
    if (directives.has(name)) return 1_000 * (wholeOf(directives.get(name) ?? null) ?? 0);
  }
  const expires = headers.get("expires");
  if (expires === null) return Number.POSITIVE_INFINITY;
  const untilMs = Date.parse(expires);
  return Number.isNaN(untilMs) ? 0 : untilMs - generatedAtMs;
}

function wholeOf(text: string | null): number | undefined {
  return text !== null && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

/** `name`, `name=token`, `name="text"`: names in lower case; of one said twice the first counts. */
function directivesOf(header: string | null): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [, name = "", quoted, token] of (header ?? "").matchAll(/([\w-]+)(?:\s*=\s*(?:"([^"]*)"|([^\s,;"]+)))?/g)) {
    if (!found.has(name.toLowerCase())) found.set(name.toLowerCase(), quoted ?? token ?? "");
  }
  return found;
}

/** In the key already, as who asks; or decided behind the cache (compression) and before it (CORS). */
const settled = new Set(["authorization", "x-api-key", "accept-encoding", "origin"]);

/** The request headers an answer depends on. Undefined: on more than headers. */
function varyingOf(header: string | null): readonly string[] | undefined {
  const names = (header ?? "")
    .split(",")
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== "");
  if (names.includes("*")) return undefined;
  return [...new Set(names)].filter((name) => !settled.has(name)).toSorted();
}
