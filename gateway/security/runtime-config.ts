/** The hot configuration as this isolate knows it, compiled for use. Read once, then renewed behind the requests' backs: nobody waits for
 *  it but an isolate's first request, which must not slip past a rule. What cannot be read leaves the last one in force. */
import { configOf } from "../../platform/config.ts";
import type { GeoConfig } from "../../platform/config.ts";
import { messageOf } from "../../platform/errors.ts";
import { logError, logWarning } from "../../platform/log.ts";
import { withTimeout } from "../../platform/timeout.ts";
import { defaultRuntimeConfig, Published, RuntimeConfig } from "../../schemas/runtime-config.ts";
import { readPublished } from "../../stores/runtime-config.ts";
import { compileBans } from "./ddos/bans.ts";
import type { Bans } from "./ddos/bans.ts";
import { compileFirewall } from "./firewall/firewall.ts";
import type { Firewall } from "./firewall/firewall.ts";
import { compileGeo } from "./geo.ts";
import type { Geo } from "./geo.ts";
import { compilePolicies } from "./rate-limit/policy.ts";
import type { Policies } from "./rate-limit/policy.ts";

/** With the thirty seconds that KV keeps an answer in a data centre, a change holds everywhere within a minute. */
export const rulesFreshMs = 15_000;
/** What could not be read is asked for again after this. */
const retryMs = 3_000;
const readTimeoutMs = 1_000;

export interface Rules {
  /** 0 while nothing was ever set. */
  readonly version: number;
  readonly config: RuntimeConfig;
  readonly firewall: Firewall;
  readonly geo: Geo;
  readonly bans: Bans;
  readonly policies: Policies;
}

export type ReadRules = () => Promise<string | null>;

export class RuntimeRules {
  readonly #read: ReadRules;
  readonly #geo: GeoConfig;
  #rules: Rules;
  #text: string | null = null;
  #dueMs = Number.NEGATIVE_INFINITY;
  #first: Promise<void> | undefined;
  /** Whether it was read, or could not be: from then on nobody waits. */
  #isAsked = false;
  #atMs = 0;

  constructor(read: ReadRules, geo: GeoConfig) {
    this.#read = read;
    this.#geo = geo;
    this.#rules = this.#compile({ v: 1, version: 0, at_ms: 0, config: defaultRuntimeConfig, bans: [] }, defaultRuntimeConfig);
  }

  /** A promise for the first request alone. `keep` keeps a renewal alive beyond the request that began it. */
  now(nowMs: number, keep: (work: Promise<void>) => void = () => undefined): Rules | Promise<Rules> {
    if (nowMs >= this.#dueMs) {
      // Whoever comes meanwhile goes on with what is known.
      this.#dueMs = nowMs + rulesFreshMs;
      const renewal = this.#renew(nowMs);
      keep(renewal);
      this.#first ??= renewal;
    }
    return this.#isAsked ? this.#rules : this.#afterFirst(this.#first);
  }

  /** Told by whoever has just changed it, before KV says so. */
  told(published: Published, nowMs: number): void {
    this.#take(JSON.stringify(published));
    this.#dueMs = nowMs + rulesFreshMs;
    this.#isAsked = true;
  }

  /** The request that reads may be given up by its client: the others do not wait for it for ever. */
  async #afterFirst(first: Promise<void> | undefined): Promise<Rules> {
    if (first !== undefined) await withTimeout(first, 2 * readTimeoutMs, "the configuration").catch(() => undefined);
    return this.#rules;
  }

  async #renew(nowMs: number): Promise<void> {
    try {
      this.#take(await withTimeout(this.#read(), readTimeoutMs, "the configuration"));
    } catch (error) {
      this.#dueMs = nowMs + retryMs;
      logWarning("runtime_config.unread", { reason: messageOf(error) });
    }
    this.#isAsked = true;
  }

  #take(text: string | null): void {
    // Nothing is compiled twice.
    if (text === null || text === this.#text) return;
    this.#text = text;
    const published = Published.safeParse(jsonOf(text));
    if (!published.success) return logError("runtime_config.unreadable", { what: "all", issue: published.error.issues[0]?.path.join(".") });
    // KV may answer with what was there before the change this isolate was told of.
    if (published.data.at_ms < this.#atMs) return;
    this.#atMs = published.data.at_ms;
    const config = RuntimeConfig.safeParse(published.data.config);
    if (!config.success) {
      const issue = config.error.issues[0]?.path.join(".");
      logError("runtime_config.unreadable", { what: "config", version: published.data.version, issue });
    }
    this.#rules = this.#compile(published.data, config.data ?? this.#rules.config);
  }

  #compile({ version, bans }: Published, config: RuntimeConfig): Rules {
    return {
      version,
      config,
      firewall: compileFirewall(config.firewall),
      geo: compileGeo(this.#geo, config.geo.routes),
      bans: compileBans(bans),
      policies: compilePolicies(config.limits),
    };
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const known = new WeakMap<object, RuntimeRules>();

/** One per isolate. */
export function rulesOf(env: Env): RuntimeRules {
  const kept = known.get(env) ?? new RuntimeRules(() => readPublished(env), configOf(env).geo);
  known.set(env, kept);
  return kept;
}
