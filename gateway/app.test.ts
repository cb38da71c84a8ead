import { createExecutionContext } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { expect, it } from "vitest";
import { parseConfig } from "../platform/config.ts";
import { app } from "./app.ts";

const page = "https://arbitragex.app";

it("answers an unknown address with the error envelope and its request's id", async () => {
  const response = await app.request("/nowhere", { headers: { "x-request-id": "abc.DEF_1-2" } }, env);
  expect(response.status).toBe(404);
  expect(response.headers.get("x-request-id")).toBe("abc.DEF_1-2");
  expect(await response.json()).toEqual({
    success: false,
    error: { code: "NOT_FOUND", message: expect.any(String) },
    timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    request_id: "abc.DEF_1-2",
  });
});

it.each(["", "a b", "x".repeat(65), "<script>"])("does not echo the request id %j but makes one", async (given) => {
  const response = await app.request("/nowhere", { headers: { "x-request-id": given } }, env);
  expect(response.headers.get("x-request-id")).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
});

it("echoes a request id of 64 characters", async () => {
  const response = await app.request("/nowhere", { headers: { "x-request-id": "x".repeat(64) } }, env);
  expect(response.headers.get("x-request-id")).toBe("x".repeat(64));
});

it("tells browsers to believe the content type and never to frame", async () => {
  const response = await app.request("/nowhere", {}, env);
  expect(response.headers.get("x-content-type-options")).toBe("nosniff");
  expect(response.headers.get("x-frame-options")).toBe("DENY");
});

it("lets the pages of CORS_ORIGINS call, and no other", async () => {
  const allowed = await app.request("/nowhere", { headers: { origin: page } }, { ...env, CORS_ORIGINS: page });
  expect(allowed.headers.get("access-control-allow-origin")).toBe(page);
  for (const [origin, origins] of [
    ["https://evil.example", page],
    [`${page}.evil.example`, page],
    [page, ""],
  ] as const) {
    const refused = await app.request("/nowhere", { headers: { origin } }, { ...env, CORS_ORIGINS: origins });
    expect(refused.headers.get("access-control-allow-origin")).toBeNull();
  }
});

it("answers a preflight itself", async () => {
  const headers = { origin: page, "access-control-request-method": "POST", "access-control-request-headers": "x-api-key" };
  const response = await app.request("/api/events", { method: "OPTIONS", headers }, { ...env, CORS_ORIGINS: page });
  expect(response.status).toBe(204);
  expect(response.headers.get("access-control-allow-headers")).toContain("x-api-key");
  expect(response.headers.get("access-control-allow-methods")).toContain("POST");
});

it("says that answers depend on the origin, also to callers that have none", async () => {
  expect((await app.request("/nowhere", {}, env)).headers.get("vary")).toContain("Origin");
});

it("refuses every request in production on development secrets, and tells the client nothing", async () => {
  const variables = { ...env, ENVIRONMENT: "production", OPS_API_KEY: "dev-ops-key-0001" };
  expect(() => parseConfig(variables)).toThrow("OPS_API_KEY");
  const response = await app.request("/nowhere", {}, variables);
  expect(response.status).toBe(500);
  expect(response.headers.get("x-request-id")).not.toBeNull();
  const body = await response.text();
  expect(body).toContain('"INTERNAL"');
  expect(body).not.toContain("OPS_API_KEY");
});

it("is what the Worker answers with", async () => {
  const response = await exports.default.fetch("https://edge.test/api/events", { method: "POST" });
  expect(response.status).toBe(401);
  expect(response.headers.get("x-request-id")).not.toBeNull();
});

it("still says on /health that its variables are unusable, while every other door stays shut", async () => {
  const broken = { ...env, JWT_SECRET: "short" };
  const health = await app.request("/health", { headers: { origin: page } }, broken, createExecutionContext());
  expect(health.status).toBe(503);
  expect(await health.json()).toMatchObject({ status: "unhealthy", checks: { config: { status: "down" } } });
  expect(health.headers.get("access-control-allow-origin")).toBeNull();
  for (const door of ["/api/opportunities", "/api/channels/market/snapshot", "/ops/channels", "/ws", "/nowhere"]) {
    expect((await app.request(door, {}, broken)).status).toBe(500);
  }
});
