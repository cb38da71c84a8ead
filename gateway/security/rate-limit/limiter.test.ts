import { describe, expect, it } from "vitest";
import wrangler from "../../../wrangler.toml?raw";
import { firstLinePerMinute, limiterShards } from "../../../schemas/limits-requests.ts";
import type { TakeReply, TakeRequest } from "../../../schemas/rate-limit.ts";
import { classOf } from "./classes.ts";
import { Limiter } from "./limiter.ts";
import type { LimitOrder } from "./limiter.ts";
import { compilePolicies } from "./policy.ts";

const base = { requests: 1_000, windowSeconds: 900 };
const policies = compilePolicies({ enabled: true, first_line: true, tiers: {}, routes: [] });
const policy = policies({ routeClass: "read", tier: "user", method: "GET", path: "/" }, { base, factor: 1 });

interface Asked {
  readonly region: string;
  readonly shard: number;
  readonly request: TakeRequest;
}

/** A limiter that remembers whom it was asked for. */
function recording(): { readonly limiter: Limiter; readonly asked: Asked[] } {
  const asked: Asked[] = [];
  const take = async (region: string, shard: number, request: TakeRequest): Promise<TakeReply> => {
    asked.push({ region, shard, request });
    return { v: 1, granted: request.need, remaining: 9, fullAfterMs: 0, retryAfterMs: 0 };
  };
  const deps = {
    now: () => 1_000_000,
    limiter: (_: Env, region: string, shard: number) => ({ take: (request: TakeRequest) => take(region, shard, request) }),
  };
  return { limiter: new Limiter(deps), asked };
}

function order(who: string, over: Partial<LimitOrder> = {}): LimitOrder {
  return { env: {} as Env, who, policy, region: () => "weur", isFirstLineOn: true, keep: () => undefined, ...over };
}

describe("keys", () => {
  it("are spread over the objects of a region, each always with the same one, and none is named", async () => {
    const { limiter, asked } = recording();
    for (let count = 0; count < 2_000; count += 1) await limiter.decide(order(`ip:10.0.${count >> 8}.${count & 255}`));
    const shards = new Map<number, number>();
    for (const { shard } of asked) shards.set(shard, (shards.get(shard) ?? 0) + 1);
    expect(shards.size).toBe(limiterShards);
    expect(Math.max(...shards.values())).toBeLessThan((2_000 / limiterShards) * 2.5);
    expect(asked.every(({ request }) => /^[0-9a-f]{16}$/.test(request.key))).toBe(true);
    const again = recording();
    await again.limiter.decide(order("ip:10.0.0.0"));
    expect(again.asked[0]?.shard).toBe(asked[0]?.shard);
  });
});

describe("the first line", () => {
  it("lets through as much as the code believes, and more than the default limit", () => {
    const [, limit, period] = /simple = \{ limit = (\d+), period = (\d+) \}/.exec(wrangler) ?? [];
    expect([Number(limit), Number(period)]).toEqual([firstLinePerMinute, 60]);
    expect(policy.allowance.burst + 60_000 / policy.allowance.intervalMs).toBeLessThan(firstLinePerMinute);
  });

  it("keeps a flood away from the objects, and is left out where a limit allows more than it does, or it is off", async () => {
    const { limiter, asked } = recording();
    const env = { FIRST_LINE: { limit: async () => ({ success: false }) } } as unknown as Env;
    expect(await limiter.decide(order("ip:192.0.2.1", { env }))).toMatchObject({ kind: "refused", retryAfterMs: 1_000 });
    expect(asked).toEqual([]);
    const wide = policies(
      { routeClass: "read", tier: "user", method: "GET", path: "/" },
      { base: { requests: 1_000_000, windowSeconds: 900 }, factor: 1 },
    );
    expect(await limiter.decide(order("ip:192.0.2.2", { env, policy: wide }))).toMatchObject({ kind: "allowed" });
    expect(await limiter.decide(order("ip:192.0.2.3", { env, isFirstLineOn: false }))).toMatchObject({ kind: "allowed" });
  });
});

describe("a policy", () => {
  const limits = {
    enabled: true,
    first_line: true,
    tiers: { user: { requests: 60, window_seconds: 60, burst: 10 } },
    routes: [
      { path: "/api/proxy/*/execute", methods: ["POST" as const], limit: { requests: 5, window_seconds: 60 } },
      { path: "/api/proxy/*", limit: { requests: 500, window_seconds: 60 } },
    ],
  };
  const of = (tier: "anonymous" | "user" | "operator", path: string, { method = "GET", factor = 1 } = {}): unknown => {
    const { name, requests, windowSeconds, allowance } = compilePolicies(limits)(
      { routeClass: classOf(method, path), tier, method, path },
      { base, factor },
    );
    return [name, requests, windowSeconds, allowance.burst];
  };

  it("is what is asked, before who asks, before the variables", () => {
    expect(of("anonymous", "/x")).toEqual(["read", 1_000, 900, 150]);
    expect(of("user", "/x")).toEqual(["read", 60, 60, 10]);
    expect(of("user", "/api/proxy/opportunities")).toEqual(["route:/api/proxy/*", 500, 60, 75]);
    expect(of("user", "/api/proxy/opportunities/1/execute", { method: "POST" })).toEqual(["route:POST/api/proxy/*/execute", 5, 60, 1]);
    expect(of("operator", "/ops/limits")).toEqual(["ops", 10_000, 900, 1_500]);
  });

  it("is tightened by the factor, to one request at least, and not for operators", () => {
    expect(of("anonymous", "/x", { factor: 0.25 })).toEqual(["read", 250, 900, 37]);
    expect(of("user", "/api/proxy/a/execute", { method: "POST", factor: 0.05 })).toEqual(["route:POST/api/proxy/*/execute", 1, 60, 1]);
    expect(of("operator", "/x", { factor: 0.25 })).toEqual(["read", 10_000, 900, 1_500]);
  });
});

it.each([
  ["POST", "/api/events", "ingest"],
  ["POST", "/api/webhook/contabo", "ingest"],
  ["GET", "/ws", "socket"],
  ["GET", "/ws/opportunities", "socket"],
  ["GET", "/wsx", "read"],
  ["GET", "/sse/market", "socket"],
  ["POST", "/security/token", "mint"],
  ["POST", "/security/verify", "write"],
  ["GET", "/ops/config", "ops"],
  ["GET", "/assets/app.js", "assets"],
  ["POST", "/api/proxy/x/execute", "write"],
  ["HEAD", "/api/opportunities", "read"],
])("%s %s is of class %s", (method, path, routeClass) => {
  expect(classOf(method, path)).toBe(routeClass);
});
