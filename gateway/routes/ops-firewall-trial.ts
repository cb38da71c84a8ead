/** POST /ops/firewall/test: what rules would do to requests, and how they differ from those in force. Changes nothing. */
import { z } from "zod";
import { parseAddress } from "../../platform/network.ts";
import { firewallTrialsMax, runtimeConfigBytesMax } from "../../schemas/limits-requests.ts";
import { FirewallRules, strictly } from "../../schemas/runtime-config.ts";
import type { FirewallRule } from "../../schemas/runtime-config.ts";
import { readJson } from "../http/body.ts";
import { success } from "../http/envelope.ts";
import { currentConfig } from "../security/change-config.ts";
import type { RulesContext } from "../security/change-config.ts";
import { compileFirewall } from "../security/firewall/firewall.ts";
import type { Subject } from "../security/firewall/firewall.ts";

const TrialRequest = z.object({
  method: z.string().max(16).default("GET"),
  path: z.string().max(2_048).default("/"),
  ip: z
    .string()
    .max(64)
    .refine((text) => parseAddress(text) !== undefined, "must be an address")
    .optional(),
  user_agent: z.string().max(1_024).default(""),
});
type TrialRequest = z.infer<typeof TrialRequest>;

export const FirewallTrial = z.object({
  rules: FirewallRules.optional().meta({ description: "those in force, unless given" }),
  requests: z.array(TrialRequest).max(firewallTrialsMax).default([]),
});

export const FirewallTried = z.object({
  version: z.int().describe("in force"),
  rules: z.int(),
  added: z.array(z.string()),
  changed: z.array(z.string()),
  removed: z.array(z.string()),
  requests: z.array(
    TrialRequest.extend({
      action: z.enum(["none", "allow", "block", "limit"]),
      rule: z.string().optional().describe("which decides"),
      logged: z.array(z.string()).describe("which would only count it"),
      now: z.enum(["none", "allow", "block", "limit"]).describe("what the rules in force do"),
    }),
  ),
});

export async function tryFirewall(c: RulesContext): Promise<Response> {
  const { rules, requests } = await readJson(c.req.raw, strictly(FirewallTrial), runtimeConfigBytesMax);
  const { version, config } = await currentConfig(c.env);
  const held = config?.firewall ?? [];
  const tried = rules ?? held;
  const [then, now] = [compileFirewall(tried), compileFirewall(held)];
  const outcomes = requests.map((request) => {
    const { action, rule, logged } = then(subjectOf(request));
    return { ...request, action, ...(rule === undefined ? {} : { rule }), logged, now: now(subjectOf(request)).action };
  });
  const data = { version, rules: tried.length, ...differences(held, tried), requests: outcomes };
  return c.json(success(data), 200, { "cache-control": "no-store" });
}

function subjectOf({ method, path, ip, user_agent: userAgent }: TrialRequest): Subject {
  return { method: method.toUpperCase(), path, userAgent, address: () => (ip === undefined ? undefined : parseAddress(ip)) };
}

function differences(
  held: readonly FirewallRule[],
  tried: readonly FirewallRule[],
): { added: string[]; changed: string[]; removed: string[] } {
  const before = new Map(held.map((rule) => [rule.id, JSON.stringify(rule)]));
  const ids = new Set(tried.map(({ id }) => id));
  return {
    added: tried.filter(({ id }) => !before.has(id)).map(({ id }) => id),
    changed: tried.filter((rule) => before.has(rule.id) && before.get(rule.id) !== JSON.stringify(rule)).map(({ id }) => id),
    removed: held.filter(({ id }) => !ids.has(id)).map(({ id }) => id),
  };
}
