import { describe, expect, it } from "vitest";
import { tagOfPath } from "../optimisation/cache/addresses.ts";
import { policyOf } from "../optimisation/cache/policies.ts";
import { addressOf } from "./outgoing.ts";
import { findProxyRoute, proxyRoutes } from "./table.ts";

/** UPSTREAM 2, word for word. */
const documented = [
  "POST /auth/login",
  "GET /opportunities",
  "POST /opportunities/{id}/execute",
  "GET /strategies",
  "PUT /strategies/{id}",
  "GET /executions",
  "GET /executions/{id}",
  "GET /analytics/performance",
  "GET /analytics/health",
  "GET /chains",
  "GET /chains/{id}/config",
  "GET /health",
];

it("has every documented call of the backend and no other", () => {
  expect(proxyRoutes.map(({ method, path }) => `${method} ${path}`).toSorted()).toEqual(documented.toSorted());
});

it.each(documented)("finds %s by its address", (name) => {
  const [method = "", path = ""] = name.split(" ");
  const found = findProxyRoute(method, path.replace("{id}", "0xAb-1_2.3:4~5"));
  expect(found.kind === "route" && `${found.route.method} ${found.route.path}`).toBe(name);
});

it("asks HEAD as it asks GET", () => {
  expect(findProxyRoute("HEAD", "/chains")).toEqual(findProxyRoute("GET", "/chains"));
});

it("says which methods an address has", () => {
  expect(findProxyRoute("DELETE", "/strategies/7")).toEqual({ kind: "method", allow: "PUT" });
  expect(findProxyRoute("POST", "/executions")).toEqual({ kind: "method", allow: "GET, HEAD" });
});

const hostile = [
  "",
  "/",
  "//",
  "//evil.example",
  "//evil.example/strategies",
  "/strategies/",
  "/strategies//",
  "/strategies/..",
  "/strategies/.",
  "/chains/../config",
  "/chains/./config",
  "/chains/%2e%2e/config",
  "/chains/..%2f..%2fadmin/config",
  "/chains/a%2fb/config",
  "/chains/a%5cb/config",
  "/chains/a\\b/config",
  "/chains/%252e%252e/config",
  "/chains/a;b/config",
  "/chains/a@evil.example/config",
  "/chains/a#b/config",
  "/chains/a?b/config",
  "/chains/a b/config",
  "/chains/a%00/config",
  "/chains/a%0d%0aHost:evil/config",
  "/chains/ａ/config",
  "@evil.example/",
  "/@evil.example/health",
  "http://evil.example/health",
  "/http://evil.example/health",
  "/opportunities/x/execute/../../../admin",
  "/opportunities/x/y/execute",
  "/OPPORTUNITIES",
  "/health/",
  "/health;x",
  "/admin",
  "/api/health",
  "/constructor",
  `/executions/${"x".repeat(129)}`,
];

it.each(hostile)("knows nothing at %j, whatever the method", (path) => {
  for (const method of ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
    expect(findProxyRoute(method, path).kind).toBe("nothing");
});

describe("an address that is put together", () => {
  it("stays where it belongs", () => {
    expect(addressOf("https://contabo.example:8081", "/api/v2", { path: "/strategies", query: "active=true" })).toBe(
      "https://contabo.example:8081/api/v2/strategies?active=true",
    );
    expect(addressOf("https://contabo.example/base", "", { path: "/health", query: "" })).toBe("https://contabo.example/base/health");
  });

  it.each([
    "/..",
    "/../x",
    "/a/../../x",
    "/%2e%2e/x",
    "//evil.example",
    "\\evil",
    "/x?y",
    "/x#y",
    "@evil.example/x",
    ":80/x",
    ".evil.example/x",
  ])("is refused when the path is %j, should the table ever let it through", (path) => {
    expect(() => addressOf("https://contabo.example", "", { path, query: "" })).toThrow();
  });

  it("takes a query for a query", () => {
    expect(addressOf("https://contabo.example", "/api", { path: "/x", query: "a=%23%40%2F%2Fevil" })).toBe(
      "https://contabo.example/api/x?a=%23%40%2F%2Fevil",
    );
  });
});

it.each(proxyRoutes.filter(({ cache }) => cache !== undefined).map((route) => [route.path, route] as const))(
  "caches %s by the tag that operators purge it by",
  (path, { cache }) => {
    expect(cache !== undefined && policyOf(cache).tag).toBe(tagOfPath(`/api/proxy${path.replace("{id}", "7")}`));
  },
);

it("forgets what a change makes untrue", () => {
  const tags = new Set(proxyRoutes.flatMap(({ cache }) => (cache === undefined ? [] : [policyOf(cache).tag])));
  for (const { changes = [] } of proxyRoutes) expect(changes.filter((tag) => !tags.has(tag))).toEqual([]);
});

it("never sends a trade twice, and lets nobody change anything without a role for it", () => {
  for (const { method, path, access, isIdempotent, once } of proxyRoutes) {
    if (path.endsWith("/execute")) expect({ isIdempotent, once }).toEqual({ isIdempotent: false, once: true });
    if (method !== "GET" && path !== "/auth/login") expect(access.kind).toBe("permission");
  }
});
