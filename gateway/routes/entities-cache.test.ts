/** Reads of the hot cache through the cache of answers, with a clock that moves. */
import { env, exports } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import type { EdgeEvent } from "../../schemas/event.ts";
import { announceChange } from "../../stores/changes.ts";
import { findHotTable } from "../../stores/hot-cache-tables.ts";
import { upsertNewest } from "../../stores/hot-cache.ts";
import { setFaults } from "../../tests/support/faults.ts";
import { execution, opportunity, placed } from "../../tests/support/placed.ts";
import { client, signToken, strategy } from "../../tests/support/reading.ts";
import type { Ask } from "../../tests/support/reading.ts";
import { entityRoutes } from "./entities.ts";

/** Each test is an hour after the one before: nothing it finds is another's. */
let nowMs = Date.now();
const ask = client(entityRoutes(() => nowMs));
let admin = "";
/** Of whoever may read all of it. */
const operator = { headers: { "x-api-key": env.OPS_API_KEY } };

beforeEach(async () => {
  nowMs += 3_600_000;
  admin = await signToken({ role: "admin", sub: "admin" }, nowMs);
  await env.OPPORTUNITIES_DB.batch(["opportunities", "executions"].map((table) => env.OPPORTUNITIES_DB.prepare(`DELETE FROM ${table}`)));
  await env.STRATEGIES_DB.exec("DELETE FROM strategies");
});

/** Behind the cache's back; `announced` as the consumer does it. */
async function store(stream: string, events: readonly EdgeEvent[], announced = false): Promise<void> {
  const table = findHotTable(stream);
  if (table === undefined) throw new Error(stream);
  await upsertNewest(env[table.database], { table, placed: events.map((event, index) => placed(event, index + 1)), now: nowMs });
  if (announced) await announceChange(stream as "opportunities", { nowMs });
}

const brokenD1 = {
  prepare: () => {
    throw new Error("D1 is down");
  },
};

const expiring = (id: string, afterMs: number): EdgeEvent =>
  opportunity(id, { timeMs: nowMs, data: { expiry_time: new Date(nowMs + afterMs).toISOString() } });

async function seen(path: string, options: Ask = { token: admin }): Promise<[number, unknown, string, string]> {
  const { status, body, headers } = await ask(path, options);
  const ids = Array.isArray(body.data)
    ? body.data.map((item: Record<string, unknown>) => item["opportunity_id"] ?? item["execution_id"] ?? item["strategy_id"])
    : body.error?.code;
  return [status, ids, headers.get("cache-status") ?? "", headers.get("age") ?? ""];
}

describe("who may not read", () => {
  it.each<[number, string, Ask | undefined]>([
    [401, "nobody", undefined],
    [403, "a token without the right", { token: "other" }],
    [401, "a token that has expired", { token: "expired" }],
    [401, "a key of another purpose", { headers: { "x-api-key": "test-ingest-key-1" } }],
  ])("is refused (%i) what is cached for others: %s", async (status, _, options) => {
    await store("executions", [execution("x", { timeMs: nowMs })]);
    expect((await seen("/api/executions"))[0]).toBe(200);
    expect((await seen("/api/executions/x"))[0]).toBe(200);
    const tokens: Record<string, string> = {
      other: await signToken({ channels: { opportunities: ["subscribe"] } }, nowMs),
      expired: await signToken({ role: "admin" }, nowMs, -1),
    };
    const shown: Ask = options?.token === undefined ? (options ?? {}) : { token: tokens[options.token] };
    const code = status === 401 ? "UNAUTHORIZED" : "FORBIDDEN";
    for (const path of ["/api/executions", "/api/executions/x", "/api/executions/none"]) {
      expect((await seen(path, shown)).slice(0, 2)).toEqual([status, code]);
    }
    expect((await seen("/api/executions", shown))[2]).toBe("ArbitrageX-Edge; fwd=bypass; detail=refused");
  });

  it("one chain only does not learn from the cache what others have, or have not", async () => {
    await store("opportunities", [
      opportunity("here", { timeMs: nowMs }),
      opportunity("there", { timeMs: nowMs, data: { chain: "base" } }),
    ]);
    const variables = { PUBLIC_CHANNELS: "" };
    const narrow = { token: await signToken({ channels: { "opportunities:arbitrum": ["subscribe"] } }, nowMs), variables };
    for (const id of ["here", "there", "none"]) await ask(`/api/opportunities/${id}`, { ...operator, variables });
    const statuses = [];
    for (const id of ["here", "there", "none", "here"]) statuses.push((await ask(`/api/opportunities/${id}`, narrow)).status);
    expect(statuses).toEqual([200, 403, 403, 200]);
  });

  it("any more after the channel was closed to everybody is refused what everybody had", async () => {
    await store("opportunities", [opportunity("a", { timeMs: nowMs })]);
    const open = { variables: { PUBLIC_CHANNELS: "opportunities" } };
    expect((await seen("/api/opportunities", open)).slice(0, 2)).toEqual([200, ["a"]]);
    expect((await seen("/api/opportunities", { variables: { PUBLIC_CHANNELS: "" } }))[0]).toBe(401);
  });
});

describe("a list", () => {
  it("is answered from the cache for its two seconds, and says so", async () => {
    await store("opportunities", [opportunity("a", { timeMs: nowMs })]);
    const first = await seen("/api/opportunities?limit=5");
    await store("opportunities", [opportunity("b", { timeMs: nowMs + 1 })]);
    nowMs += 1_000;
    const second = await seen("/api/opportunities?limit=5&sort=-time");
    nowMs += 1_000;
    const third = await seen("/api/opportunities?limit=5");
    expect([first, second, third]).toEqual([
      [200, ["a"], "ArbitrageX-Edge; fwd=uri-miss; stored; ttl=2", "0"],
      [200, ["a"], "ArbitrageX-Edge; hit; ttl=1; detail=memory", "1"],
      [200, ["b", "a"], "ArbitrageX-Edge; fwd=stale; stored; ttl=2", "0"],
    ]);
  });

  it("is read anew once the consumer has written something newer", async () => {
    await store("strategies", [strategy("a", { timeMs: nowMs })], true);
    nowMs += 1;
    expect((await seen("/api/strategies"))[1]).toEqual(["a"]);
    nowMs += 1;
    await store("strategies", [strategy("b", { timeMs: nowMs })], true);
    nowMs += 1;
    expect((await seen("/api/strategies")).slice(1, 3)).toEqual([["b", "a"], "ArbitrageX-Edge; fwd=stale; stored; ttl=60"]);
  });

  it.each(["/api/opportunities", "/api/opportunities?status=pending", "/api/opportunities?status=pending&chain=arbitrum"])(
    "never holds an opportunity that has expired since, also when D1 is down: %s",
    async (path) => {
      await store("opportunities", [expiring("soon", 700), expiring("later", 60_000)]);
      const [, ids] = await seen(path);
      expect(ids).toEqual(["soon", "later"]);
      for (const [atMs, expected] of [
        [699, [200, ["soon", "later"]]],
        [1, [503, "UPSTREAM_UNAVAILABLE"]],
      ] as const) {
        nowMs += atMs;
        // A fresh isolate each: what memory holds is not asked.
        expect((await seen(path, { token: admin, variables: { OPPORTUNITIES_DB: brokenD1 } })).slice(0, 2)).toEqual(expected);
      }
      expect((await seen(path))[1]).toEqual(["later"]);
    },
  );

  it("of expired ones by their own status does not end with them", async () => {
    const past = opportunity("past", {
      timeMs: nowMs,
      data: { expiry_time: new Date(nowMs - 1).toISOString(), execution_status: "expired" },
    });
    await store("opportunities", [past]);
    await seen("/api/opportunities?status=expired");
    expect((await seen("/api/opportunities?status=expired"))[2]).toBe("ArbitrageX-Edge; hit; ttl=2; detail=memory");
  });

  it("of strategies is there while D1 is down, as old as it says", async () => {
    await store("strategies", [strategy("a", { timeMs: nowMs })]);
    await seen("/api/strategies?limit=7");
    nowMs += 300_000;
    expect(await seen("/api/strategies?limit=7", { token: admin, variables: { STRATEGIES_DB: brokenD1 } })).toEqual([
      200,
      ["a"],
      "ArbitrageX-Edge; fwd=stale; fwd-status=503; ttl=-240; detail=stale-if-error",
      "300",
    ]);
  });

  it("is one for two users with the same rights, and another for the third", async () => {
    await store("executions", [execution("x", { timeMs: nowMs })]);
    const token = (claims: Record<string, unknown>) => signToken(claims, nowMs);
    const [one, two, three] = [
      await token({ role: "trader", sub: "1" }),
      await token({ role: "TRADER", sub: "2" }),
      await token({ role: "viewer" }),
    ];
    const statuses = [];
    for (const reader of [one, two, three]) statuses.push((await seen("/api/executions", { token: reader }))[2]);
    expect(statuses.map((status) => status.split(";")[1])).toEqual([" fwd=uri-miss", " hit", " fwd=uri-miss"]);
  });

  it("is 304 from the cache for who holds it, whoever made it be there", async () => {
    await store("opportunities", [opportunity("a", { timeMs: nowMs })]);
    const { headers } = await ask("/api/opportunities", { token: admin });
    const again = await ask("/api/opportunities", { headers: { "if-none-match": headers.get("etag") ?? "" } });
    expect([again.status, again.text, again.headers.get("cache-status"), again.headers.get("age")]).toEqual([
      304,
      "",
      "ArbitrageX-Edge; hit; ttl=2; detail=memory",
      "0",
    ]);
  });
});

describe("an entity", () => {
  it("that is not there is remembered for a second, and told with each request's own envelope", async () => {
    expect(await seen("/api/executions/x")).toEqual([404, "NOT_FOUND", "ArbitrageX-Edge; fwd=uri-miss; stored; ttl=1", "0"]);
    await store("executions", [execution("x", { timeMs: nowMs })]);
    expect((await seen("/api/executions/x")).slice(0, 3)).toEqual([404, "NOT_FOUND", "ArbitrageX-Edge; hit; ttl=1; detail=memory"]);
    nowMs += 1_000;
    expect((await seen("/api/executions/x"))[0]).toBe(200);
  });

  it.each([
    ["pending", 5],
    ["submitted", 5],
    ["confirmed", 30],
    ["failed", 30],
    ["reverted", 30],
  ])("that is an execution of status %s is good for %i seconds", async (status, seconds) => {
    await store("executions", [execution(status, { timeMs: nowMs, data: { status } })]);
    expect((await seen(`/api/executions/${status}`))[2]).toBe(`ArbitrageX-Edge; fwd=uri-miss; stored; ttl=${seconds}`);
  });

  it("whose name looks like another's path is its own", async () => {
    await store("executions", [execution("a/b", { timeMs: nowMs })]);
    expect([(await ask("/api/executions/a%2Fb", operator)).status, (await ask("/api/executions/a%252Fb", operator)).status]).toEqual([
      200, 404,
    ]);
  });
});

it.each(["API_CACHE"])("without %s reads are what they were", async (binding) => {
  await store("strategies", [strategy("a", { timeMs: nowMs })]);
  const broken = { get: () => Promise.reject(new Error("KV is down")), put: () => Promise.reject(new Error("KV is down")) };
  expect((await seen("/api/strategies", { token: admin, variables: { [binding]: broken } })).slice(0, 2)).toEqual([200, ["a"]]);
});

it("requests that come together, each its own to the runtime, cost D1 one read and are all answered", async () => {
  let reads = 0;
  setFaults({
    d1: (binding) => {
      if (binding === "OPPORTUNITIES_DB") reads += 1;
    },
  });
  const fetches = Array.from({ length: 40 }, () => exports.default.fetch("https://edge.test/api/executions?limit=13", operator));
  const statuses = (await Promise.all(fetches)).map((response) => [response.status, response.headers.get("cache-status")]);
  setFaults({});
  expect(statuses.map(([status]) => status)).toEqual(Array.from({ length: 40 }, () => 200));
  expect(reads).toBe(1);
  expect(statuses.filter(([, status]) => /hit|collapsed/.test(String(status)))).toHaveLength(39);
});
