/** Whether a request gets any further: operators' bans, the penalty box, the ceilings, the firewall, the place it comes from and, under attack,
 *  whether it shows a credential. From the cheapest question to the dearest; none of them asks anybody. Whoever shows the operators' key gets
 *  to /ops whatever the rules say: a rule that shuts its author out must be undone by somebody. */
import { configOf } from "../../../platform/config.ts";
import { AppError } from "../../../platform/errors.ts";
import { parseAddress } from "../../../platform/network.ts";
import type { AuditAction } from "../../../schemas/audit.ts";
import type { Limit } from "../../../schemas/runtime-config.ts";
import { geoRefusal, originOf } from "../geo.ts";
import { holdsIngestKey } from "../ingest-keys.ts";
import type { RouteClass } from "../rate-limit/classes.ts";
import type { Rules } from "../runtime-config.ts";
import { isSameKey } from "../same-key.ts";
import type { Counters } from "./counters.ts";

export interface Visit {
  readonly env: Env;
  readonly request: Request;
  readonly method: string;
  readonly path: string;
  readonly routeClass: RouteClass;
  /** Undefined when nobody names it. */
  readonly address: string | undefined;
  /** networkOf(address). */
  readonly client: string | undefined;
}

export interface Refusal {
  readonly error: AppError;
  readonly action: AuditAction;
  /** The rule, the place. */
  readonly subject?: string | undefined;
  /** Whether it says something of its sender. */
  readonly isOffence: boolean;
}

export type Entrance =
  | { readonly refusal: Refusal; readonly limit?: undefined }
  /** `limit`: a rule of the firewall allows so much. */
  | { readonly refusal?: undefined; readonly limit?: { readonly rule: string; readonly limit: Limit } | undefined };

const open: Entrance = {};
const reading: ReadonlySet<RouteClass> = new Set(["read", "write", "assets"]);

export function enter(visit: Visit, rules: Rules, { nowMs, counters }: { nowMs: number; counters: Counters }): Entrance {
  const entrance = judge(visit, rules, { nowMs, counters });
  return entrance.refusal !== undefined && isOperatorsDoor(visit) ? open : entrance;
}

function judge(visit: Visit, rules: Rules, { nowMs, counters }: { nowMs: number; counters: Counters }): Entrance {
  const refusal =
    banned(visit, rules, { nowMs, counters }) ?? overCeiling(visit, rules, { nowMs, counters }) ?? unwantedUnderAttack(visit, rules);
  if (refusal !== undefined) return { refusal };
  const { action, rule = "", limit, logged } = rules.firewall(subjectOf(visit));
  for (const id of logged) counters.matches.add(id, "log", nowMs);
  if (action !== "none") counters.matches.add(rule, action, nowMs);
  if (action === "block") return { refusal: blocked(rule) };
  const origin = originOf(visit.request);
  const reason = rules.geo(visit.path, origin);
  if (reason !== undefined) {
    return { refusal: { error: geoRefusal(reason, origin), action: "geo.refused", subject: origin.country, isOffence: false } };
  }
  return limit === undefined ? open : { limit: { rule, limit } };
}

function banned(visit: Visit, rules: Rules, { nowMs, counters }: { nowMs: number; counters: Counters }): Refusal | undefined {
  const { address, client } = visit;
  if (address === undefined || client === undefined) return undefined;
  const byOperatorMs = rules.bans(address, client, nowMs);
  if (byOperatorMs > 0) {
    const error = new AppError("FORBIDDEN", "your address is banned", { details: { reason: "banned" } });
    return { error, action: "ban.refused", subject: client, isOffence: false };
  }
  const waitMs = rules.config.penalties.enabled ? counters.box.bannedMs(client, nowMs) : 0;
  // Somebody else's mistakes from the same address must not cost an event.
  if (waitMs === 0 || (visit.routeClass === "ingest" && holdsIngestKey(visit.request.headers, configOf(visit.env).ingestKeys))) {
    return undefined;
  }
  const error = new AppError("RATE_LIMIT_EXCEEDED", "too many refused requests from your address: wait", {
    retryAfterSeconds: Math.ceil(waitMs / 1_000),
    details: { limit: "penalty" },
  });
  return { error, action: "ban.refused", subject: client, isOffence: false };
}

function overCeiling(visit: Visit, rules: Rules, { nowMs, counters }: { nowMs: number; counters: Counters }): Refusal | undefined {
  const { routeClass, client } = visit;
  const asked = { routeClass, client, headers: visit.request.headers, underAttack: rules.config.under_attack };
  const waitMs = counters.ceilings.take(asked, nowMs);
  if (waitMs === 0) return undefined;
  const error = new AppError("RATE_LIMIT_EXCEEDED", "too many requests at once", {
    retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1_000)),
    details: { limit: "ceiling" },
  });
  return { error, action: "rate.limited", subject: "ceiling", isOffence: routeClass !== "ingest" };
}

/** Who shows a credential is looked at as ever: a wrong one is an offence. */
function unwantedUnderAttack({ request, routeClass }: Visit, { config }: Rules): Refusal | undefined {
  if (!config.under_attack || !reading.has(routeClass)) return undefined;
  if (request.headers.has("authorization") || request.headers.has("x-api-key")) return undefined;
  const error = new AppError("CAPACITY_EXCEEDED", "the edge serves known clients only for the moment", {
    retryAfterSeconds: 60,
    details: { reason: "under_attack" },
  });
  return { error, action: "access.refused", subject: "under_attack", isOffence: false };
}

function blocked(rule: string): Refusal {
  const error = new AppError("FORBIDDEN", "a rule of this service does not allow this request", { details: { reason: "firewall" } });
  return { error, action: "firewall.refused", subject: rule, isOffence: true };
}

function subjectOf({ request, method, path, address }: Visit): Parameters<Rules["firewall"]>[0] {
  return {
    method,
    path,
    get userAgent() {
      return request.headers.get("user-agent") ?? "";
    },
    address: () => (address === undefined ? undefined : parseAddress(address)),
  };
}

function isOperatorsDoor({ env, request: { headers }, routeClass }: Visit): boolean {
  if (routeClass !== "ops") return false;
  const bearer = /^Bearer +(\S+)$/i.exec(headers.get("authorization") ?? "")?.[1];
  return [headers.get("x-api-key"), bearer].some((key) => typeof key === "string" && isSameKey(key, configOf(env).opsKey));
}
