/** The operators' rules, compiled once for each version of the configuration, and what they say of a request. Pure. */
import { contains, parseNetwork } from "../../../platform/network.ts";
import type { Address } from "../../../platform/network.ts";
import type { FirewallRule, Limit } from "../../../schemas/runtime-config.ts";
import { compileGlob, compileText } from "./patterns.ts";
import type { Matcher } from "./patterns.ts";

/** What a rule may look at. The address is parsed only when a rule asks for it. */
export interface Subject {
  readonly method: string;
  readonly path: string;
  readonly userAgent: string;
  /** Undefined when it is not known: then no rule about networks fits. */
  address(): Address | undefined;
}

export interface Verdict {
  /** "none": no rule fits that does more than log. */
  readonly action: "none" | "allow" | "block" | "limit";
  readonly rule?: string;
  readonly limit?: Limit;
  /** Rules that only count. */
  readonly logged: readonly string[];
}

interface Compiled {
  readonly id: string;
  readonly action: FirewallRule["action"];
  readonly limit: Limit | undefined;
  fits(subject: Subject): boolean;
}

export type Firewall = (subject: Subject) => Verdict;

const nothing: Verdict = { action: "none", logged: [] };

export function compileFirewall(rules: readonly FirewallRule[]): Firewall {
  const compiled = rules
    .filter(({ enabled }) => enabled)
    .toSorted((a, b) => a.priority - b.priority || (a.id < b.id ? -1 : 1))
    .map(compile);
  return compiled.length === 0 ? () => nothing : (subject) => judge(compiled, subject);
}

function judge(rules: readonly Compiled[], subject: Subject): Verdict {
  const logged: string[] = [];
  for (const { id, action, limit, fits } of rules) {
    if (!fits(subject)) continue;
    if (action !== "log") return { action, rule: id, logged, ...(limit === undefined ? {} : { limit }) };
    logged.push(id);
  }
  return logged.length === 0 ? nothing : { action: "none", logged };
}

function compile(rule: FirewallRule): Compiled {
  const { id, action, limit } = rule;
  const methods = rule.methods === undefined ? undefined : new Set<string>(rule.methods);
  const paths = rule.paths?.map(compileGlob);
  const agents = rule.user_agents?.map(compileText);
  const networks = rule.networks?.flatMap((text) => parseNetwork(text) ?? []);
  // From the cheapest question to the dearest.
  const fits = (subject: Subject): boolean => {
    if (methods !== undefined && !methods.has(subject.method)) return false;
    if (paths !== undefined && !some(paths, subject.path)) return false;
    if (agents !== undefined && !some(agents, subject.userAgent)) return false;
    if (networks === undefined) return true;
    const address = subject.address();
    return address !== undefined && networks.some((network) => contains(network, address));
  };
  return { id, action, limit, fits };
}

function some(matchers: readonly Matcher[], text: string): boolean {
  return matchers.some((matches) => matches(text));
}
