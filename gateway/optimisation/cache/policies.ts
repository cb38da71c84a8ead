/** How long each kind of answer is good for, who may share it, and where it is kept: the one table. Which address has which policy
 *  is said where addresses are (routes/entities.ts, proxy/table.ts); signing in, executing and every other change have none. */
import type { CacheTag } from "../../../schemas/cache.ts";
import { cachedBytesMax } from "../../../schemas/limits-cache.ts";

export interface Policy {
  /** Answers with this tag are forgotten together. */
  readonly tag: CacheTag;
  readonly ttlSeconds: number;
  /** Beyond the ttl, while a new answer is fetched. */
  readonly staleWhileRevalidateSeconds: number;
  /** Beyond the ttl, when no new answer can be had. */
  readonly staleIfErrorSeconds: number;
  /** How long a 404 is remembered. */
  readonly negativeSeconds: number;
  /** Readers with the same rights get the same answer, or each reader has his own. What anybody may read, all share. */
  readonly sharedBy: "rights" | "user";
  readonly bytesMax: number;
  /** `backup`: read only when the origin fails. `tier`: asked before the origin, by colos that hold nothing yet; worth it from a minute on. */
  readonly kv: "never" | "backup" | "tier";
  /** A change counts against answers of this age: above 0 where changes come many times a second, and each would reach the backend. */
  readonly changeSeconds: number;
}

const minute = 60;
const hour = 3_600;
const day = 86_400;

const common = { staleWhileRevalidateSeconds: 0, sharedBy: "rights", bytesMax: cachedBytesMax, changeSeconds: 0 } as const;

export const policies = {
  /** From D1. Prices move every second, and D1 is up to two behind: with these two it is well within five. Past that it is no price any more,
   *  so nothing of it is kept for outages but half a minute, and never beyond the first expiry in it (`notAfterMs`). */
  opportunities: { ...common, tag: "opportunities", ttlSeconds: 2, staleIfErrorSeconds: 30, negativeSeconds: 1, kv: "never" },
  executions: { ...common, tag: "executions", ttlSeconds: 5, staleIfErrorSeconds: 10 * minute, negativeSeconds: 1, kv: "backup" },
  /** One that is confirmed, failed or reverted: only a correction changes it. */
  "executions.settled": { ...common, tag: "executions", ttlSeconds: 30, staleIfErrorSeconds: day, negativeSeconds: 1, kv: "never" },
  strategies: {
    ...common,
    tag: "strategies",
    ttlSeconds: minute,
    staleWhileRevalidateSeconds: minute,
    staleIfErrorSeconds: day,
    negativeSeconds: 5,
    kv: "tier",
  },
  /** From Contabo. Its events announce changes up to hundreds of times a second; the second keeps it to one call. */
  "backend.opportunities": {
    ...common,
    tag: "backend.opportunities",
    ttlSeconds: 5,
    staleIfErrorSeconds: 30,
    negativeSeconds: 1,
    kv: "never",
    changeSeconds: 1,
  },
  "backend.executions": {
    ...common,
    tag: "backend.executions",
    ttlSeconds: 10,
    staleIfErrorSeconds: hour,
    negativeSeconds: 2,
    kv: "backup",
  },
  "backend.strategies": {
    ...common,
    tag: "backend.strategies",
    ttlSeconds: minute,
    staleWhileRevalidateSeconds: minute,
    staleIfErrorSeconds: day,
    negativeSeconds: 5,
    kv: "tier",
  },
  "backend.analytics": {
    ...common,
    tag: "backend.analytics",
    ttlSeconds: 30,
    staleWhileRevalidateSeconds: 30,
    staleIfErrorSeconds: hour,
    negativeSeconds: 5,
    kv: "backup",
  },
  /** Which chains there are, and how each is set up. */
  "backend.chains": {
    ...common,
    tag: "backend.chains",
    ttlSeconds: minute,
    staleWhileRevalidateSeconds: 5 * minute,
    staleIfErrorSeconds: day,
    negativeSeconds: 30,
    kv: "tier",
  },
  /** An old "healthy" is a lie: nothing of it is kept for outages. */
  "backend.health": { ...common, tag: "backend.health", ttlSeconds: 5, staleIfErrorSeconds: 0, negativeSeconds: 0, kv: "never" },
} as const satisfies Readonly<Record<string, Policy>>;

export type PolicyName = keyof typeof policies;

export const policyNames = Object.keys(policies) as PolicyName[];

export function policyOf(name: PolicyName): Policy {
  return policies[name];
}
