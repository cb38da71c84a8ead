/** Every call of the backend that goes through the edge (UPSTREAM 2): one line each. What is not here is not asked. */
import { z } from "zod";
import type { Permission } from "../../channels/capabilities.ts";
import type { CacheTag } from "../../schemas/cache.ts";
import { Id, Slug, executionStatuses, opportunityStatuses } from "../../schemas/data.ts";
import { pageLimitMax } from "../../schemas/limits.ts";
import {
  backendAnswerBytesMax,
  backendExecuteMs,
  backendHeadersMs,
  backendReadMs,
  executionAnswerBytesMax,
} from "../../schemas/limits-proxy.ts";
import { wholeNumber } from "../http/parameters.ts";
import type { QueryShape } from "../http/query.ts";
import type { PolicyName } from "../optimisation/cache/policies.ts";
import { ExecuteBody, LoginBody, StrategyBody } from "./bodies.ts";

/** Who may ask. `anyone` shows no credential, and none that is shown is looked at: an expired token must not keep its bearer from signing in. */
export type Access =
  | { readonly kind: "anyone" }
  | { readonly kind: "known" }
  /** The right to read the stream, of which the answer is a part. */
  | { readonly kind: "stream"; readonly stream: "opportunities" | "executions" | "strategies" | "metrics" }
  | { readonly kind: "permission"; readonly permission: Permission };

export interface ProxyRoute {
  readonly method: "GET" | "POST" | "PUT";
  /** Below the backend's prefix. `{id}` stands for one segment. */
  readonly path: string;
  /** All parameters that are passed on; others are refused by name. */
  readonly query: QueryShape;
  readonly body?: z.ZodType;
  readonly access: Access;
  /** May be sent again when it is not known whether it arrived. */
  readonly isIdempotent: boolean;
  /** Takes effect once for each Idempotency-Key, whatever is repeated. */
  readonly once?: boolean;
  /** 401 and 403 are about who asks, not about the edge's own credentials. */
  readonly judgesCaller?: boolean;
  /** One attempt up to the headers, and all attempts together. */
  readonly headersMs: number;
  readonly totalMs: number;
  readonly answerBytesMax: number;
  /** Undefined: never cached. */
  readonly cache?: PolicyName;
  /** Cached answers that are untrue after it. */
  readonly changes?: readonly CacheTag[];
}

const nothing = z.object({});
const limit = wholeNumber(1, pageLimitMax).optional();
const oneOf = (values: readonly string[]): string => `must be one of ${values.join(", ")}`;
const periods = ["1h", "24h", "7d", "30d", "90d"] as const;

const read = {
  method: "GET",
  query: nothing,
  isIdempotent: true,
  headersMs: backendHeadersMs,
  totalMs: backendReadMs,
  answerBytesMax: backendAnswerBytesMax,
} as const;
const change = { ...read, access: { kind: "permission", permission: "configure" }, isIdempotent: false } as const;

function stream(name: Extract<Access, { kind: "stream" }>["stream"]): Access {
  return { kind: "stream", stream: name };
}

export const proxyRoutes: readonly ProxyRoute[] = [
  { ...change, method: "POST", path: "/auth/login", body: LoginBody, access: { kind: "anyone" }, judgesCaller: true },
  {
    ...read,
    path: "/opportunities",
    query: z.object({ limit, chain: Slug.optional(), status: z.enum(opportunityStatuses, oneOf(opportunityStatuses)).optional() }),
    access: stream("opportunities"),
    cache: "backend.opportunities",
  },
  {
    ...change,
    method: "POST",
    path: "/opportunities/{id}/execute",
    body: ExecuteBody,
    access: { kind: "permission", permission: "execute" },
    once: true,
    headersMs: backendExecuteMs,
    totalMs: backendExecuteMs,
    answerBytesMax: executionAnswerBytesMax,
    changes: ["backend.executions", "backend.opportunities"],
  },
  {
    ...read,
    path: "/strategies",
    query: z.object({ active: z.enum(["true", "false"], "must be true or false").optional() }),
    access: stream("strategies"),
    cache: "backend.strategies",
  },
  // Sent twice, it says the same twice (RFC 9110, 9.2.2).
  { ...change, method: "PUT", path: "/strategies/{id}", body: StrategyBody, isIdempotent: true, changes: ["backend.strategies"] },
  {
    ...read,
    path: "/executions",
    query: z.object({
      limit,
      status: z.enum(executionStatuses, oneOf(executionStatuses)).optional(),
      strategy_id: Id.optional(),
    }),
    access: stream("executions"),
    cache: "backend.executions",
  },
  { ...read, path: "/executions/{id}", access: stream("executions"), cache: "backend.executions" },
  {
    ...read,
    path: "/analytics/performance",
    query: z.object({ period: z.enum(periods, oneOf(periods)).optional(), strategy_id: Id.optional() }),
    access: stream("metrics"),
    cache: "backend.analytics",
  },
  { ...read, path: "/analytics/health", access: stream("metrics"), cache: "backend.health" },
  { ...read, path: "/chains", access: { kind: "known" }, cache: "backend.chains" },
  // How trading is set up there, addresses of nodes among it.
  { ...read, path: "/chains/{id}/config", access: stream("strategies"), cache: "backend.chains" },
  { ...read, path: "/health", access: { kind: "anyone" }, cache: "backend.health" },
];

export type Found =
  | { readonly kind: "route"; readonly route: ProxyRoute }
  /** The methods the address has. */
  | { readonly kind: "method"; readonly allow: string }
  | { readonly kind: "nothing" };

/** No character here means anything in an address, so a segment can neither leave its place nor name a host. */
const segment = "(?!\\.{1,2}(?:/|$))[A-Za-z0-9._:~-]{1,128}";
const patterns = proxyRoutes.map((route) => ({ route, pattern: new RegExp(`^${route.path.replaceAll("{id}", segment)}$`) }));

/** `path` as it was sent, nothing decoded: what would have to be decoded is nowhere in the table. */
export function findProxyRoute(method: string, path: string): Found {
  const here = patterns.filter(({ pattern }) => pattern.test(path)).map(({ route }) => route);
  const route = here.find((candidate) => candidate.method === (method === "HEAD" ? "GET" : method));
  if (route !== undefined) return { kind: "route", route };
  if (here.length === 0) return { kind: "nothing" };
  const methods = here.flatMap((candidate) => (candidate.method === "GET" ? ["GET", "HEAD"] : [candidate.method]));
  return { kind: "method", allow: methods.join(", ") };
}
