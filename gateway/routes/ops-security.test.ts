import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { putAudit } from "../../stores/audit.ts";
import { signToken } from "../../tests/support/reading.ts";
import { bearer, emptySessionsDatabase, operatorKey, rowCount, TokenEdge, type TokenAnswer } from "../../tests/support/tokens.ts";
import { app } from "../app.ts";

let edge: TokenEdge;

beforeEach(async () => {
  edge = new TokenEdge();
  await emptySessionsDatabase();
});

const get = (path: string, headers: Readonly<Record<string, string>> = operatorKey): Promise<TokenAnswer> =>
  edge.ask(path, { method: "GET", headers });

describe("the API clients", () => {
  it.each<[number, () => Promise<Record<string, string>>]>([
    [401, async () => ({})],
    [403, async () => bearer(await signToken({ sub: "u", role: "trader" }))],
  ])("are answered %i to whoever is no operator", async (status, headers) => {
    const shown = await headers();
    const created = await edge.ask("/ops/clients", { headers: shown, body: { name: "x" } });
    expect([created.status, (await get("/ops/clients", shown)).status, await rowCount("api_clients")]).toEqual([status, status, 0]);
  });

  it.each<[number, unknown, string | undefined]>([
    [400, {}, "name"],
    [400, { name: "" }, "name"],
    [400, { name: "x".repeat(65) }, "name"],
    [400, { name: "x", role: "a role" }, "role"],
    [400, { name: "x", ttl_seconds_max: 0 }, "ttl_seconds_max"],
    [400, { name: "x", channels: { "a b": ["subscribe"] } }, "channels.a b"],
    [400, { name: "x", key: "mine" }, ""],
    [413, { name: "x".repeat(9_000) }, undefined],
  ])("are refused with %i for a bad body (%#)", async (status, body, parameter) => {
    const answer = await edge.ask("/ops/clients", { headers: operatorKey, body });
    expect([answer.status, answer.error?.details?.parameter, await rowCount("api_clients")]).toEqual([status, parameter, 0]);
  });

  it("end at five hundred", async () => {
    const names = JSON.stringify(Array.from({ length: 500 }, (_, n) => `c${n}`));
    const sql = "INSERT INTO api_clients SELECT value, 'x', ?2, NULL, NULL, 60, 0 FROM json_each(?1)";
    await env.SESSIONS_DB.prepare(sql).bind(names, "0".repeat(64)).run();
    expect((await edge.ask("/ops/clients", { headers: operatorKey, body: { name: "x" } })).error?.code).toBe("CAPACITY_EXCEEDED");
    expect(await rowCount("api_clients")).toBe(500);
  });

  it("are listed with what they may, newest first, and their making and deleting is on record", async () => {
    const one = await edge.client({ name: "one", role: "viewer", channels: { market: ["subscribe"] }, ttl_seconds_max: 300 });
    edge.nowMs += 1;
    const two = await edge.client({ name: "two" });
    const created = { client_id: one.id, name: "one", role: "viewer", channels: { market: ["subscribe"] }, ttl_seconds_max: 300 };
    expect((await get("/ops/clients")).data).toMatchObject([{ client_id: two.id, name: "two", ttl_seconds_max: 3_600 }, created]);
    await edge.ask(`/ops/clients/${one.id}`, { method: "DELETE", headers: operatorKey });
    expect((await get("/ops/audit")).data).toMatchObject([
      { action: "client.deleted", actor: "operator", subject: `client:${one.id}` },
      { action: "client.created", details: { name: "two", role: "" } },
      { action: "client.created", details: { name: "one", role: "viewer" } },
    ]);
  });
});

describe("the audit log", () => {
  const at = (timeMs: number, over: object = {}) => ({
    action: "ban.set" as const,
    actor: "operator",
    timeMs,
    firstMs: timeMs,
    count: 1,
    ...over,
  });

  it("is the operators' alone", async () => {
    expect([(await get("/ops/audit", {})).status, (await get("/ops/audit", bearer(await signToken({ role: "user" })))).status]).toEqual([
      401, 403,
    ]);
  });

  it.each([
    ["since=yesterday", "since"],
    ["action=nothing", "action"],
    ["limit=0", "limit"],
    ["limit=501", "limit"],
    ["cursor=x", "cursor"],
    ["who=me", "who"],
    ["actor=a&actor=b", "actor"],
  ])("refuses ?%s by name", async (query, parameter) => {
    const answer = await get(`/ops/audit?${query}`);
    expect([answer.status, answer.error?.details]).toEqual([400, { parameter }]);
  });

  it("is read page by page, newest first, each entry once, also while it grows", async () => {
    const base = edge.nowMs - 10_000;
    await putAudit(
      env,
      [0, 1, 1, 1, 2, 3].map((ms) => at(base + ms)),
    );
    const seen: unknown[] = [];
    let cursor = "";
    for (let pages = 0; pages < 10; pages += 1) {
      const response = await app.request(`/ops/audit?limit=2${cursor}`, { headers: operatorKey }, env);
      const page: { data: { time: string; seq: number }[]; pagination: { has_next: boolean; cursor?: string } } = await response.json();
      seen.push(...page.data.map(({ seq, time }) => `${seq} ${Date.parse(time) - base}`));
      await putAudit(env, [at(edge.nowMs)]);
      if (!page.pagination.has_next) break;
      cursor = `&cursor=${page.pagination.cursor}`;
    }
    const offsets = seen.map((text) => Number(String(text).split(" ")[1]));
    expect([offsets, new Set(seen).size]).toEqual([[3, 2, 1, 1, 1, 0], 6]);
  });

  it("is narrowed by time, action and actor, and says how many an entry stands for", async () => {
    const base = edge.nowMs - 10_000;
    const flood = at(base + 5, { action: "access.refused", actor: "anonymous", firstMs: base, count: 900 });
    await putAudit(env, [at(base), at(base + 1, { actor: "user:o" }), flood]);
    const [from, to] = [base + 1, base + 5].map((ms) => new Date(ms).toISOString());
    expect((await get(`/ops/audit?since=${from}&until=${to}`)).data).toMatchObject([{ actor: "user:o" }]);
    expect((await get("/ops/audit?actor=user:o&action=ban.set")).data).toHaveLength(1);
    expect((await get("/ops/audit?action=access.refused")).data).toMatchObject([{ count: 900, since: new Date(base).toISOString() }]);
  });
});
