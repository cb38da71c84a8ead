import { describe, expect, it } from "vitest";
import { canonicalValues, keyOf } from "./key.ts";

const parts = { policy: "backend.chains", partition: "everyone", path: "/api/proxy/chains", query: "a=1" } as const;

describe("a key", () => {
  it.each([
    [{ policy: "backend.health" }],
    [{ partition: "rights:a" }],
    [{ path: "/api/proxy/chains/base/config" }],
    [{ query: "a=2" }],
    [{ path: "/api/proxy/chains\na=1", query: "" }],
  ] as const)("is another one with %j", (other) => {
    expect(keyOf({ ...parts, ...other }).hash).not.toBe(keyOf(parts).hash);
  });

  it("is stored under a hash: bounded, and nothing of what a reader sent", () => {
    expect(keyOf({ ...parts, query: `a=${"x".repeat(5_000)}` }).hash).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe("a query", () => {
  it.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ["in whatever order it was said", { limit: 5, chain: "base" }, { chain: "base", limit: 5 }],
    ["whether nothing was said or said to be nothing", { limit: 5, chain: undefined }, { limit: 5 }],
  ])("is one %s", (_, a, b) => {
    expect(canonicalValues(a)).toBe(canonicalValues(b));
  });

  it.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ["another value", { chain: "base" }, { chain: "bsc" }],
    ["another name", { chain: "base" }, { dex: "base" }],
    ["a value that looks like two", { chain: "a&limit=5" }, { chain: "a", limit: 5 }],
    ["an empty one and none", { chain: "" }, {}],
  ])("is another with %s", (_, a, b) => {
    expect(canonicalValues(a)).not.toBe(canonicalValues(b));
  });
});
