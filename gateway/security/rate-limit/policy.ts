/** Which allowance counts for a request: what is asked beats who asks, and that beats RATE_LIMIT_REQUESTS and RATE_LIMIT_WINDOW. Pure. */
import type { RateLimitConfig } from "../../../platform/config.ts";
import type { Allowance } from "../../../schemas/rate-limit.ts";
import type { Limit, RuntimeConfig, Tier } from "../../../schemas/runtime-config.ts";
import { compileGlob } from "../firewall/patterns.ts";
import type { RouteClass } from "./classes.ts";

export interface Policy {
  /** Limits of different names are counted apart. */
  readonly name: string;
  readonly requests: number;
  readonly windowSeconds: number;
  readonly allowance: Allowance;
}

export interface Asked {
  readonly routeClass: RouteClass;
  readonly tier: Tier;
  readonly method: string;
  readonly path: string;
}

export interface PolicyTerms {
  readonly base: RateLimitConfig;
  /** At most 1: limits are tightened by it. Operators' are not: they are needed most when things go wrong. */
  readonly factor: number;
}

export type Policies = (asked: Asked, terms: PolicyTerms) => Policy;

/** 150 of 1,000 at once: a page's start, not a script. */
const burstShare = 0.15;
/** An operator's console asks more than a reader, a page's files are many, and a token is asked for once in its life. */
const operatorTimes = 10;
const assetsTimes = 10;
const mintShare = 0.1;

export function compilePolicies({ tiers, routes }: RuntimeConfig["limits"]): Policies {
  const compiled = routes.map(({ path, methods, limit }) => ({
    name: `route:${methods?.join(",") ?? ""}${path}`,
    limit,
    fits: compileGlob(path),
    methods: methods === undefined ? undefined : new Set<string>(methods),
  }));
  return (asked, { base, factor }) => {
    const { routeClass, tier, method, path } = asked;
    const applied = tier === "operator" ? 1 : factor;
    const route = compiled.find(({ fits, methods }) => methods?.has(method) !== false && fits(path));
    if (route !== undefined) return policyOf(route.name, route.limit, applied);
    const own = tiers[tier];
    const limit = own ?? { requests: base.requests * (tier === "operator" ? operatorTimes : 1), window_seconds: base.windowSeconds };
    return policyOf(routeClass, timesClass(limit, routeClass), applied);
  };
}

/** The allowance that a rule of the firewall gives. */
export function policyOfRule(rule: string, limit: Limit): Policy {
  return policyOf(`rule:${rule}`, limit, 1);
}

function timesClass(limit: Limit, routeClass: RouteClass): Limit {
  const times = routeClass === "assets" ? assetsTimes : routeClass === "mint" ? mintShare : 1;
  const scale = (value: number): number => Math.max(1, Math.round(value * times));
  return { ...limit, requests: scale(limit.requests), ...(limit.burst === undefined ? {} : { burst: scale(limit.burst) }) };
}

function policyOf(name: string, limit: Limit, factor: number): Policy {
  const { requests, window_seconds: windowSeconds, burst = Math.max(1, Math.round(requests * burstShare)) } = limit;
  const intervalMs = (windowSeconds * 1_000) / (requests * factor);
  return {
    name,
    requests: Math.max(1, Math.floor(requests * factor)),
    windowSeconds,
    allowance: { intervalMs, burst: Math.max(1, Math.floor(burst * factor)) },
  };
}
