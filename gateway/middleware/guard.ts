/** The first to look at a request, before any credential is: refuses what no route needs to see, and remembers who is refused again and again.
 *  Nothing is awaited but an isolate's first look at the configuration. What is refused is decided in security/ddos/. */
import type { Context, MiddlewareHandler } from "hono";
import { countRefusal } from "../security/audit.ts";
import { addressOf, networkOf } from "../security/client-address.ts";
import { counters as ofIsolate } from "../security/ddos/counters.ts";
import type { Counters } from "../security/ddos/counters.ts";
import { enter } from "../security/ddos/entrance.ts";
import type { Refusal, Visit } from "../security/ddos/entrance.ts";
import { requireSizes } from "../security/ddos/sizes.ts";
import { offences } from "../security/penalty.ts";
import type { Offence } from "../security/penalty.ts";
import { classOf } from "../security/rate-limit/classes.ts";
import type { RouteClass } from "../security/rate-limit/classes.ts";
import { rulesOf } from "../security/runtime-config.ts";
import type { Rules } from "../security/runtime-config.ts";
import type { Limit } from "../../schemas/runtime-config.ts";
import type { GatewayEnv } from "./request-id.ts";

/** What the next in line need not find out again. */
export interface Guarded {
  readonly rules: Rules;
  readonly routeClass: RouteClass;
  readonly client: string | undefined;
  /** A rule of the firewall allows so much. */
  readonly limit: { readonly rule: string; readonly limit: Limit } | undefined;
}

export interface GuardDeps {
  now(): number;
  readonly counters: Counters;
}

const platformDeps: GuardDeps = { now: Date.now, counters: ofIsolate };

export function guard({ now, counters }: GuardDeps = platformDeps): MiddlewareHandler<GatewayEnv> {
  return async (c, next) => {
    const nowMs = now();
    const known = rulesOf(c.env).now(nowMs, (work) => keepAlive(c, work));
    const rules = known instanceof Promise ? await known : known;
    const visit = visitOf(c);
    const { refusal, limit } = enter(visit, rules, { nowMs, counters });
    if (refusal !== undefined) {
      record(c, refusal, visit);
      if (refusal.isOffence) punish(c, { visit, rules, counters, nowMs, offence: offenceOf(refusal) });
      throw refusal.error;
    }
    requireSizes(c.req.raw, visit.routeClass);
    c.set("guarded", { rules, routeClass: visit.routeClass, client: visit.client, limit });
    await next();
    const offence = offenceIn(c.res.status);
    if (offence !== undefined && !isForgiven(offence, { visit, limit })) punish(c, { visit, rules, counters, nowMs: now(), offence });
  };
}

/** Work that goes on after the answer; tests without a context let it run. */
export function keepAlive(c: Context<GatewayEnv>, work: Promise<unknown>): void {
  try {
    c.executionCtx.waitUntil(work);
  } catch {
    // Hono throws where there is no context; the work has its own catch.
  }
}

function visitOf(c: Context<GatewayEnv>): Visit {
  const { method, path, raw } = c.req;
  const address = addressOf(raw.headers);
  const client = address === undefined ? undefined : networkOf(address);
  return { env: c.env, request: raw, method, path, routeClass: classOf(method, path), address, client };
}

function offenceOf({ action }: Refusal): Offence {
  return action === "firewall.refused" ? "firewall" : "limited";
}

function offenceIn(status: number): Offence | undefined {
  if (status === 401) return "unauthorized";
  if (status === 403) return "forbidden";
  return status === 429 ? "limited" : undefined;
}

/** Handshakes that are shed are no offence: the deployed frontend storms without meaning to (UPSTREAM 1). Nor are posts above a stream's ceiling
 *  or a key's quota: whoever hears that has shown a key, and is slowed already. */
function isForgiven(offence: Offence, { visit, limit }: { visit: Visit; limit: Guarded["limit"] }): boolean {
  if (visit.routeClass === "socket") return true;
  // A rule's limit is met before any key is looked at.
  return visit.routeClass === "ingest" && offence === "limited" && limit === undefined;
}

interface Punishment {
  readonly visit: Visit;
  readonly rules: Rules;
  readonly counters: Counters;
  readonly nowMs: number;
  readonly offence: Offence;
}

function punish(c: Context<GatewayEnv>, { visit, rules, counters, nowMs, offence }: Punishment): void {
  const { penalties, under_attack } = rules.config;
  if (!penalties.enabled || visit.client === undefined) return;
  const banMs = counters.box.add(visit.client, offences[offence] * (under_attack ? 2 : 1), { nowMs, rules: penalties });
  if (banMs === undefined) return;
  const details = { reason: offence, seconds: Math.round(banMs / 1_000) };
  count(c, { action: "ban.refused", subject: visit.client, details }, visit);
}

function record(c: Context<GatewayEnv>, { action, subject }: Refusal, visit: Visit): void {
  count(c, { action, subject }, visit);
}

interface Counted {
  readonly action: Refusal["action"];
  readonly subject: string | undefined;
  readonly details?: Readonly<Record<string, string | number>>;
}

/** Refusals come in floods: they are counted, not written one by one. */
function count(c: Context<GatewayEnv>, entry: Counted, { address }: Visit): void {
  const waitUntil = (work: Promise<unknown>): void => keepAlive(c, work);
  countRefusal(c.env, { waitUntil }, { ...entry, actor: "anonymous", address, requestId: c.get("requestId") });
}
