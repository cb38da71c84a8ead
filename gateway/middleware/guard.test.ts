/** Who is refused before anything else happens, through the real app. */
import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { Hono } from "hono";
import { describe, expect, it } from "vitest";
import { signToken } from "../../tests/support/reading.ts";
import { app } from "../app.ts";
import { newCounters } from "../security/ddos/counters.ts";
import { clientCeiling } from "../security/ddos/ceilings.ts";
import { rulesOf } from "../security/runtime-config.ts";
import { renderError } from "./errors.ts";
import { guard } from "./guard.ts";
import type { GatewayEnv } from "./request-id.ts";

interface Ask {
  readonly address?: string;
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cf?: Readonly<Record<string, string>>;
}

/** An edge with this configuration and these bans, as if it had just read them. */
function edgeWith(
  config: object,
  { bans = [] as { network: string; until_ms: number }[], variables = {} } = {},
): (ask: Ask) => Promise<Response> {
  const own = { ...env, ...variables } as unknown as Env;
  rulesOf(own).told({ v: 1, version: 1, at_ms: 1, config: { v: 1, ...config }, bans }, Date.now());
  return async (ask) => app.fetch(requestOf(ask), own, createExecutionContext());
}

function requestOf({ address, path = "/nowhere", method = "GET", headers = {}, cf }: Ask): Request {
  const named = address === undefined ? {} : { "cf-connecting-ip": address };
  return new Request(`https://edge.test${path}`, { method, headers: { ...headers, ...named }, ...(cf === undefined ? {} : { cf }) });
}

const reasonOf = async (response: Response): Promise<unknown> => {
  const { error } = (await response.json()) as { error: { code: string; details?: { reason?: string; limit?: string } } };
  return [response.status, error.code, error.details?.reason ?? error.details?.limit];
};

const operator = { "x-api-key": env.OPS_API_KEY };

describe("a ban by an operator", () => {
  const until_ms = Date.now() + 3_600_000;

  it.each([
    ["203.0.113.9", "203.0.113.9/32", true],
    ["203.0.113.9", "203.0.113.0/24", true],
    ["::ffff:203.0.113.9", "203.0.113.9/32", true],
    ["203.0.114.9", "203.0.113.0/24", false],
    ["2001:db8:1:2::77", "2001:db8:1:2::/64", true],
    ["2001:db8:1:3::77", "2001:db8:1:2::/64", false],
    ["2001:db8:9::1", "2001:db8::/32", true],
    ["not an address", "203.0.113.0/24", false],
  ])("of %s by %s: %s", async (address, network, isBanned) => {
    const edge = edgeWith({}, { bans: [{ network, until_ms }] });
    expect(await reasonOf(await edge({ address }))).toEqual(isBanned ? [403, "FORBIDDEN", "banned"] : [404, "NOT_FOUND", undefined]);
  });

  it("ends at its time", async () => {
    const edge = edgeWith({}, { bans: [{ network: "203.0.113.9/32", until_ms: Date.now() - 1 }] });
    expect((await edge({ address: "203.0.113.9" })).status).toBe(404);
  });

  it("is met before any credential is checked, and never by the operators' key on its way to /ops", async () => {
    const edge = edgeWith({ firewall: [{ id: "all", action: "block", paths: ["/*"] }] }, { bans: [{ network: "0.0.0.0/0", until_ms }] });
    const address = "203.0.113.20";
    expect((await edge({ address, path: "/api/opportunities", headers: { authorization: "Bearer nonsense" } })).status).toBe(403);
    expect((await edge({ address, path: "/ops/limits", headers: operator })).status).toBe(200);
    expect((await edge({ address, path: "/ops/limits", headers: { authorization: `Bearer ${env.OPS_API_KEY}` } })).status).toBe(200);
    expect((await edge({ address, path: "/api/opportunities", headers: operator })).status).toBe(403);
    expect((await edge({ address, path: "/ops/limits", headers: { "x-api-key": "guessed" } })).status).toBe(403);
    expect((await edge({ address, path: "/health" })).status).not.toBe(403);
  });
});

describe("the firewall", () => {
  const rule = (id: string, over: object): object => ({ id, action: "block", ...over });

  it.each<[string, object, Ask, number]>([
    ["a network", { networks: ["198.18.0.0/15"] }, { address: "198.19.255.255" }, 403],
    ["a network of IPv6", { networks: ["2001:db8:aa::/48"] }, { address: "2001:db8:aa:1::1" }, 403],
    ["another network", { networks: ["198.18.0.0/15"] }, { address: "198.20.0.1" }, 404],
    ["a network, when the address is not known", { networks: ["0.0.0.0/0"] }, {}, 404],
    ["a part of a user agent, in any case", { user_agents: ["BadBot"] }, { headers: { "user-agent": "Mozilla badbot/2" } }, 403],
    ["a whole user agent with stars", { user_agents: ["curl/*"] }, { headers: { "user-agent": "curl/8.5" } }, 403],
    ["a whole user agent that only contains it", { user_agents: ["curl/*"] }, { headers: { "user-agent": "not curl/8.5" } }, 404],
    ["a path", { paths: ["/wp-*"] }, { path: "/wp-admin" }, 403],
    ["a path that is encoded", { paths: ["/wp-*"] }, { path: "/%77p-admin" }, 403],
    ["a path with a query", { paths: ["/private"] }, { path: "/private?x=1" }, 403],
    ["a method", { methods: ["DELETE"] }, { method: "DELETE" }, 403],
    ["all of it", { methods: ["GET"], paths: ["/x/*"], networks: ["192.0.2.0/24"] }, { address: "192.0.2.1", path: "/x/y" }, 403],
    ["all but one part", { methods: ["GET"], paths: ["/x/*"], networks: ["192.0.2.0/24"] }, { address: "192.0.3.1", path: "/x/y" }, 404],
    ["a rule that is off", { enabled: false, paths: ["/*"] }, {}, 404],
  ])("blocks by %s", async (_, match, ask, status) => {
    const response = await edgeWith({ firewall: [rule("r", match)] })(ask);
    expect(response.status).toBe(status);
    if (status === 403) expect(await reasonOf(response)).toEqual([403, "FORBIDDEN", "firewall"]);
  });

  it("asks rules by priority: the first that fits decides", async () => {
    const office = rule("office", { action: "allow", priority: 1, networks: ["192.0.2.0/24"] });
    const all = rule("all", { priority: 2, paths: ["/*"] });
    const edge = edgeWith({ firewall: [all, office] });
    expect((await edge({ address: "192.0.2.8" })).status).toBe(404);
    expect((await edge({ address: "192.0.3.8" })).status).toBe(403);
  });

  it("in dry run counts what it would have stopped, and stops nothing", async () => {
    const id = `dry-${crypto.randomUUID().slice(0, 8)}`;
    const counters = newCounters();
    const own = { ...env } as unknown as Env;
    rulesOf(own).told(
      { v: 1, version: 1, at_ms: 1, config: { v: 1, firewall: [rule(id, { action: "log", paths: ["/dry/*"] })] }, bans: [] },
      0,
    );
    const edge = new Hono<GatewayEnv>().use(guard({ now: Date.now, counters })).all("*", (c) => c.text("through"));
    for (const path of ["/dry/1", "/dry/2", "/wet"]) expect((await edge.fetch(requestOf({ path }), own)).status).toBe(200);
    expect(counters.matches.of(id)?.count).toBe(2);
  });

  it("limits whom a rule names, posters as well", async () => {
    const slow = rule("slow", { action: "limit", networks: ["192.0.2.0/24"], limit: { requests: 2, window_seconds: 3_600, burst: 2 } });
    const edge = edgeWith({ firewall: [slow] });
    const post = (address: string): Promise<Response> => edge({ address, path: "/api/events", method: "POST" });
    const statuses = [await post("192.0.2.40"), await post("192.0.2.40"), await post("192.0.2.40")].map(({ status }) => status);
    expect(statuses).toEqual([401, 401, 429]);
    expect((await post("192.0.2.41")).status).toBe(401);
    expect((await post("192.0.3.40")).status).toBe(401);
  });
});

describe("a place", () => {
  const german = { country: "DE", continent: "EU" };
  const american = { country: "US", continent: "NA" };

  it.each<[string, Record<string, string>, Readonly<Record<string, string>> | undefined, unknown]>([
    ["GEO_DENY its country", { GEO_DENY: "DE" }, german, [451, "FORBIDDEN", "country_denied"]],
    ["GEO_DENY its continent", { GEO_DENY: "continent:EU" }, german, [451, "FORBIDDEN", "country_denied"]],
    ["GEO_DENY another", { GEO_DENY: "DE" }, american, [404, "NOT_FOUND", undefined]],
    ["GEO_ALLOW its country", { GEO_ALLOW: "DE" }, german, [404, "NOT_FOUND", undefined]],
    ["GEO_ALLOW its continent", { GEO_ALLOW: "continent:EU" }, german, [404, "NOT_FOUND", undefined]],
    ["GEO_ALLOW others only", { GEO_ALLOW: "US,continent:AS" }, german, [403, "FORBIDDEN", "country_not_allowed"]],
    ["both: deny is stronger", { GEO_ALLOW: "continent:EU", GEO_DENY: "DE" }, german, [451, "FORBIDDEN", "country_denied"]],
    ["GEO_ALLOW others, when it is not known", { GEO_ALLOW: "US" }, undefined, [404, "NOT_FOUND", undefined]],
    ["GEO_DENY Tor", { GEO_DENY: "T1" }, { country: "T1" }, [451, "FORBIDDEN", "country_denied"]],
    ["nothing", {}, german, [404, "NOT_FOUND", undefined]],
  ])("by %s", async (_, variables, cf, expected) => {
    const edge = edgeWith({}, { variables });
    expect(await reasonOf(await edge(cf === undefined ? {} : { cf }))).toEqual(expected);
    if (cf !== undefined) expect([451, 403]).not.toContain((await edge({ cf, path: "/health" })).status);
  });

  it("has other rules for other routes, the first that fits", async () => {
    const routes = [
      { path: "/api/proxy/*", allow: ["US"] },
      { path: "/api/*", deny: ["US"] },
    ];
    const edge = edgeWith({ geo: { routes } }, { variables: { GEO_DENY: "DE" } });
    expect((await edge({ cf: american, path: "/api/nowhere" })).status).toBe(451);
    expect((await edge({ cf: german, path: "/api/nowhere" })).status).toBe(404);
    expect((await edge({ cf: german, path: "/api/proxy/x" })).status).toBe(403);
    expect((await edge({ cf: german, path: "/nowhere" })).status).toBe(451);
  });
});

describe("a request that is too large to be looked at", () => {
  const edge = edgeWith({});

  it.each<[string, Ask, number]>([
    ["address", { path: `/${"x".repeat(16_384)}` }, 414],
    ["query", { path: `/nowhere?q=${"x".repeat(16_384)}` }, 414],
    ["header", { headers: { "x-large": "x".repeat(33_000) } }, 431],
    ["number of headers", { headers: Object.fromEntries(Array.from({ length: 400 }, (_, n) => [`x-header-${n}`, "x".repeat(80)])) }, 431],
  ])("is refused by its %s", async (_, ask, status) => {
    expect((await edge(ask)).status).toBe(status);
  });

  it("is refused by the body it announces, before it is read", async () => {
    const announce = (path: string, bytes: number): Promise<Response> =>
      edge({ path, method: "POST", headers: { "content-length": String(bytes), "x-api-key": "test-ingest-key-1" } });
    expect(await (await announce("/security/revoke", 1_048_577)).json()).toMatchObject({
      error: { code: "PAYLOAD_TOO_LARGE", details: { bytes_max: 1_048_576 } },
    });
    expect((await announce("/api/events", 64 * 1_048_576 + 1)).status).toBe(413);
  });

  it("is let through at the very bounds", async () => {
    expect((await edge({ path: `/${"x".repeat(16_384 - "https://edge.test/".length)}` })).status).toBe(404);
    expect((await edge({ headers: { "x-large": "x".repeat(32_000) } })).status).toBe(404);
  });
});

/** A guard of its own before a route that answers what it is told. */
function guarded(
  config: object,
  clock: { ms: number },
): { edge(ask: Ask, status?: number): Promise<number>; counters: ReturnType<typeof newCounters> } {
  const counters = newCounters();
  const own = { ...env } as unknown as Env;
  rulesOf(own).told({ v: 1, version: 1, at_ms: 1, config: { v: 1, ...config }, bans: [] }, clock.ms);
  const app = new Hono<GatewayEnv>();
  app.onError((error, c) => renderError(error, c));
  app.use(guard({ now: () => clock.ms, counters }));
  app.all("*", (c) => new Response("", { status: Number(c.req.header("x-answer") ?? 200) }));
  const edge = async (ask: Ask, status = 200): Promise<number> => {
    const headers = { ...ask.headers, "x-answer": String(status) };
    return (await app.fetch(requestOf({ ...ask, headers }), own, createExecutionContext())).status;
  };
  return { edge, counters };
}

describe("the penalty box", () => {
  const address = "203.0.113.77";

  it("shuts out who is refused again and again, answers nothing else to it, and lets it back", async () => {
    const clock = { ms: 1_800_000_000_000 };
    const { edge } = guarded({}, clock);
    for (let count = 0; count < 100; count += 1) expect(await edge({ address }, 401)).toBe(401);
    expect(await edge({ address })).toBe(429);
    expect(await edge({ address: "203.0.113.78" })).toBe(200);
    clock.ms += 9_999;
    expect(await edge({ address })).toBe(429);
    clock.ms += 1;
    expect(await edge({ address })).toBe(200);
    // The second time is twice as long.
    for (let count = 0; count < 100; count += 1) await edge({ address }, 403);
    clock.ms += 19_999;
    expect(await edge({ address })).toBe(429);
    clock.ms += 1;
    expect(await edge({ address })).toBe(200);
  });

  it("forgives who errs now and then", async () => {
    const clock = { ms: 1_800_000_000_000 };
    const { edge } = guarded({}, clock);
    for (let count = 0; count < 500; count += 1) {
      clock.ms += 2_000;
      expect(await edge({ address }, 401)).toBe(401);
    }
  });

  it("is never for a storm of handshakes, however many are shed", async () => {
    const { edge } = guarded({}, { ms: 1_800_000_000_000 });
    for (const path of ["/ws", "/ws/opportunities", "/sse/market", "/connection/websocket"]) {
      for (let count = 0; count < 858; count += 1) await edge({ address, path }, 429);
    }
    expect(await edge({ address, path: "/ws" })).toBe(200);
    expect(await edge({ address })).toBe(200);
  });

  it("is never for a poster above a ceiling, however often it is refused", async () => {
    const { edge } = guarded({}, { ms: 1_800_000_000_000 });
    const post = (status?: number): Promise<number> => edge({ address, path: "/api/events", method: "POST" }, status);
    for (let count = 0; count < 1_000; count += 1) expect(await post(429)).toBe(429);
    expect([await post(), await edge({ address })]).toEqual([200, 200]);
  });

  it("costs no event: a poster with a valid key passes, one with a wrong key does not", async () => {
    const { edge } = guarded({}, { ms: 1_800_000_000_000 });
    for (let count = 0; count < 100; count += 1) await edge({ address, path: "/api/events", method: "POST" }, 401);
    const post = (key: string): Promise<number> => edge({ address, path: "/api/events", method: "POST", headers: { "x-api-key": key } });
    expect([await post("test-ingest-key-1"), await post("wrong")]).toEqual([200, 429]);
  });

  it("counts a broken rule five times, all of it double under attack, and nothing when it is off", async () => {
    const firewall = [{ id: "no", action: "block", paths: ["/no"] }];
    const until = async (config: object): Promise<number> => {
      const { edge } = guarded({ firewall, ...config }, { ms: 1_800_000_000_000 });
      for (let count = 1; count <= 300; count += 1)
        if ((await edge({ address, path: "/no", headers: { authorization: "x" } })) === 429) return count - 1;
      return 300;
    };
    expect(await until({})).toBe(20);
    expect(await until({ under_attack: true })).toBe(10);
    expect(await until({ penalties: { enabled: false } })).toBe(300);
    expect(await until({ penalties: { threshold: 50 } })).toBe(10);
  });
});

describe("the ceilings of an isolate", () => {
  it("stop a flood of one address without a call, and no other one", async () => {
    const { edge } = guarded({ penalties: { enabled: false } }, { ms: 1_800_000_000_000 });
    let through = 0;
    for (let count = 0; count < 1_000; count += 1) through += (await edge({ address: "203.0.113.5" })) === 200 ? 1 : 0;
    expect(through).toBe(clientCeiling.burst);
    expect(await edge({ address: "203.0.113.6" })).toBe(200);
    expect(await edge({})).toBe(200);
  });

  it("are for posters counted by key, and far higher", async () => {
    const { edge } = guarded({}, { ms: 1_800_000_000_000 });
    const post = (key: string): Promise<number> =>
      edge({ address: "203.0.113.5", path: "/api/events", method: "POST", headers: { "x-api-key": key } });
    let through = 0;
    for (let count = 0; count < 4_100; count += 1) through += (await post("one")) === 200 ? 1 : 0;
    expect(through).toBe(4_000);
    expect(await post("another")).toBe(200);
  });
});

describe("under attack", () => {
  it("who shows no credential does not read; sockets, posters and clients with a token go on", async () => {
    const edge = edgeWith({ under_attack: true });
    const refused = await edge({ path: "/api/opportunities" });
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "60"]);
    expect(await refused.json()).toMatchObject({ error: { code: "CAPACITY_EXCEEDED", details: { reason: "under_attack" } } });
    const authorization = `Bearer ${await signToken({ sub: "known", role: "trader" })}`;
    expect((await edge({ path: "/api/opportunities", headers: { authorization } })).status).toBe(200);
    expect((await edge({ path: "/api/opportunities", headers: { authorization: "Bearer made-up" } })).status).toBe(401);
    expect((await edge({ path: "/ws" })).status).toBe(426);
    expect((await edge({ path: "/api/events", method: "POST" })).status).toBe(401);
    expect((await edge({ path: "/health" })).status).not.toBe(403);
  });
});

it("reads credentials of refused requests as little as their bodies: a refusal names its request and is no secret's echo", async () => {
  const edge = edgeWith({ firewall: [{ id: "all", action: "block", paths: ["/*"] }] });
  const response = await edge({ headers: { authorization: "Bearer very-secret", "x-request-id": "abc" }, path: "/x?token=also-secret" });
  const text = await response.text();
  expect(response.headers.get("x-request-id")).toBe("abc");
  expect(response.headers.get("x-content-type-options")).toBe("nosniff");
  expect(text).not.toMatch(/secret/);
});
