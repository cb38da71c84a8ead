import { env } from "cloudflare:workers";
import { Hono } from "hono";
import { expect, it } from "vitest";
import { AppError } from "../../platform/errors.ts";
import { cors } from "./cors.ts";
import { renderError } from "./errors.ts";
import { requestId } from "./request-id.ts";
import type { GatewayEnv } from "./request-id.ts";
import { securityHeaders } from "./security-headers.ts";

function appWith(handler: () => Response | Promise<Response>): Hono<GatewayEnv> {
  const app = new Hono<GatewayEnv>();
  app.onError(renderError);
  app.use(requestId, securityHeaders, cors);
  app.get("/", handler);
  return app;
}

it("never shows what broke: no message, no stack", async () => {
  const app = appWith(() => {
    throw new TypeError("secret detail");
  });
  const response = await app.request("/?token=abc", {}, env);
  expect(response.status).toBe(500);
  const body = await response.text();
  expect(body).toContain('"INTERNAL"');
  expect(body).not.toMatch(/secret detail|TypeError|\bat /);
});

it("renders an expected failure with its status, details and when to come back", async () => {
  const app = appWith(() => {
    throw new AppError("CAPACITY_EXCEEDED", "full", { retryAfterSeconds: 3, details: { stream: "market" } });
  });
  const response = await app.request("/", {}, env);
  expect(response.status).toBe(503);
  expect(response.headers.get("retry-after")).toBe("3");
  expect(response.headers.get("cache-control")).toBe("no-store");
  expect(await response.json()).toMatchObject({ error: { code: "CAPACITY_EXCEEDED", message: "full", details: { stream: "market" } } });
});

it("keeps the socket of an upgrade and still names its request", async () => {
  const app = appWith(() => {
    const { 0: client, 1: server } = new WebSocketPair();
    server.accept();
    server.send("hello");
    return new Response(null, { status: 101, webSocket: client });
  });
  const response = await app.request("/", { headers: { "x-request-id": "upgrade" } }, env);
  expect(response.status).toBe(101);
  expect(response.headers.get("x-request-id")).toBe("upgrade");
  const socket = response.webSocket;
  if (socket === null) throw new Error("the socket is lost");
  const greeting = new Promise((resolve) => socket.addEventListener("message", ({ data }) => resolve(data)));
  socket.accept();
  expect(await greeting).toBe("hello");
});

it("sets its headers on an answer whose headers are immutable, keeping the answer's own", async () => {
  const immutable = Response.redirect("https://arbitragex.app/", 302);
  expect(() => immutable.headers.set("a", "b")).toThrow("immutable");
  const response = await appWith(() => immutable).request("/", {}, env);
  expect(response.status).toBe(302);
  expect(response.headers.get("location")).toBe("https://arbitragex.app/");
  expect(response.headers.get("x-request-id")).not.toBeNull();
});

it("adds to what an answer says it varies by, once", async () => {
  const response = await appWith(() => new Response("x", { headers: { vary: "Authorization, X-API-Key" } })).request("/", {}, env);
  expect(response.headers.get("vary")).toBe("Authorization, X-API-Key, Origin");
  const own = await appWith(() => new Response("x", { headers: { vary: "Origin" } })).request("/", {}, env);
  expect(own.headers.get("vary")).toBe("Origin");
});
