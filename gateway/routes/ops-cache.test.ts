import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { cacheTags } from "../../schemas/cache.ts";
import { readPurge } from "../../stores/api-cache.ts";
import { findHotTable } from "../../stores/hot-cache-tables.ts";
import { upsertNewest } from "../../stores/hot-cache.ts";
import { placed } from "../../tests/support/placed.ts";
import { signToken, strategy } from "../../tests/support/reading.ts";
import { Hono } from "hono";
import { renderError } from "../middleware/errors.ts";
import type { GatewayEnv } from "../middleware/request-id.ts";
import { entityRoutes } from "./entities.ts";
import { opsRoutes } from "./ops.ts";

let nowMs = Date.now();
const app = new Hono<GatewayEnv>();
app.onError(renderError);
app
  .route(
    "/",
    entityRoutes(() => nowMs),
  )
  .route(
    "/",
    opsRoutes(() => nowMs),
  );

const operator = { "x-api-key": env.OPS_API_KEY };

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: {
    readonly data?: unknown;
    readonly error?: { readonly code: string; readonly message: string; readonly details?: unknown };
  };
}

async function ask(path: string, init: RequestInit = {}, bindings: Env = env): Promise<Answer> {
  const context = createExecutionContext();
  const response = await app.request(path, { headers: operator, ...init }, bindings, context);
  const body: Answer["body"] = await response.json();
  await waitOnExecutionContext(context);
  return { status: response.status, headers: response.headers, body };
}

const purge = (body: unknown, headers: Record<string, string> = operator): Promise<Answer> =>
  ask("/ops/cache/purge", { method: "POST", body: JSON.stringify(body), headers });

beforeEach(() => {
  nowMs += 3_600_000;
});

describe("POST /ops/cache/purge", () => {
  it("is for operators alone", async () => {
    const trader = await signToken({ role: "trader" }, nowMs);
    expect([
      (await purge({ everything: true }, {})).status,
      (await purge({ everything: true }, { authorization: `Bearer ${trader}` })).status,
    ]).toEqual([401, 403]);
  });

  it.each<[unknown, string]>([
    [{}, "tags"],
    [{ tags: [], paths: [] }, "tags"],
    [{ everything: false }, "tags"],
    [{ tags: ["prices"] }, "tags.0"],
    [{ paths: ["/api/events"] }, "paths.0"],
    [{ paths: ["/api/strategies?limit=5"] }, "paths.0"],
    [{ paths: ["/api/proxy/auth/login"] }, "paths.0"],
    [{ paths: Array.from({ length: 101 }, () => "/api/strategies") }, "paths"],
    [{ everything: "yes" }, "everything"],
    [{ tag: ["strategies"], everything: true }, ""],
    [[], ""],
  ])("refuses %j and names the field", async (body, parameter) => {
    expect((await purge(body)).body.error).toMatchObject({ code: "INVALID_PARAMETERS", details: { parameter } });
  });

  it("refuses a body larger than any purge", async () => {
    expect((await purge({ paths: ["/api/strategies"], x: "x".repeat(20_000) })).status).toBe(413);
  });

  it("says so when KV does not take it: other data centres would not hear of it", async () => {
    const broken = { get: async () => null, put: () => Promise.reject(new Error("KV is down")) };
    const init = { method: "POST", body: '{"everything":true}', headers: operator };
    const { status, body } = await ask("/ops/cache/purge", init, { ...env, API_CACHE: broken as unknown as KVNamespace });
    expect([status, body.error?.code]).toEqual([503, "UPSTREAM_UNAVAILABLE"]);
  });

  it("has what it names forgotten at once, and remembers it for all data centres; other answers stay", async () => {
    const table = findHotTable("strategies");
    if (table === undefined) throw new Error("strategies");
    await upsertNewest(env.STRATEGIES_DB, { table, placed: [placed(strategy("a", { timeMs: nowMs }), 1)], now: nowMs });
    for (const path of ["/api/strategies", "/api/executions"]) await ask(path);
    const { body } = await purge({ paths: ["/api/strategies/a", "/api/proxy/chains/base/config"], tags: ["strategies"] });
    expect(body.data).toEqual({ tags: ["strategies", "backend.chains"], everywhere_by: new Date(nowMs + 60_000).toISOString() });
    const status = async (path: string) => (await ask(path)).headers.get("cache-status");
    expect(await status("/api/strategies")).toBe("ArbitrageX-Edge; fwd=uri-miss; stored; ttl=60");
    expect(await status("/api/executions")).toBe("ArbitrageX-Edge; hit; ttl=5; detail=memory");
    expect(await readPurge(env, "strategies")).toBe(nowMs + 5_000);
    expect(await readPurge(env, "executions")).toBe(0);
  });

  it("takes everything, twice if need be", async () => {
    for (const _ of [1, 2]) expect((await purge({ everything: true })).body.data).toMatchObject({ tags: cacheTags });
    for (const tag of cacheTags) expect(await env.API_CACHE.get(`purge/v1/${tag}`)).toBe(String(nowMs + 5_000));
  });
});

describe("GET /ops/cache", () => {
  it("lists every policy, and counts what became of this isolate's requests", async () => {
    const before = (await ask("/ops/cache")).body.data as { isolate: { requests: Record<string, Record<string, number>> } };
    for (const _ of [1, 2, 3]) await ask("/api/executions?limit=3");
    const { body, headers } = await ask("/ops/cache");
    const after = body.data as typeof before & { policies: { name: string; ttl_seconds: number }[] };
    const counted = (data: typeof before, event: string): number => data.isolate.requests["executions"]?.[event] ?? 0;
    expect([counted(after, "miss") - counted(before, "miss"), counted(after, "hit") - counted(before, "hit")]).toEqual([1, 2]);
    expect(after.policies).toContainEqual(
      expect.objectContaining({ name: "opportunities", ttl_seconds: 2, kv: "never", shared_by: "rights" }),
    );
    expect(after.isolate).toMatchObject({
      memory: { answers: expect.any(Number), bytes: expect.any(Number) },
      tier_failures: { colo: 0, kv: 0 },
    });
    expect(headers.get("cache-control")).toBe("no-store");
  });
});
