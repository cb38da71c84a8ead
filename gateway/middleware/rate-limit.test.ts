/** Limits as clients meet them: through the real worker, its objects and its hot configuration. */
import { createExecutionContext, evictDurableObject } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { Hono } from "hono";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { signToken } from "../../tests/support/reading.ts";
import { app } from "../app.ts";
import type { RateLimiterRpc } from "../../schemas/rate-limit.ts";
import { hash64 } from "../../platform/bytes.ts";
import { limiterShards } from "../../schemas/limits-requests.ts";
import { newCounters } from "../security/ddos/counters.ts";
import { rulesOf } from "../security/runtime-config.ts";
import { renderError } from "./errors.ts";
import { guard } from "./guard.ts";
import { newLimiting, rateLimit } from "./rate-limit.ts";
import type { Limiting } from "./rate-limit.ts";
import type { GatewayEnv } from "./request-id.ts";

/** A burst of 150 and an interval of more than a minute: however slow the machine, all of a test lies within one interval. */
const strict = { RATE_LIMIT_REQUESTS: "1000", RATE_LIMIT_WINDOW: "86400" };

let users = 0;
function someone(): Promise<string> {
  users += 1;
  return signToken({ sub: `limited-${users}-${Math.random()}`, role: "viewer" });
}

interface Ask {
  readonly token?: string;
  readonly address?: string;
  readonly path?: string;
  readonly method?: string;
  readonly variables?: Readonly<Record<string, unknown>>;
}

async function ask({ token, address, path = "/nowhere", method = "GET", variables = strict }: Ask): Promise<Response> {
  const headers = new Headers();
  if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
  if (address !== undefined) headers.set("cf-connecting-ip", address);
  const context = createExecutionContext();
  const response = await app.request(`https://edge.test${path}`, { method, headers }, { ...env, ...variables }, context);
  return response;
}

const passed = (responses: readonly Response[]): number => responses.filter(({ status }) => status !== 429).length;
const statusesOf = (responses: readonly Response[]): number[] => responses.map(({ status }) => status);

/** Every variable change is another environment, but the isolate's lease book is one: each test has its own clients. */
let addresses = 0;
const address = (): string => `198.51.100.${(addresses += 1)}`;

async function put(config: object): Promise<Response> {
  const headers = { "x-api-key": env.OPS_API_KEY };
  const current = await exports.default.fetch("https://edge.test/ops/config", { headers });
  const init = { method: "PUT", headers: { ...headers, "if-match": current.headers.get("etag") ?? "" }, body: JSON.stringify({ config }) };
  return exports.default.fetch("https://edge.test/ops/config", init);
}

describe("300 requests at once against a burst of 150, within one interval", () => {
  const quiet = { adaptive: { enabled: false } };
  const limit = { requests: 1_000, window_seconds: 86_400 };

  beforeEach(async () => {
    const response = await put({ v: 1, ...quiet, limits: { first_line: false, tiers: { user: limit, anonymous: limit } } });
    if (!response.ok) throw new Error(await response.text());
  });
  afterEach(async () => {
    await put({ v: 1 });
  });

  it("let exactly 150 pass, of a user and of an address, and keep them apart", async () => {
    const token = await someone();
    const byUser = () => exports.default.fetch("https://edge.test/nowhere", { headers: { authorization: `Bearer ${token}` } });
    const byAddress = () => exports.default.fetch("https://edge.test/nowhere", { headers: { "cf-connecting-ip": "192.0.2.77" } });
    const [users, strangers] = await Promise.all([
      Promise.all(Array.from({ length: 300 }, byUser)),
      Promise.all(Array.from({ length: 300 }, byAddress)),
    ]);
    expect(passed(users)).toBe(150);
    expect(passed(strangers)).toBe(150);
    expect((await byUser()).status).toBe(429);
    expect((await exports.default.fetch("https://edge.test/nowhere", { headers: { "cf-connecting-ip": "192.0.2.78" } })).status).toBe(404);
  });

  it("let exactly 150 pass one after the other as well, whatever was leased meanwhile", async () => {
    const token = await someone();
    const answers: Response[] = [];
    for (let count = 0; count < 300; count += 1) {
      answers.push(await exports.default.fetch("https://edge.test/nowhere", { headers: { authorization: `Bearer ${token}` } }));
    }
    expect(passed(answers)).toBe(150);
    expect(statusesOf(answers.slice(0, 150))).not.toContain(429);
  });
});

describe("a limit", () => {
  it("of RATE_LIMIT_REQUESTS in RATE_LIMIT_WINDOW holds for each who asks, and every answer says how it stands", async () => {
    const from = address();
    const variables = { RATE_LIMIT_REQUESTS: "20", RATE_LIMIT_WINDOW: "3600" };
    const first = await ask({ address: from, variables });
    expect(first.status).toBe(404);
    expect(first.headers.get("ratelimit-policy")).toBe('"burst";q=3;w=540, "steady";q=20;w=3600');
    expect(first.headers.get("ratelimit")).toMatch(/^"burst";r=2;t=180$/);
    expect(["limit", "remaining"].map((name) => first.headers.get(`x-ratelimit-${name}`))).toEqual(["3", "2"]);
    expect(Number(first.headers.get("x-ratelimit-reset")) - Date.now() / 1_000).toBeCloseTo(180, -1);
    await ask({ address: from, variables });
    expect((await ask({ address: from, variables })).headers.get("x-ratelimit-remaining")).toBe("0");
    const refused = await ask({ address: from, variables });
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(170);
    expect(refused.headers.get("ratelimit")).toMatch(/^"burst";r=0;t=5\d\d$/);
    expect(await refused.json()).toMatchObject({
      success: false,
      error: { code: "RATE_LIMIT_EXCEEDED", details: { limit: "read", requests: 20, window_seconds: 3_600, burst: 3 } },
    });
    // Twice the requests in the same window: six at once.
    const other = address();
    const doubled = { RATE_LIMIT_REQUESTS: "40", RATE_LIMIT_WINDOW: "3600" };
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask({ address: other, variables: doubled })));
    expect(passed(answers)).toBe(6);
  });

  it("counts an IPv6 client by its /64, and another /64 apart", async () => {
    const variables = { RATE_LIMIT_REQUESTS: "7", RATE_LIMIT_WINDOW: "86400" };
    const at = async (from: string): Promise<number> => (await ask({ address: from, variables })).status;
    expect(await at("2001:db8:7:7::1")).toBe(404);
    expect(await at("2001:db8:7:7:ffff::2")).toBe(429);
    expect(await at("2001:db8:7:8::1")).toBe(404);
  });

  it("is the user's, whatever address he comes from, and a bad token counts for its address", async () => {
    const variables = { RATE_LIMIT_REQUESTS: "7", RATE_LIMIT_WINDOW: "86400" };
    const token = await someone();
    const [home, away] = [address(), address()];
    expect((await ask({ token, address: home, variables })).status).toBe(404);
    expect((await ask({ token, address: away, variables })).status).toBe(429);
    // The user's limit is none of his address.
    expect((await ask({ address: home, variables })).status).toBe(404);
    const path = "/api/opportunities";
    expect((await ask({ token: "bad", path, address: away, variables })).status).toBe(401);
    expect((await ask({ token: "worse", path, address: away, variables })).status).toBe(429);
  });

  it("leaves /health, posted events and handshakes alone", async () => {
    const variables = { RATE_LIMIT_REQUESTS: "1", RATE_LIMIT_WINDOW: "86400" };
    const from = address();
    const health = await Promise.all(Array.from({ length: 5 }, () => ask({ path: "/health", address: from, variables })));
    expect(statusesOf(health)).not.toContain(429);
    const posts = await Promise.all(
      Array.from({ length: 5 }, () => ask({ path: "/api/events", method: "POST", address: from, variables })),
    );
    expect(statusesOf(posts)).toEqual([401, 401, 401, 401, 401]);
    const sockets = await Promise.all(Array.from({ length: 5 }, () => ask({ path: "/ws", address: from, variables })));
    expect(statusesOf(sockets)).toEqual([426, 426, 426, 426, 426]);
  });

  it("survives the eviction of its object", async () => {
    const token = await signToken({ sub: "evicted", role: "viewer" });
    expect(passed(await Promise.all(Array.from({ length: 160 }, () => ask({ token }))))).toBe(150);
    const shard = Number.parseInt(hash64("read|user:evicted").slice(0, 4), 16) % limiterShards;
    const [region = ""] = env.REGIONS.split(",");
    await evictDurableObject(env.RATE_LIMITERS.get(env.RATE_LIMITERS.idFromName(`limiter:${region}:${shard}`)));
    // Another isolate, which remembers no refusal.
    const fresh = limited(newLimiting());
    const statuses = await Promise.all(Array.from({ length: 20 }, () => fresh({ token })));
    expect(statuses.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 429));
  });
});

/** An isolate of its own before one route. */
function limited(
  own: Limiting,
  now: () => number = Date.now,
): (ask: Ask & { readonly answer?: () => Promise<Response> }) => Promise<Response> {
  return async ({ token, address: from, path = "/nowhere", method = "GET", variables = strict, answer }) => {
    const edge = new Hono<GatewayEnv>();
    edge.onError((error, c) => renderError(error, c));
    edge.use(guard({ now, counters: newCounters() }), rateLimit(own, now));
    edge.all("*", async () => (await answer?.()) ?? new Response("ok"));
    const headers = new Headers();
    if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
    if (from !== undefined) headers.set("cf-connecting-ip", from);
    const context = createExecutionContext();
    const response = await edge.request(`https://edge.test${path}`, { method, headers }, { ...env, ...variables }, context);
    return response;
  };
}

describe("a limiter that does not answer", () => {
  const clock = { ms: Date.now() };
  const now = (): number => clock.ms;
  const silent: RateLimiterRpc = { take: () => new Promise(() => undefined) };
  const broken: RateLimiterRpc = { take: () => Promise.reject(new Error("gone")) };

  it.each([
    ["silent", silent],
    ["broken", broken],
  ])("(%s) stops no read, and lets no token be made", async (_, limiter) => {
    const own = newLimiting({ now, limiter: () => limiter });
    const edge = limited(own, now);
    const read = await edge({ address: address() });
    expect([read.status, read.headers.get("ratelimit")]).toEqual([200, null]);
    const mint = await edge({ address: address(), path: "/security/token", method: "POST" });
    expect([mint.status, mint.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(await mint.json()).toMatchObject({ error: { code: "UPSTREAM_UNAVAILABLE" } });
    const refresh = await edge({ address: address(), path: "/security/refresh", method: "POST" });
    expect(refresh.status).toBe(503);
  });

  it("is asked no more than once a second, and believed again when it answers", async () => {
    let isDown = true;
    let calls = 0;
    const limiter: RateLimiterRpc = {
      take: async () => {
        calls += 1;
        if (isDown) throw new Error("gone");
        return { v: 1, granted: 1, remaining: 5, fullAfterMs: 0, retryAfterMs: 0 };
      },
    };
    const edge = limited(newLimiting({ now, limiter: () => limiter }), now);
    for (let count = 0; count < 30; count += 1) await edge({ address: address() });
    expect(calls).toBe(3);
    clock.ms += 1_001;
    isDown = false;
    expect((await edge({ address: address() })).headers.get("ratelimit")).not.toBeNull();
    expect((await edge({ address: address() })).headers.get("ratelimit")).not.toBeNull();
    expect(calls).toBe(5);
  });

  it("leaves the first line, which counts every request, and whose own outage stops nobody", async () => {
    const own = newLimiting({ now, limiter: () => broken });
    const edge = limited(own, now);
    const counted: string[] = [];
    const firstLine = { limit: async ({ key }: { key: string }) => ({ success: counted.push(key) <= 4 }) };
    const from = address();
    // An earlier test's clock may have moved: each request is a fresh one of the same client.
    const statuses: number[] = [];
    for (let count = 0; count < 6; count += 1) {
      statuses.push((await edge({ address: from, variables: { ...strict, FIRST_LINE: firstLine } })).status);
      clock.ms += 5_000;
    }
    expect(statuses).toContain(200);
    expect(statuses.at(-1)).toBe(429);
    expect(new Set(counted)).toEqual(new Set([`read|ip:${from}`]));
    const down = { limit: () => Promise.reject(new Error("gone")) };
    expect((await edge({ address: address(), variables: { ...strict, FIRST_LINE: down } })).status).toBe(200);
    expect((await edge({ address: address(), variables: { ...strict, FIRST_LINE: undefined } })).status).toBe(200);
  });
});

describe("limits that follow the backend", () => {
  it("are tightened while it is slow, for readers and not for operators, and come back when it is well", async () => {
    const clock = { ms: 1_800_000_000_000 };
    const now = (): number => clock.ms;
    const own = newLimiting({
      now,
      limiter: () => ({ take: async () => ({ v: 1, granted: 1_000, remaining: 9, fullAfterMs: 0, retryAfterMs: 0 }) }),
    });
    const edge = limited(own, now);
    const slow = async (): Promise<Response> => {
      clock.ms += 5_000;
      return new Response("late");
    };
    const burst = async (token?: string): Promise<number> => {
      const response = await edge({ address: "203.0.113.50", ...(token === undefined ? {} : { token }) });
      return Number(response.headers.get("x-ratelimit-limit"));
    };
    expect(await burst()).toBe(150);
    for (let count = 0; count < 30; count += 1) await edge({ path: "/api/proxy/opportunities", address: "203.0.113.51", answer: slow });
    expect(await burst()).toBe(37);
    expect(await burst(env.OPS_API_KEY)).toBe(1_500);
    // Answers out of a cache say nothing of it.
    const cached = async (): Promise<Response> => new Response("old", { headers: { "cache-status": '"colo"; hit; ttl=3' } });
    for (let count = 0; count < 30; count += 1) await edge({ path: "/api/proxy/opportunities", address: "203.0.113.51", answer: cached });
    expect(await burst()).toBe(37);
    const steps: number[] = [];
    for (let count = 0; count < 60; count += 1) {
      clock.ms += 2_000;
      await edge({ path: "/api/proxy/opportunities", address: "203.0.113.51" });
      steps.push(await burst());
    }
    expect(steps.at(-1)).toBe(150);
    expect(steps.every((step, index) => step >= (steps[index - 1] ?? 0))).toBe(true);
  });
});

it("under attack everybody's limit is halved", async () => {
  const own = newLimiting();
  const edge = limited(own);
  const attacked = { ...env, ...strict } as unknown as Env;
  rulesOf(attacked).told({ v: 1, version: 1, at_ms: 1, config: { v: 1, under_attack: true }, bans: [] }, Date.now());
  const context = createExecutionContext();
  expect((await edge({ token: await someone() })).headers.get("x-ratelimit-limit")).toBe("150");
  const headers = { authorization: `Bearer ${await someone()}` };
  const response = await app.request("https://edge.test/nowhere", { headers }, attacked, context);
  expect(response.headers.get("x-ratelimit-limit")).toBe("75");
});
