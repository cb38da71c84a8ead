import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import type { EdgeEvent } from "../../schemas/event.ts";
import { announceChange } from "../../stores/changes.ts";
import { findHotTable } from "../../stores/hot-cache-tables.ts";
import { upsertNewest } from "../../stores/hot-cache.ts";
import { execution, opportunity, placed } from "../../tests/support/placed.ts";
import { client, signToken, strategy } from "../../tests/support/reading.ts";
import { entityRoutes } from "./entities.ts";

const nowMs = Date.UTC(2026, 10, 24, 12);
const ask = client(entityRoutes(() => nowMs));
let admin = "";

async function store(stream: string, events: readonly EdgeEvent[]): Promise<void> {
  const table = findHotTable(stream);
  if (table === undefined) throw new Error(stream);
  const states = events.map((event, index) => placed(event, index + 1));
  await upsertNewest(env[table.database], { table, placed: states, now: nowMs });
  await changed();
}

/** As the consumer does. */
async function changed(): Promise<void> {
  for (const tag of ["opportunities", "executions", "strategies"] as const) await announceChange(tag, { nowMs });
}

beforeEach(async () => {
  admin = await signToken({ role: "admin" }, nowMs);
  const statements = ["opportunities", "executions"].map((table) => env.OPPORTUNITIES_DB.prepare(`DELETE FROM ${table}`));
  await env.OPPORTUNITIES_DB.batch(statements);
  await env.STRATEGIES_DB.exec("DELETE FROM strategies");
  await changed();
});

function idsOf(data: unknown): unknown[] {
  return (data as Record<string, unknown>[]).map((item) => item["execution_id"] ?? item["opportunity_id"] ?? item["strategy_id"]);
}

async function list(query: string): Promise<unknown[]> {
  const { status, body, text } = await ask(`/api/${query}`, { token: admin });
  if (status !== 200) throw new Error(text);
  return idsOf(body.data);
}

describe("a parameter", () => {
  it.each([
    ["opportunities?colour=red", "colour"],
    ["opportunities?page=2", "page"],
    ["opportunities?chain=Ethereum%20Mainnet", "chain"],
    ["opportunities?status=confirmed", "status"],
    ["opportunities?min_profit=1e3", "min_profit"],
    ["opportunities?min_profit=NaN", "min_profit"],
    ["opportunities?token_pair=", "token_pair"],
    ["opportunities?dex=Uniswap", "dex"],
    ["opportunities?limit=0", "limit"],
    ["opportunities?limit=501", "limit"],
    ["opportunities?limit=ten", "limit"],
    ["opportunities?limit=1.5", "limit"],
    ["opportunities?limit=5&limit=6", "limit"],
    ["opportunities?sort=risk_score", "sort"],
    ["opportunities?cursor=", "cursor"],
    ["opportunities?cursor=bm90LWpzb24", "cursor"],
    [`opportunities/${"x".repeat(129)}`, "id"],
    ["executions?status=executed", "status"],
    [`executions?opportunity_id=${"x".repeat(129)}`, "opportunity_id"],
    ["executions?strategy_id=", "strategy_id"],
    ["executions?dex=uniswap_v3", "dex"],
    ["strategies?active=yes", "active"],
    ["strategies?sort=profit", "sort"],
  ])("%s is refused by name", async (path, parameter) => {
    const { status, body } = await ask(`/api/${path}`, { token: admin });
    expect([status, body.success, body.error?.code, body.error?.details]).toEqual([400, false, "INVALID_PARAMETERS", { parameter }]);
    expect(body.error?.message).toMatch(new RegExp(`^${parameter}: `));
  });

  it("of a cursor made for another order is refused", async () => {
    await store(
      "opportunities",
      ["a", "b"].map((id) => opportunity(id, { timeMs: nowMs })),
    );
    const { body } = await ask("/api/opportunities?limit=1", { token: admin });
    const { body: refused } = await ask(`/api/opportunities?sort=profit&cursor=${body.pagination?.cursor}`, { token: admin });
    expect(refused.error?.message).toBe("cursor: was made for sort=-time");
  });
});

describe("who may read", () => {
  const onlyArbitrum = { channels: { "opportunities:arbitrum": ["subscribe"] } };
  const none = { PUBLIC_CHANNELS: "" };

  it.each<[number, string, string, Record<string, unknown> | undefined, Record<string, string> | undefined]>([
    [401, "nobody where nothing is public", "opportunities", undefined, none],
    [401, "nobody, whatever the parameters", "opportunities?colour=red", undefined, none],
    [401, "nobody, one entity", "opportunities/a", undefined, none],
    [200, "anybody a public stream", "opportunities", undefined, { PUBLIC_CHANNELS: "opportunities" }],
    [200, "anybody a public stream by the owner's name for it", "opportunities", undefined, { PUBLIC_CHANNELS: "arbitrage" }],
    [401, "nobody another stream", "executions", undefined, { PUBLIC_CHANNELS: "opportunities" }],
    [403, "a token without the right", "executions", { channels: { opportunities: ["subscribe"] } }, undefined],
    [403, "a token with another right", "executions", { channels: { executions: ["presence"] } }, undefined],
    [200, "a token with the right", "executions", { channels: { executions: ["subscribe"] } }, undefined],
    [200, "a trader", "strategies", { role: "trader" }, undefined],
    [403, "a view's token the whole stream", "opportunities", onlyArbitrum, none],
    [200, "a view's token its chain", "opportunities?chain=arbitrum", onlyArbitrum, none],
    [403, "a view's token another chain", "opportunities?chain=base", onlyArbitrum, none],
    [200, "a view's token one entity of its chain", "opportunities/a", onlyArbitrum, none],
    [403, "a view's token one entity of another chain", "opportunities/b", onlyArbitrum, none],
    [403, "a view's token one entity that is not", "opportunities/zzz", onlyArbitrum, none],
  ])("%i: %s (%s)", async (...[expected, , path, claims, variables]) => {
    await store("opportunities", [opportunity("a", { timeMs: nowMs }), opportunity("b", { timeMs: nowMs, data: { chain: "base" } })]);
    const token = claims === undefined ? undefined : await signToken(claims, nowMs);
    const { status, body } = await ask(`/api/${path}`, { token, ...(variables === undefined ? {} : { variables }) });
    expect([status, body.error?.code]).toEqual([expected, { 401: "UNAUTHORIZED", 403: "FORBIDDEN", 200: undefined }[expected]]);
  });

  it("an expired token is refused and told so, even where anybody may read", async () => {
    const { status, body } = await ask("/api/opportunities", { token: await signToken({ role: "admin" }, nowMs, -1) });
    expect([status, body.error?.message]).toEqual([401, "the token has expired"]);
  });

  it("the operator's key opens everything", async () => {
    expect((await ask("/api/executions", { headers: { "x-api-key": env.OPS_API_KEY } })).status).toBe(200);
  });
});

describe("pages", () => {
  it.each(["-time", "time", "-profit", "profit"])("sorted by %s repeat and lose nothing, though many keys are equal", async (sort) => {
    const ids = Array.from({ length: 23 }, (_, index) => `o${String(index).padStart(2, "0")}`);
    // Three times and three profits: every page boundary lies within equals.
    const made = ids.map((id, index) =>
      opportunity(id, { timeMs: nowMs - (index % 3), data: { estimated_profit: `${(index % 3) * 0.1 + 0.2}`.slice(0, 5) } }),
    );
    await store("opportunities", made);
    const seen: unknown[] = [];
    let cursor: string | undefined = "";
    let pages = 0;
    while (cursor !== undefined) {
      const { body } = await ask(`/api/opportunities?limit=8&sort=${sort}${cursor === "" ? "" : `&cursor=${cursor}`}`, { token: admin });
      seen.push(...idsOf(body.data));
      cursor = body.pagination?.cursor;
      expect(body.pagination?.has_next).toBe(cursor !== undefined);
      pages += 1;
    }
    expect([pages, seen.length, new Set(seen).size]).toEqual([3, 23, 23]);
    expect(seen).toEqual(await list(`opportunities?sort=${sort}&limit=500`));
  });

  it("are newest first unless said otherwise, and a full last page has no next", async () => {
    await store(
      "opportunities",
      [1, 3, 2].map((age) => opportunity(`o${age}`, { timeMs: nowMs - age })),
    );
    const { body } = await ask("/api/opportunities?limit=3", { token: admin });
    expect([idsOf(body.data), body.pagination]).toEqual([["o1", "o2", "o3"], { limit: 3, has_next: false }]);
  });

  it("put executions that have no profit yet behind those that have, and continue there", async () => {
    const made = ["-5", undefined, "7", undefined].map((actual_profit, index) =>
      execution(`x${index}`, { timeMs: nowMs, data: { actual_profit } }),
    );
    await store("executions", made);
    const { body } = await ask("/api/executions?sort=-profit&limit=3", { token: admin });
    const rest = await list(`executions?sort=-profit&limit=3&cursor=${body.pagination?.cursor}`);
    expect([idsOf(body.data), rest]).toEqual([["x2", "x0", "x3"], ["x1"]]);
  });
});

describe("filters", () => {
  it("pending never returns an expired opportunity", async () => {
    const expiry = (ms: number) => ({ expiry_time: new Date(nowMs + ms).toISOString() });
    await store("opportunities", [
      opportunity("past", { timeMs: nowMs, data: expiry(-1) }),
      opportunity("now", { timeMs: nowMs, data: expiry(0) }),
      opportunity("alive", { timeMs: nowMs, data: expiry(1) }),
    ]);
    expect(await list("opportunities?status=pending")).toEqual(["alive"]);
  });

  it("of opportunities each narrow the list, together and alone", async () => {
    const base = { chain: "base", token_pair: "CBETH/WETH", dex_a: "aerodrome", estimated_profit: "9.99", execution_status: "executed" };
    await store("opportunities", [opportunity("a", { timeMs: nowMs }), opportunity("b", { timeMs: nowMs, data: base })]);
    const queries = ["chain=base", "status=executed", "token_pair=CBETH/WETH", "dex=aerodrome", "min_profit=24.5", "dex=sushiswap"];
    const found = await Promise.all(queries.map((query) => list(`opportunities?${query}`)));
    expect(found).toEqual([["b"], ["b"], ["b"], ["b"], ["a"], ["b", "a"]]);
    expect(await list("opportunities?chain=base&min_profit=10")).toEqual([]);
  });

  it("of executions and strategies do as well", async () => {
    await store("executions", [
      execution("x", { timeMs: nowMs, data: { strategy_id: "s1" } }),
      execution("y", { timeMs: nowMs, data: { chain: "base", status: "confirmed" } }),
    ]);
    const queries = ["opportunity_id=x-opportunity", "strategy_id=s1", "status=confirmed", "chain=base"];
    expect(await Promise.all(queries.map((query) => list(`executions?${query}`)))).toEqual([["x"], ["x"], ["y"], ["y"]]);
    await store("strategies", [strategy("on", { timeMs: nowMs }), strategy("off", { timeMs: nowMs, data: { is_active: false } })]);
    expect([await list("strategies?active=true"), await list("strategies?active=false")]).toEqual([["on"], ["off"]]);
  });
});

describe("an entity", () => {
  it("in a database that fails is UPSTREAM_UNAVAILABLE, with nothing of the error", async () => {
    const broken = {
      prepare: () => {
        throw new Error("D1_ERROR: secret");
      },
    };
    const { status, body, text, headers } = await ask("/api/opportunities/a", { token: admin, variables: { OPPORTUNITIES_DB: broken } });
    expect([status, body.error?.code, headers.get("retry-after")]).toEqual([503, "UPSTREAM_UNAVAILABLE", "1"]);
    expect(text).not.toContain("secret");
  });

  it("that the hot cache does not hold is NOT_FOUND", async () => {
    const { status, body } = await ask("/api/executions/none", { token: admin });
    expect([status, body.error?.code]).toEqual([404, "NOT_FOUND"]);
  });

  it("comes as its event's data stood: amounts keep every digit, unknown fields stay", async () => {
    const event = opportunity("a", {
      timeMs: nowMs,
      data: { amount_in: "1".repeat(78), estimated_profit: "24.5000", extra: { deep: [1] } },
    });
    await store("opportunities", [event]);
    expect((await ask("/api/opportunities/a", { token: admin })).body.data).toEqual(event.data);
  });

  it("and a list are 304 to who holds them, whole again once they change", async () => {
    await store("opportunities", [opportunity("a", { timeMs: nowMs })]);
    const first = await ask("/api/opportunities", { token: admin });
    const headers = { "if-none-match": first.headers.get("etag") ?? "" };
    const second = await ask("/api/opportunities", { token: admin, headers });
    expect([second.status, second.text, second.headers.get("vary")]).toEqual([304, "", "Authorization, X-API-Key"]);
    await store("opportunities", [opportunity("a", { timeMs: nowMs + 1 })]);
    expect((await ask("/api/opportunities", { token: admin, headers })).status).toBe(200);
  });

  it("may be kept by a shared cache only where anybody may read it", async () => {
    const policy = async (path: string) => (await ask(path, { token: admin })).headers.get("cache-control");
    expect([await policy("/api/opportunities"), await policy("/api/executions")]).toEqual(["public, max-age=2", "private, max-age=5"]);
  });
});
