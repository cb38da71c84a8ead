/** Operators change who may come how often, through the real app and its stores. */
import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { signToken } from "../../tests/support/reading.ts";
import { configVersionsKept, runtimeConfigBytesMax } from "../../schemas/limits-requests.ts";
import { app } from "../app.ts";
import { RuntimeRules } from "../security/runtime-config.ts";
import { readPublished } from "../../stores/runtime-config.ts";

interface Answer {
  readonly status: number;
  readonly etag: string;
  readonly data: Record<string, unknown>;
  readonly error: { readonly code: string; readonly message: string; readonly details?: Record<string, unknown> };
}

interface Ask {
  readonly method?: string;
  readonly body?: unknown;
  readonly ifMatch?: string;
  readonly headers?: Record<string, string>;
  readonly variables?: Readonly<Record<string, unknown>>;
}

async function ask(path: string, { method = "GET", body, ifMatch, headers = {}, variables }: Ask = {}): Promise<Answer> {
  const all = new Headers({ "x-api-key": env.OPS_API_KEY, ...headers });
  if (ifMatch !== undefined) all.set("if-match", ifMatch);
  const init = { method, headers: all, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
  const bindings = variables === undefined ? env : { ...env, ...variables };
  const response = await app.request(`https://edge.test${path}`, init, bindings, createExecutionContext());
  const { data = {}, error = { code: "", message: "" } } = (await response.json()) as Partial<Answer>;
  return { status: response.status, etag: response.headers.get("etag") ?? "", data, error };
}

async function put(config: object, over: Partial<Ask> & { comment?: string } = {}): Promise<Answer> {
  const { etag } = await ask("/ops/config");
  const { comment, ...rest } = over;
  return ask("/ops/config", { method: "PUT", ifMatch: etag, body: { config, ...(comment === undefined ? {} : { comment }) }, ...rest });
}

async function audited(action: string): Promise<Record<string, unknown>[]> {
  return (await env.SESSIONS_DB.prepare("SELECT * FROM audit WHERE action = ?1 ORDER BY time_ms").bind(action).all()).results;
}

beforeEach(async () => {
  await env.SESSIONS_DB.batch([env.SESSIONS_DB.prepare("DELETE FROM runtime_config"), env.SESSIONS_DB.prepare("DELETE FROM bans")]);
  await env.CONFIG_CACHE.delete("security");
});

describe("the configuration", () => {
  it.each([
    ["/ops/config", "GET"],
    ["/ops/config", "PUT"],
    ["/ops/config/history", "GET"],
    ["/ops/config/rollback", "POST"],
    ["/ops/firewall", "GET"],
    ["/ops/firewall", "PUT"],
    ["/ops/firewall/test", "POST"],
    ["/ops/bans", "GET"],
    ["/ops/bans", "POST"],
    ["/ops/bans?network=192.0.2.1", "DELETE"],
    ["/ops/limits", "GET"],
  ])("is the operators' alone: %s %s", async (path, method) => {
    const authorization = `Bearer ${await signToken({ sub: "trader", role: "trader" })}`;
    const asTrader = await app.request(path, { method, headers: { authorization } }, env, createExecutionContext());
    const asNobody = await app.request(path, { method }, env, createExecutionContext());
    expect([asTrader.status, asNobody.status]).toEqual([403, 401]);
  });

  it.each<[string, object, string]>([
    ["no version of the format", {}, "config.v"],
    ["a misspelt section", { v: 1, fire_wall: [] }, "config.fire_wall"],
    [
      "a misspelt field deep down",
      { v: 1, limits: { tiers: { user: { requests: 5, window: 9 } } } },
      "config.limits.tiers.user.window_seconds",
    ],
    ["an unknown field deep down", { v: 1, firewall: [{ id: "a", action: "log", paths: ["/x"], path: "/y" }] }, "config.firewall.0.path"],
    ["a rule for everything", { v: 1, firewall: [{ id: "a", action: "block" }] }, "config.firewall.0.networks"],
    ["a limit without its limit", { v: 1, firewall: [{ id: "a", action: "limit", paths: ["/x"] }] }, "config.firewall.0.limit"],
    ["a network that is none", { v: 1, firewall: [{ id: "a", action: "log", networks: ["1.2.3"] }] }, "config.firewall.0.networks.0"],
    ["a network in hexadecimal", { v: 1, firewall: [{ id: "a", action: "log", networks: ["0x7f.1"] }] }, "config.firewall.0.networks.0"],
    ["a country that is none", { v: 1, geo: { routes: [{ path: "/x", allow: ["Mars"] }] } }, "config.geo.routes.0.allow.0"],
    [
      "a burst above its limit",
      { v: 1, limits: { tiers: { user: { requests: 5, window_seconds: 9, burst: 6 } } } },
      "config.limits.tiers.user.burst",
    ],
    ["a ban of days by machine", { v: 1, penalties: { max_ban_seconds: 86_400 } }, "config.penalties.max_ban_seconds"],
    ["two rules of one name", { v: 1, firewall: [1, 2].map(() => ({ id: "a", action: "log", paths: ["/x"] })) }, "config.firewall"],
  ])("refuses %s and names the field", async (_, config, parameter) => {
    expect(await put(config)).toMatchObject({ status: 400, error: { code: "INVALID_PARAMETERS", details: { parameter } } });
  });

  it("refuses what is too large, with the limit", async () => {
    expect((await put({ v: 1 }, { body: { config: { v: 1 }, comment: "x".repeat(runtimeConfigBytesMax) } })).status).toBe(413);
  });

  it("is changed only by who has seen what holds", async () => {
    expect(await put({ v: 1 }, { ifMatch: undefined as unknown as string })).toMatchObject({ status: 428 });
    expect(await put({ v: 1 }, { ifMatch: "seven" })).toMatchObject({ status: 400, error: { details: { parameter: "If-Match" } } });
    expect(await put({ v: 1, under_attack: false })).toMatchObject({ status: 200, data: { version: 1 }, etag: '"1"' });
    expect(await put({ v: 1 }, { ifMatch: '"0"' })).toMatchObject({ status: 409, error: { code: "CONFLICT", details: { version: 1 } } });
    expect(await put({ v: 1 }, { ifMatch: 'W/"1"' })).toMatchObject({ status: 200, data: { version: 2 } });
  });

  it("of two who change it at once takes one, and tells the other", async () => {
    const bodies = [
      { v: 1, penalties: { threshold: 20 } },
      { v: 1, penalties: { threshold: 30 } },
    ];
    const answers = await Promise.all(bodies.map((config) => ask("/ops/config", { method: "PUT", ifMatch: '"0"', body: { config } })));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409]);
    expect((await ask("/ops/config")).data).toMatchObject({ version: 1 });
  });

  it("shows what holds with all its defaults, and of the variables everything but secrets", async () => {
    const { data } = await ask("/ops/config", {
      variables: { CONTABO_API_KEY: "contabo-secret", CONTABO_BACKEND_URL: "https://user:pass@contabo.example:8081" },
    });
    expect(data).toMatchObject({
      version: 0,
      config: { v: 1, under_attack: false, penalties: { threshold: 100 } },
      environment: {
        rate_limit: { window_seconds: 900 },
        backend: { origins: ["https://contabo.example:8081"] },
        secrets_set: { INGEST_API_KEYS: 2, CONTABO_API_KEY: 1 },
      },
    });
    const text = JSON.stringify(data);
    for (const secret of [env.JWT_SECRET, env.OPS_API_KEY, "contabo-secret", "test-ingest-key-1", "pass"])
      expect(text).not.toContain(secret);
  });

  it("says who changed what when and why, and goes back", async () => {
    await put({ v: 1, penalties: { threshold: 20 } }, { comment: "first" });
    const authorization = `Bearer ${await signToken({ sub: "alice", role: "admin" })}`;
    await ask("/ops/config", {
      method: "PUT",
      ifMatch: '"1"',
      body: { config: { v: 1, under_attack: true }, comment: "storm" },
      headers: { authorization, "x-api-key": "" },
    });
    const history = (await ask("/ops/config/history")).data as unknown as Record<string, unknown>[];
    expect(history).toEqual([
      { version: 2, at: expect.stringMatching(/Z$/), actor: "user:alice", comment: "storm" },
      { version: 1, at: expect.stringMatching(/Z$/), actor: "operator", comment: "first" },
    ]);
    expect((await audited("attack.switched")).at(-1)).toMatchObject({ actor: "user:alice", subject: "version 2" });
    const back = await ask("/ops/config/rollback", { method: "POST", body: { version: 1 } });
    expect(back).toMatchObject({
      status: 200,
      data: { version: 3, comment: "back to version 1", config: { under_attack: false, penalties: { threshold: 20 } } },
    });
    expect((await audited("config.rolled_back")).at(-1)).toMatchObject({ subject: "version 3" });
    expect((await ask("/ops/config/rollback", { method: "POST", body: { version: 9 } })).status).toBe(404);
    expect((await ask("/ops/config/rollback", { method: "POST", body: { version: 1 }, ifMatch: '"2"' })).status).toBe(409);
  });

  it("keeps its last versions, and forgets those before", async () => {
    const row = "INSERT INTO runtime_config SELECT value, 1, 'operator', '', '{\"v\":1}' FROM json_each(?1)";
    const versions = Array.from({ length: configVersionsKept + 5 }, (_, index) => index + 1);
    await env.SESSIONS_DB.prepare(row).bind(JSON.stringify(versions)).run();
    await put({ v: 1 });
    const { count } = (await env.SESSIONS_DB.prepare("SELECT COUNT(*) AS count FROM runtime_config").first<{ count: number }>()) ?? {
      count: 0,
    };
    expect(count).toBe(configVersionsKept);
    expect((await ask("/ops/config")).data).toMatchObject({ version: configVersionsKept + 6 });
  });

  it("that was stored and could not be spread is told, and spread by the next look at it", async () => {
    const broken = new Proxy(env.CONFIG_CACHE, {
      get: (target, name) => {
        if (name === "put") return () => Promise.reject(new Error("KV is down"));
        const value: unknown = Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    const body = { config: { v: 1, under_attack: true } };
    const told = await ask("/ops/config", { method: "PUT", ifMatch: '"0"', body, variables: { CONFIG_CACHE: broken } });
    expect(told).toMatchObject({ status: 503, error: { code: "UPSTREAM_UNAVAILABLE", message: expect.stringContaining("is stored") } });
    expect(await readPublished(env)).toBeNull();
    // It may be on its way for a while; after that it was lost.
    await env.SESSIONS_DB.prepare("UPDATE runtime_config SET at_ms = 1").run();
    expect((await ask("/ops/config")).data).toMatchObject({ version: 1, config: { under_attack: true } });
    expect(JSON.parse((await env.CONFIG_CACHE.get("security")) ?? "{}")).toMatchObject({ version: 1, config: { under_attack: true } });
  });

  it("is not changed when it cannot be put on record", async () => {
    const deaf = new Proxy(env.SESSIONS_DB, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        if (name !== "prepare") return typeof value === "function" ? value.bind(target) : value;
        return (sql: string) => {
          if (/\baudit\b/.test(sql)) throw new Error("the log is down");
          return target.prepare(sql);
        };
      },
    });
    const changed = await ask("/ops/config", {
      method: "PUT",
      ifMatch: '"0"',
      body: { config: { v: 1 } },
      variables: { SESSIONS_DB: deaf },
    });
    expect(changed.status).toBeGreaterThanOrEqual(500);
    expect((await ask("/ops/config")).data).toMatchObject({ version: 0 });
  });

  it("of another deployment that can't be read is shown as such, and can be replaced", async () => {
    await env.SESSIONS_DB.prepare("INSERT INTO runtime_config VALUES (1, 1, 'operator', '', '{\"v\":2}')").run();
    const { data, etag } = await ask("/ops/config");
    expect([data.version, data.config, etag]).toEqual([1, undefined, '"1"']);
    expect(await ask("/ops/firewall", { method: "PUT", ifMatch: '"1"', body: { rules: [] } })).toMatchObject({ status: 409 });
    expect(await ask("/ops/config/rollback", { method: "POST", body: { version: 1 } })).toMatchObject({ status: 409 });
    expect((await put({ v: 1 })).status).toBe(200);
  });
});

describe("the firewall's rules", () => {
  it("are tried out before they hold, on the requests that are named, beside those in force", async () => {
    const block = { id: "scanner", action: "block", user_agents: ["evil"] };
    await put({ v: 1, firewall: [block, { id: "old", action: "log", paths: ["/old"] }] });
    const { etag } = await ask("/ops/config");
    const rules = [
      { ...block, priority: 1 },
      { id: "net", action: "block", networks: ["203.0.113.0/24"] },
      { id: "count", action: "log", paths: ["/api/*"] },
    ];
    const requests = [{ path: "/api/x", ip: "203.0.113.9" }, { user_agent: "an EVIL one" }, { method: "post", path: "/y" }];
    const { status, data } = await ask("/ops/firewall/test", { method: "POST", body: { rules, requests } });
    expect(status).toBe(200);
    expect(data).toMatchObject({ rules: 3, added: ["net", "count"], changed: ["scanner"], removed: ["old"] });
    expect(data["requests"]).toMatchObject([
      { action: "block", rule: "net", now: "none" },
      { action: "block", rule: "scanner", now: "block" },
      { action: "none", logged: [], now: "none" },
    ]);
    expect((await ask("/ops/config")).etag).toBe(etag);
    const wrong = { rules: [{ id: "a", action: "block" }], requests: [] };
    expect(await ask("/ops/firewall/test", { method: "POST", body: wrong })).toMatchObject({
      status: 400,
      error: { details: { parameter: "rules.0.networks" } },
    });
    const nowhere = { requests: [{ ip: "1.2.3" }] };
    expect(await ask("/ops/firewall/test", { method: "POST", body: nowhere })).toMatchObject({
      error: { details: { parameter: "requests.0.ip" } },
    });
  });

  const rule = { id: "scanner", action: "block", paths: ["/wp-*"] };

  it("are replaced as a whole, hold at once here, and are on record", async () => {
    const changed = await ask("/ops/firewall", { method: "PUT", ifMatch: '"0"', body: { rules: [rule], comment: "scanners" } });
    expect(changed).toMatchObject({
      status: 200,
      data: { version: 1, config: { firewall: [{ id: "scanner", enabled: true, priority: 100 }] } },
    });
    const stopped = await app.request("https://edge.test/wp-login", {}, env, createExecutionContext());
    expect(stopped.status).toBe(403);
    expect((await ask("/ops/firewall")).data).toMatchObject({
      version: 1,
      rules: [{ id: "scanner", matches_here: 1, last_match_at: expect.any(String) }],
    });
    expect((await audited("firewall.changed")).at(-1)).toMatchObject({ actor: "operator", subject: "version 1" });
    await ask("/ops/firewall", { method: "PUT", ifMatch: '"1"', body: { rules: [] } });
    expect((await app.request("https://edge.test/wp-login", {}, env, createExecutionContext())).status).toBe(404);
  });

  it("leave the other sections as they are", async () => {
    await put({ v: 1, penalties: { threshold: 33 } });
    const { data } = await ask("/ops/firewall", { method: "PUT", ifMatch: '"1"', body: { rules: [rule] } });
    expect(data).toMatchObject({ version: 2, config: { penalties: { threshold: 33 }, firewall: [{ id: "scanner" }] } });
  });
});

describe("bans", () => {
  const ban = (body: object): Promise<Answer> => ask("/ops/bans", { method: "POST", body });
  const from = (address: string): Promise<Response> =>
    Promise.resolve(app.request("https://edge.test/nowhere", { headers: { "cf-connecting-ip": address } }, env, createExecutionContext()));

  it.each([
    [{ network: "0.0.0.0/0", reason: "all" }, "network"],
    [{ network: "10.0.0.0/7", reason: "wide" }, "network"],
    [{ network: "::/0", reason: "all" }, "network"],
    [{ network: "nonsense", reason: "x" }, "network"],
    [{ network: "192.0.2.1", reason: " " }, "reason"],
    [{ network: "192.0.2.1", reason: "x", until: "tomorrow" }, "until"],
    [{ network: "192.0.2.1", reason: "x", until: "2020-01-01T00:00:00Z" }, "until"],
    [{ network: "192.0.2.1", reason: "x", until: "2099-01-01T00:00:00Z" }, "until"],
    [{ network: "192.0.2.1", reason: "x", forever: true }, "forever"],
  ])("refuses %j and names the field", async (body, parameter) => {
    expect(await ban(body)).toMatchObject({ status: 400, error: { details: { parameter } } });
  });

  it("hold at once here, are shown, lifted, and on record; each may come twice", async () => {
    const address = "192.0.2.91";
    expect((await from(address)).status).toBe(404);
    expect(await ban({ network: "192.0.2.91", reason: "scans" })).toMatchObject({
      status: 201,
      data: { network: "192.0.2.91/32", actor: "operator" },
    });
    expect((await ban({ network: "192.0.2.91/32", reason: "scans again" })).status).toBe(201);
    expect((await from(address)).status).toBe(403);
    expect((await ask("/ops/bans")).data).toMatchObject({ bans: [{ network: "192.0.2.91/32", reason: "scans again" }] });
    const lift = (): Promise<Answer> => ask("/ops/bans?network=192.0.2.91", { method: "DELETE" });
    expect([(await lift()).data, (await lift()).data]).toMatchObject([{ was_banned: true }, { was_banned: false }]);
    expect((await from(address)).status).toBe(404);
    expect((await audited("ban.set")).at(-1)).toMatchObject({ subject: "192.0.2.91/32" });
    expect((await audited("ban.lifted")).length).toBeGreaterThan(0);
  });

  it("that are over make room, and one more than may be live is refused", async () => {
    const rows = "INSERT INTO bans SELECT value, '', '', 1, ?2 FROM json_each(?1)";
    const networks = Array.from({ length: 1_000 }, (_, n) => `10.0.${n >> 8}.${n & 255}/32`);
    await env.SESSIONS_DB.prepare(rows)
      .bind(JSON.stringify(networks), Date.now() + 60_000)
      .run();
    expect(await ban({ network: "192.0.2.7", reason: "x" })).toMatchObject({ status: 503, error: { code: "CAPACITY_EXCEEDED" } });
    expect((await ban({ network: "10.0.0.5/32", reason: "still" })).status).toBe(201);
    await env.SESSIONS_DB.prepare("UPDATE bans SET until_ms = 1 WHERE network = '10.0.0.9/32'").run();
    expect((await ban({ network: "192.0.2.7", reason: "x" })).status).toBe(201);
  });

  it("reach an isolate that was not told", async () => {
    await ban({ network: "198.51.100.0/24", reason: "botnet" });
    const elsewhere = new RuntimeRules(() => readPublished(env), { allow: [], deny: [] });
    const rules = await elsewhere.now(Date.now());
    expect(rules.bans("198.51.100.200", "198.51.100.200", Date.now())).toBeGreaterThan(3_500_000);
  });
});

it("GET /ops/limits says which limits hold for whom", async () => {
  await put({ v: 1, limits: { tiers: { user: { requests: 100, window_seconds: 60 } } } });
  const { data } = await ask("/ops/limits", { variables: { RATE_LIMIT_REQUESTS: "1000", RATE_LIMIT_WINDOW: "900" } });
  expect(data.policies).toContainEqual({ tier: "anonymous", class: "read", requests: 1_000, window_seconds: 900, burst: 150 });
  expect(data.policies).toContainEqual({ tier: "anonymous", class: "mint", requests: 100, window_seconds: 900, burst: 15 });
  expect(data.policies).toContainEqual({ tier: "user", class: "read", requests: 100, window_seconds: 60, burst: 15 });
  expect(data.policies).toContainEqual({ tier: "operator", class: "ops", requests: 10_000, window_seconds: 900, burst: 1_500 });
  expect(data).toMatchObject({
    here: { factor: expect.any(Number), counts: { decided: expect.any(Number) } },
    ceilings_per_isolate: { client: { burst: 600, per_second: 50 } },
  });
});
