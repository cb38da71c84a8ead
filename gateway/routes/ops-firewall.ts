/** /ops/firewall: the rules in force with how often each fitted, and all of them anew. A rule is tried out with action `log`: it then only
 *  counts. */
import { z } from "zod";
import { AppError } from "../../platform/errors.ts";
import { runtimeConfigBytesMax } from "../../schemas/limits-requests.ts";
import { FirewallRules, strictly } from "../../schemas/runtime-config.ts";
import { readJson } from "../http/body.ts";
import { success } from "../http/envelope.ts";
import { currentConfig, requireVersion, tagOf } from "../security/change-config.ts";
import type { RulesContext } from "../security/change-config.ts";
import { counters } from "../security/ddos/counters.ts";
import { answerChange, Comment } from "./ops-config.ts";

export const FirewallBody = z.object({ comment: Comment, rules: FirewallRules });

/** Matches are those of the isolate that answers: a sample, not a sum. The log has them of all. */
export async function answerFirewall(c: RulesContext): Promise<Response> {
  const current = await currentConfig(c.env);
  const rules = (current.config?.firewall ?? []).map((rule) => {
    const matched = counters.matches.of(rule.id);
    const last = matched === undefined ? null : new Date(matched.lastMs).toISOString();
    return { ...rule, matches_here: matched?.count ?? 0, last_match_at: last };
  });
  return c.json(success({ version: current.version, rules }), 200, { "cache-control": "no-store", etag: tagOf(current) });
}

export async function replaceFirewall(c: RulesContext, nowMs: number): Promise<Response> {
  const { rules, comment } = await readJson(c.req.raw, strictly(FirewallBody), runtimeConfigBytesMax);
  const current = await currentConfig(c.env);
  requireVersion(c, current);
  if (current.config === undefined) {
    throw new AppError("CONFLICT", "the version in force can't be read: put a whole configuration, or roll back");
  }
  return answerChange(c, {
    from: current,
    nowMs,
    action: "firewall.changed",
    config: { ...current.config, firewall: rules },
    comment,
    details: { rules: rules.length },
  });
}
