import { expect, it } from "vitest";
import { statusHeaders } from "./status.ts";
import type { Outcome } from "./status.ts";

it.each<[string, number, Outcome]>([
  ["ArbitrageX-Edge; hit; ttl=3; detail=colo", 2, { kind: "hit", tier: "colo", ttlSeconds: 3, ageSeconds: 2 }],
  ["ArbitrageX-Edge; hit; ttl=-7; detail=kv", 67, { kind: "hit", tier: "kv", ttlSeconds: -7, ageSeconds: 67 }],
  ["ArbitrageX-Edge; fwd=method", 0, { kind: "forward", why: "method", ageSeconds: 0 }],
  ["ArbitrageX-Edge; fwd=uri-miss; stored; ttl=5", 0, { kind: "forward", why: "uri-miss", isStored: true, ttlSeconds: 5, ageSeconds: 0 }],
  ["ArbitrageX-Edge; fwd=stale; collapsed", 0, { kind: "forward", why: "stale", isCollapsed: true, ageSeconds: 0 }],
  [
    "ArbitrageX-Edge; fwd=stale; fwd-status=503; ttl=-9; detail=stale-if-error",
    14,
    { kind: "forward", why: "stale", originStatus: 503, ttlSeconds: -9, ageSeconds: 14, detail: "stale-if-error" },
  ],
])("says %s, of age %i", (status, age, outcome) => {
  expect(statusHeaders(outcome)).toEqual({ "cache-status": status, age: String(age) });
});
