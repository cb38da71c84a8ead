import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { Hono } from "hono";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { announceChange } from "../../stores/changes.ts";
import { cacheTags } from "../../schemas/cache.ts";
import { proxyBodyBytesMax } from "../../schemas/limits-proxy.ts";
import { signToken } from "../../tests/support/reading.ts";
import { renderError } from "../middleware/errors.ts";
import { requestId } from "../middleware/request-id.ts";
import type { GatewayEnv } from "../middleware/request-id.ts";
import { BackendError } from "../proxy/call.ts";
import type { BackendCall } from "../proxy/call.ts";
import { proxyRoutes } from "./proxy.ts";

/** What was asked of the backend, and what it says. */
let calls: BackendCall[] = [];
let reply: (call: BackendCall) => Promise<Response> | Response;
const call = vi.fn<(given: Env, call: BackendCall) => Promise<Response>>(async (_, asked) => {
  calls.push(asked);
  return await reply(asked);
});
let nowMs = Date.now();

const app = new Hono<GatewayEnv>();
app.onError(renderError);
app.use(requestId);
app.route("/", proxyRoutes({ call, clock: () => nowMs }));

interface Ask {
  readonly method?: string;
  readonly token?: string;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
  readonly variables?: Record<string, unknown>;
}

async function ask(path: string, { method = "GET", token, headers = {}, body, variables }: Ask = {}) {
  const context = createExecutionContext();
  const all = { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...headers };
  const sent = body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) };
  const typed = body === undefined ? all : { "content-type": "application/json", ...all };
  const response = await app.request(
    path,
    { method, headers: typed, ...sent },
    variables === undefined ? env : { ...env, ...variables },
    context,
  );
  const text = await response.text();
  await waitOnExecutionContext(context);
  return { status: response.status, headers: response.headers, text, code: /"code":"(\w+)"/.exec(text)?.[1] };
}

const ok = (): Response => Response.json({ success: true, data: [] });
const trade = { strategy_id: "s1", max_gas_price: "1", slippage_tolerance: "0.1", confirmation_blocks: 1 };
let keys = 0;
const key = (): Record<string, string> => ({ "idempotency-key": `proxy-${(keys += 1)}` });

let viewer = "";
let trader = "";
let operator = "";
beforeEach(async () => {
  calls = [];
  reply = ok;
  nowMs = Date.now();
  // What another test had cached is none of this one's.
  for (const tag of cacheTags) await announceChange(tag, { nowMs });
  nowMs += 1;
  viewer = await signToken({ sub: "v", role: "VIEWER" });
  trader = await signToken({ sub: "t", role: "TRADER" });
  operator = await signToken({ sub: "o", role: "operator" });
});

describe("who is not let in", () => {
  it.each([
    "/api/proxy/executions",
    "/api/proxy/executions/e1",
    "/api/proxy/strategies",
    "/api/proxy/analytics/performance",
    "/api/proxy/analytics/health",
    "/api/proxy/chains",
    "/api/proxy/chains/base/config",
  ])("may not read %s without a token, and the backend does not hear of it", async (path) => {
    expect((await ask(path)).code).toBe("UNAUTHORIZED");
    expect((await ask(path, { headers: { authorization: "Bearer x.y.z" } })).code).toBe("UNAUTHORIZED");
    expect(calls).toEqual([]);
  });

  it("may not read a stream his token does not name, and not a whole stream by a right to one chain", async () => {
    const narrow = await signToken({ sub: "n", channels: { "executions:base": ["subscribe"], strategies: ["history"] } });
    for (const path of ["executions", "executions/e1", "strategies", "analytics/performance"]) {
      expect((await ask(`/api/proxy/${path}`, { token: narrow })).code).toBe("FORBIDDEN");
    }
    expect(calls).toEqual([]);
  });

  it("may not change anything as a reader, and not configure as a trader", async () => {
    const execute = { method: "POST", body: trade };
    const configure = { method: "PUT", body: { is_active: false } };
    expect((await ask("/api/proxy/opportunities/o1/execute", { ...execute, headers: key() })).code).toBe("UNAUTHORIZED");
    expect((await ask("/api/proxy/opportunities/o1/execute", { ...execute, headers: key(), token: viewer })).code).toBe("FORBIDDEN");
    expect((await ask("/api/proxy/strategies/s1", { ...configure })).code).toBe("UNAUTHORIZED");
    expect((await ask("/api/proxy/strategies/s1", { ...configure, token: trader })).code).toBe("FORBIDDEN");
    expect(calls).toEqual([]);
  });

  it("is refused also where the answer is in the cache", async () => {
    expect((await ask("/api/proxy/executions", { token: viewer })).status).toBe(200);
    expect((await ask("/api/proxy/executions")).code).toBe("UNAUTHORIZED");
    expect(calls).toHaveLength(1);
  });
});

describe("what is not there", () => {
  it.each([
    "/api/proxy/admin",
    "/api/proxy/",
    "/api/proxy//evil.example/",
    "/api/proxy/strategies/%2e%2e/admin",
    "/api/proxy/chains/a%2fb/config",
    "/api/pro%78y/chains",
  ])("is not found at %s, and the backend is not asked", async (path) => {
    expect((await ask(path, { headers: { "x-api-key": env.OPS_API_KEY } })).code).toBe("NOT_FOUND");
    expect(calls).toEqual([]);
  });

  it("says which methods are", async () => {
    const { status, headers } = await ask("/api/proxy/strategies/s1", { method: "DELETE", token: operator });
    expect([status, headers.get("allow")]).toEqual([405, "PUT"]);
  });
});

describe("what is refused by name", () => {
  it.each([
    ["executions?colour=red", "colour"],
    ["executions?limit=0", "limit"],
    ["executions?limit=5&limit=6", "limit"],
    ["executions?status=%3Cscript%3E", "status"],
    ["opportunities?chain=..%2F..", "chain"],
    ["opportunities?chain=http%3A%2F%2Fevil.example", "chain"],
    ["analytics/performance?period=1y", "period"],
    ["chains?url=http://169.254.169.254", "url"],
  ])("%s names %s", async (path, parameter) => {
    const { code, text } = await ask(`/api/proxy/${path}`, { token: viewer });
    expect([code, text.includes(`"parameter":"${parameter}"`)]).toEqual(["INVALID_PARAMETERS", true]);
    expect(calls).toEqual([]);
  });

  it("an execution without a key, with another's field, or not as JSON", async () => {
    const path = "/api/proxy/opportunities/o1/execute";
    const base = { method: "POST", token: trader };
    expect((await ask(path, { ...base, body: trade })).text).toContain("Idempotency-Key");
    expect((await ask(path, { ...base, headers: key(), body: { ...trade, to: "0x1" } })).code).toBe("INVALID_PARAMETERS");
    expect((await ask(path, { ...base, headers: { ...key(), "content-type": "text/plain" }, body: trade })).code).toBe(
      "UNSUPPORTED_MEDIA_TYPE",
    );
    expect((await ask(path, { ...base, headers: key(), body: `{"strategy_id":"${"x".repeat(proxyBodyBytesMax)}"}` })).code).toBe(
      "PAYLOAD_TOO_LARGE",
    );
    expect(calls).toEqual([]);
  });
});

describe("a read", () => {
  it("is asked once for all who may see the same, with what was asked for in one order", async () => {
    await ask("/api/proxy/executions?status=failed&limit=5", { token: viewer });
    const second = await ask("/api/proxy/executions?limit=5&status=failed", { token: await signToken({ sub: "other", role: "viewer" }) });
    expect(calls.map(({ path, query }) => `${path}?${query}`)).toEqual(["/executions?limit=5&status=failed"]);
    expect(second.headers.get("cache-status")).toContain("hit");
  });

  it("of others' rights is another read", async () => {
    const narrow = await signToken({ sub: "n", channels: { executions: ["subscribe"] } });
    for (const token of [viewer, narrow, operator]) await ask("/api/proxy/executions", { token });
    expect(calls).toHaveLength(3);
  });

  it("that 200 ask for at once reaches the backend once", async () => {
    const gate = Promise.withResolvers<undefined>();
    reply = async () => {
      await gate.promise;
      return ok();
    };
    const all = Array.from({ length: 200 }, () => ask("/api/proxy/strategies", { token: viewer }));
    await expect.poll(() => calls.length).toBe(1);
    gate.resolve(undefined);
    expect(new Set((await Promise.all(all)).map(({ status }) => status))).toEqual(new Set([200]));
    expect(calls).toHaveLength(1);
  });

  it("is answered from before when the backend is down, and says so", async () => {
    reply = () => Response.json({ success: true, data: "before" });
    await ask("/api/proxy/executions/e9", { token: viewer });
    nowMs += 15_000;
    reply = () => Promise.reject(new BackendError("UPSTREAM_UNAVAILABLE", "the backend is out of reach", { sent: "maybe" }));
    const { status, text, headers } = await ask("/api/proxy/executions/e9", { token: viewer });
    expect([status, text.includes("before"), headers.get("cache-status")?.includes("stale-if-error")]).toEqual([200, true, true]);
  });

  it("that the backend calls public stays private to who was let in", async () => {
    reply = () =>
      new Response("[]", { headers: { "content-type": "application/json", "cache-control": "public, max-age=3600", vary: "*" } });
    const { headers } = await ask("/api/proxy/executions", { token: viewer });
    expect(headers.get("cache-control")).toBe("private, no-store");
  });

  it("of a public stream needs no token", async () => {
    expect((await ask("/api/proxy/opportunities?chain=base")).status).toBe(200);
    expect((await ask("/api/proxy/opportunities?chain=base", { variables: { PUBLIC_CHANNELS: "" } })).code).toBe("UNAUTHORIZED");
  });

  it("by HEAD has the same headers and no body", async () => {
    const got = await ask("/api/proxy/chains", { token: viewer });
    const { status, text, headers } = await ask("/api/proxy/chains", { method: "HEAD", token: viewer });
    expect([status, text, headers.get("etag")]).toEqual([200, "", got.headers.get("etag")]);
  });

  it("passes the request's id and trace on, and a trace that is none is dropped", async () => {
    const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
    await ask("/api/proxy/health", { headers: { "x-request-id": "mine", traceparent } });
    await ask("/api/proxy/chains", { token: viewer, headers: { traceparent: "00-x\tinjected: 1" } });
    expect(calls.map((one) => [one.requestId === "mine", one.traceparent])).toEqual([
      [true, traceparent],
      [false, undefined],
    ]);
  });
});

it("lets everybody sign in, whatever token they still hold, and nobody keeps the answer", async () => {
  reply = () => Response.json({ token: "t" }, { headers: { "cache-control": "public, max-age=60" } });
  const asked = { method: "POST", body: { email: "a@b.example", password: "p" }, headers: { authorization: "Bearer expired" } };
  const { status, headers } = await ask("/api/proxy/auth/login", asked);
  expect([status, headers.get("cache-control")]).toEqual([200, "no-store"]);
  expect(calls[0]?.body).toBe('{"email":"a@b.example","password":"p"}');
});

describe("a change", () => {
  it("is sent as both sides read it: one field of a name, written anew", async () => {
    await ask("/api/proxy/strategies/s1", { method: "PUT", token: operator, body: '{"is_active":true, "is_active":false}' });
    expect(calls[0]?.body).toBe('{"is_active":false}');
  });

  it("makes what was cached of it untrue, also when nobody knows whether it was made", async () => {
    await ask("/api/proxy/strategies", { token: viewer });
    nowMs += 10;
    reply = () => Promise.reject(new BackendError("UPSTREAM_TIMEOUT", "late", { sent: "maybe" }));
    expect((await ask("/api/proxy/strategies/s1", { method: "PUT", token: operator, body: { a: 1 } })).status).toBe(504);
    nowMs += 10;
    reply = ok;
    await ask("/api/proxy/strategies", { token: viewer });
    expect(calls.map(({ route }) => route.method)).toEqual(["GET", "PUT", "GET"]);
  });

  it("that trades happens once for a key, whoever of a user's sessions repeats it", async () => {
    const headers = key();
    reply = () => Response.json({ success: true, data: { id: "e1" } });
    const asked = { method: "POST", body: trade, headers };
    const first = await ask("/api/proxy/opportunities/o1/execute", { ...asked, token: trader });
    const again = await ask("/api/proxy/opportunities/o1/execute", {
      ...asked,
      token: await signToken({ sub: "t", role: "admin", jti: "2" }),
    });
    expect([first.status, again.status, again.text]).toEqual([200, 200, first.text]);
    expect([first.headers.get("idempotency-replayed"), again.headers.get("idempotency-replayed")]).toEqual([null, "true"]);
    expect(calls).toHaveLength(1);
    expect(calls[0]?.idempotencyKey).toMatch(/^[0-9a-f]{64}$/);
    expect(calls[0]?.body).toBe(JSON.stringify(trade));
  });
});
