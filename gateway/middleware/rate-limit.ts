/** Counts requests against the allowance of whoever asks (security/rate-limit/), and tells every answer where its client stands. When nobody
 *  can count, reads go on behind the first line and no token is made. Also watches how the backend does, because limits follow it. */
import type { Context, MiddlewareHandler } from "hono";
import { configOf } from "../../platform/config.ts";
import { AppError } from "../../platform/errors.ts";
import { refusedStatus } from "../optimisation/cache/index.ts";
import { countRefusal } from "../security/audit.ts";
import { adapted, healthy, observed } from "../security/rate-limit/adaptive.ts";
import type { Health } from "../security/rate-limit/adaptive.ts";
import { neededAt } from "../security/rate-limit/credentials.ts";
import { Guesses } from "../security/rate-limit/guesses.ts";
import { limitHeaders, overLimit } from "../security/rate-limit/headers.ts";
import type { Standing } from "../security/rate-limit/lease-book.ts";
import { Limiter, limiterDeps } from "../security/rate-limit/limiter.ts";
import { policyOfRule } from "../security/rate-limit/policy.ts";
import type { Policy } from "../security/rate-limit/policy.ts";
import { byAddress, whoAsks } from "../security/rate-limit/who.ts";
import type { Who } from "../security/rate-limit/who.ts";
import { placeOf } from "../placement.ts";
import { regionOf } from "../region.ts";
import { renderError } from "./errors.ts";
import { keepAlive } from "./guard.ts";
import type { Guarded } from "./guard.ts";
import type { GatewayEnv } from "./request-id.ts";
import { withHeaders } from "./with-headers.ts";

type LimitContext = Context<GatewayEnv>;

/** What an isolate knows: shared with the address that shows it to operators. */
export interface Limiting {
  readonly limiter: Limiter;
  readonly guesses: Guesses;
  /** The backend's, as this isolate sees it. */
  health: Health;
}

export function newLimiting(deps = limiterDeps): Limiting {
  return { limiter: new Limiter(deps), guesses: new Guesses(), health: healthy };
}

/** Of this isolate. */
export const limiting = newLimiting();

const underAttackFactor = 0.5;
const backendPrefix = "/api/proxy/";

export function rateLimit(own: Limiting = limiting, now: () => number = Date.now): MiddlewareHandler<GatewayEnv> {
  return async (c, next) => {
    const guarded = c.get("guarded");
    if (guarded === undefined || !isCounted(guarded)) return await next();
    const nowMs = now();
    own.health = adapted(own.health, guarded.rules.config.adaptive, nowMs);
    const asked = askerOf(c, guarded, nowMs);
    const who = asked instanceof Promise ? await asked : asked;
    const policy = policyFor(c, guarded, { who, factor: factorOf(guarded, own.health) });
    const guess = who.refusal === undefined ? undefined : refuseGuess(c, own.guesses, { who, policy, nowMs });
    if (guess !== undefined) return guess;
    const decided = decide(c, own.limiter, { who, policy, guarded });
    const standing = decided instanceof Promise ? await decided : decided;
    if (standing.kind === "refused") return refuse(c, { who, policy, standing, nowMs });
    if (standing.kind === "unreachable" && guarded.routeClass === "mint") {
      throw new AppError("UPSTREAM_UNAVAILABLE", "tokens can't be made for the moment: nobody can count them", { retryAfterSeconds: 1 });
    }
    await watched(c, own, { next, now });
    if (standing.kind === "allowed") withHeaders(c, limitHeaders(policy, standing, nowMs));
    return undefined;
  };
}

/** Posters have a quota of events and sockets an allowance of handshakes; a rule of the firewall limits those as well. */
function isCounted({ rules, routeClass, limit }: Guarded): boolean {
  if (limit !== undefined) return true;
  return rules.config.limits.enabled && routeClass !== "ingest" && routeClass !== "socket";
}

function askerOf(c: LimitContext, { routeClass, client, limit }: Guarded, nowMs: number): Who | Promise<Who> {
  // A key that is guessed would have an allowance of its own each time.
  if (limit !== undefined || routeClass === "mint") return byAddress({ client });
  return whoAsks({ env: c.env, request: c.req.raw, client }, nowMs);
}

function policyFor(c: LimitContext, { rules, routeClass, limit }: Guarded, { who, factor }: { who: Who; factor: number }): Policy {
  if (limit !== undefined) return policyOfRule(limit.rule, limit.limit);
  const { method, path } = c.req;
  return rules.policies({ routeClass, tier: who.tier, method, path }, { base: configOf(c.env).rateLimit, factor });
}

export function factorOf({ rules }: Pick<Guarded, "rules">, { factor }: Health): number {
  return factor * (rules.config.under_attack ? underAttackFactor : 1);
}

interface Question {
  readonly who: Who;
  readonly policy: Policy;
  readonly guarded: Guarded;
}

function decide(c: LimitContext, limiter: Limiter, { who, policy, guarded }: Question): Standing | Promise<Standing> {
  const { regions, channelHome } = configOf(c.env);
  return limiter.decide({
    env: c.env,
    who: who.name,
    policy,
    // Tokens are made seldom and counted in one place for the whole world; another continent's answer would cost a read more than it is worth.
    region: () => (guarded.routeClass === "mint" ? channelHome : regionOf(placeOf(c.req.raw), regions)),
    isFirstLineOn: guarded.rules.config.limits.first_line,
    keep: (work) => keepAlive(c, work),
  });
}

/** As its route would, only that nobody is asked first. Undefined: its route does not refuse it. */
function refuseGuess(c: LimitContext, guesses: Guesses, { who, policy, nowMs }: Omit<Refused, "standing">): Response | undefined {
  const needed = neededAt(c.req.method, c.req.path);
  if (who.refusal === undefined || needed === undefined) return undefined;
  const standing = guesses.take(who.name, policy, nowMs);
  if (standing !== undefined) return refuse(c, { who, policy, standing, nowMs });
  const response = renderError(who.refusal, c);
  if (needed === "cached") for (const [name, value] of Object.entries(refusedStatus)) response.headers.set(name, value);
  return response;
}

interface Refused {
  readonly who: Who;
  readonly policy: Policy;
  readonly standing: Exclude<Standing, { kind: "unreachable" }>;
  readonly nowMs: number;
}

function refuse(c: LimitContext, { who, policy, standing, nowMs }: Refused): Response {
  const waitUntil = (work: Promise<unknown>): void => keepAlive(c, work);
  const address = c.req.header("cf-connecting-ip");
  const actor = who.name.startsWith("ip:") ? "anonymous" : who.name;
  countRefusal(c.env, { waitUntil }, { action: "rate.limited", actor, subject: policy.name, address, requestId: c.get("requestId") });
  const response = renderError(overLimit(policy, standing), c);
  for (const [name, value] of Object.entries(limitHeaders(policy, standing, nowMs))) response.headers.set(name, value);
  return response;
}

/** An answer out of a cache says nothing of the backend. */
async function watched(c: LimitContext, own: Limiting, { next, now }: { next: () => Promise<void>; now: () => number }): Promise<void> {
  if (!c.req.path.startsWith(backendPrefix)) return await next();
  const startedMs = now();
  await next();
  if (/;\s*hit/.test(c.res.headers.get("cache-status") ?? "")) return;
  const nowMs = now();
  own.health = observed(own.health, { tookMs: nowMs - startedMs, failed: c.res.status >= 500 }, nowMs);
}
