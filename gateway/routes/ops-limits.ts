/** GET /ops/limits: which limits hold now, for whom, and what this isolate sees of them: how far they are tightened, what was refused, whether
 *  the limiters answer. They are changed through /ops/config. */
import { configOf } from "../../platform/config.ts";
import { tiers } from "../../schemas/runtime-config.ts";
import { success } from "../http/envelope.ts";
import { factorOf, limiting } from "../middleware/rate-limit.ts";
import type { RulesContext } from "../security/change-config.ts";
import { clientCeiling, posterCeiling } from "../security/ddos/ceilings.ts";
import { handshakeRate } from "../security/handshakes.ts";
import type { Rate } from "../security/allowances.ts";
import type { RouteClass } from "../security/rate-limit/classes.ts";
import { rulesOf } from "../security/runtime-config.ts";

const classes: readonly RouteClass[] = ["read", "write", "assets", "mint", "ops"];

export async function answerLimits(c: RulesContext, nowMs: number): Promise<Response> {
  const rules = await rulesOf(c.env).now(nowMs);
  const base = configOf(c.env).rateLimit;
  const factor = factorOf({ rules }, limiting.health);
  const policies = tiers.flatMap((tier) =>
    classes.map((routeClass) => {
      // A path that no override fits.
      const policy = rules.policies({ routeClass, tier, method: "GET", path: "" }, { base, factor });
      const { requests, windowSeconds, allowance } = policy;
      return { tier, class: routeClass, requests, window_seconds: windowSeconds, burst: allowance.burst };
    }),
  );
  const { latencyMs, errorRate } = limiting.health;
  const here = {
    factor,
    backend: { latency_ms: Math.round(latencyMs), error_rate: errorRate },
    counts: limiting.limiter.counts,
    limiters_silent: limiting.limiter.openBreakers(),
  };
  const ceilings = { client: shown(clientCeiling), poster: shown(posterCeiling), handshakes: shown(handshakeRate) };
  const { under_attack, limits, adaptive } = rules.config;
  const data = { version: rules.version, under_attack, policies, routes: limits.routes, adaptive, ceilings_per_isolate: ceilings, here };
  return c.json(success(data), 200, { "cache-control": "no-store" });
}

function shown({ burst, everyMs }: Rate): object {
  return { burst, per_second: 1_000 / everyMs };
}
