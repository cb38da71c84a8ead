/** What became of requests, by policy, since this isolate began. */
import type { PolicyName } from "./policies.ts";

export const cacheEvents = ["hit", "stale", "stale_if_error", "miss", "collapsed", "bypass", "not_modified", "failed"] as const;
export type CacheEvent = (typeof cacheEvents)[number];

export type CacheCounts = Readonly<Record<CacheEvent, number>>;

const none: CacheCounts = { hit: 0, stale: 0, stale_if_error: 0, miss: 0, collapsed: 0, bypass: 0, not_modified: 0, failed: 0 };

export class CacheCounters {
  readonly #counts = new Map<PolicyName, CacheCounts>();

  count(policy: PolicyName, event: CacheEvent): void {
    const counts = this.#counts.get(policy) ?? none;
    this.#counts.set(policy, { ...counts, [event]: counts[event] + 1 });
  }

  snapshot(): Readonly<Partial<Record<PolicyName, CacheCounts>>> {
    return Object.fromEntries(this.#counts);
  }
}
