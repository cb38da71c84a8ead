import { describe, expect, it } from "vitest";
import type { Claims } from "../../../platform/claims.ts";
import { everyone, partitionOf } from "./partition.ts";
import type { Sharing } from "./partition.ts";

const claims: Claims = { sub: "u1", role: "trader", channels: { "a:*": ["subscribe", "history"], b: ["presence"] }, exp: 1, jti: "t1" };

function partition(more: Partial<Claims> = {}, rest: Partial<Sharing> = {}): string | undefined {
  const reader = { kind: "client", claims: { ...claims, ...more } } as const;
  return partitionOf({ sharedBy: "rights", reader, isPublic: false, publicChannels: [], ...rest });
}

describe("readers share", () => {
  it.each<[string, Partial<Claims>]>([
    ["another user", { sub: "u2" }],
    ["another token, session and time", { jti: "t2", sid: "s2", exp: 2, iat: 1 }],
    ["the role in capitals", { role: "TRADER" }],
    ["the map in another order", { channels: { b: ["presence"], "a:*": ["history", "subscribe", "history"] } }],
  ])("by rights: %s", (_, other) => {
    expect(partition(other)).toBe(partition());
  });

  it("by nothing at all what anybody may read", () => {
    expect(partition({}, { isPublic: true })).toBe(everyone);
    expect(partition({}, { isPublic: true, reader: { kind: "anonymous" }, sharedBy: "user" })).toBe(everyone);
  });
});

describe("readers do not share", () => {
  it.each<[string, Partial<Claims>, Partial<Sharing>]>([
    ["another role", { role: "viewer" }, {}],
    ["no role", { role: undefined }, {}],
    ["one channel less", { channels: { "a:*": ["subscribe", "history"] } }, {}],
    ["one action less", { channels: { "a:*": ["subscribe"], b: ["presence"] } }, {}],
    ["no map", { channels: undefined }, {}],
    ["an empty map", { channels: {} }, {}],
    ["a claim that this version does not know", { tenant: "t" } as Partial<Claims>, {}],
    ["another set of public channels", {}, { publicChannels: ["opportunities"] }],
    ["nobody", {}, { reader: { kind: "anonymous" } }],
    ["the operator", {}, { reader: { kind: "operator" } }],
  ])("%s", (_, other, rest) => {
    expect(partition(other, rest)).not.toBe(partition());
  });

  it("what is each user's own", () => {
    const own = (more: Partial<Claims>) => partition(more, { sharedBy: "user" });
    expect(own({})).not.toBe(own({ sub: "u2" }));
    expect(own({})).not.toBe(own({ role: "viewer" }));
    expect(own({})).toBe(own({ jti: "t2" }));
    expect(own({ sub: undefined })).toBeUndefined();
  });

  it("names from which anything could be read", () => {
    expect(partition({}, { sharedBy: "user" })).toMatch(/^user:[0-9a-f]{64}$/);
    expect(partition()).toMatch(/^rights:[0-9a-f]{64}$/);
  });
});
