import { describe, expect, it } from "vitest";
import { changeKeepSeconds } from "../../../stores/colo-cache.ts";
import { proxyRoutes } from "../../proxy/table.ts";
import { policies, policyNames, policyOf } from "./policies.ts";

const all = policyNames.map((name) => [name, policyOf(name)] as const);

describe("a policy", () => {
  it("is there for reads of the backend alone: nothing that changes something is ever answered from a cache", () => {
    const cached = proxyRoutes.filter(({ cache }) => cache !== undefined);
    expect(cached.map(({ method }) => method).filter((method) => method !== "GET")).toEqual([]);
    expect(cached.length).toBeGreaterThan(5);
  });

  it.each(all)("%s keeps an answer of the API for 1 to 60 seconds (the seed)", (_, { ttlSeconds }) => {
    expect(ttlSeconds).toBeGreaterThanOrEqual(1);
    expect(ttlSeconds).toBeLessThanOrEqual(60);
  });

  it.each(all)("%s reads KV before its origin only where an answer of a minute ago may be fresh", (_, { kv, ttlSeconds }) => {
    if (kv === "tier") expect(ttlSeconds).toBeGreaterThanOrEqual(60);
  });

  it.each(all)("%s shows no answer as good for longer than a change is remembered", (_, policy) => {
    expect(policy.ttlSeconds + policy.staleWhileRevalidateSeconds).toBeLessThan(changeKeepSeconds);
  });

  it.each(all)("%s keeps nothing for longer than a purge is remembered: two days", (_, policy) => {
    expect(policy.ttlSeconds + policy.staleIfErrorSeconds).toBeLessThan(2 * 86_400);
  });

  it("of opportunities never shows a list older than five seconds while there is a newer one (CONTRACT)", () => {
    for (const name of ["opportunities", "backend.opportunities"] as const) {
      const { ttlSeconds, staleWhileRevalidateSeconds, changeSeconds } = policies[name];
      expect(ttlSeconds + staleWhileRevalidateSeconds).toBeLessThanOrEqual(5);
      expect(changeSeconds).toBeLessThanOrEqual(1);
    }
  });

  it("of health is never a stale one", () => {
    expect(policies["backend.health"]).toMatchObject({ staleWhileRevalidateSeconds: 0, staleIfErrorSeconds: 0 });
  });
});
