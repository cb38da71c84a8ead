import { env } from "cloudflare:workers";
import { decodeJwt, decodeProtectedHeader } from "jose";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { setFaults } from "../../tests/support/faults.ts";
import { faultyEnv } from "../../tests/support/faulty-env.ts";
import { signToken } from "../../tests/support/reading.ts";
import { audited, bearer, emptySessionsDatabase, operatorKey, rowCount, TokenEdge } from "../../tests/support/tokens.ts";

let edge: TokenEdge;

beforeEach(async () => {
  edge = new TokenEdge();
  await emptySessionsDatabase();
});
afterEach(() => setFaults({}));

const nothing = async (): Promise<number[]> => [await rowCount("sessions"), await rowCount("audit")];

describe("no token is minted", () => {
  it.each<[string, () => Promise<Record<string, string>>]>([
    ["without a key", async () => ({})],
    ["for an ingest key", async () => ({ "x-api-key": env.INGEST_API_KEYS.split(",")[0] ?? "" })],
    ["for the JWT secret, as a key or as a token", async () => ({ "x-api-key": env.JWT_SECRET, ...bearer(env.JWT_SECRET) })],
    ["for an operator's token: it would prolong itself", async () => bearer(await signToken({ sub: "o", role: "admin" }))],
    ["for a key that looks like one of ours", async () => ({ "x-api-key": `axk_0123456789abcdef_${"A".repeat(43)}` })],
    ["for another scheme", async () => ({ authorization: `Basic ${env.OPS_API_KEY}` })],
  ])("%s", async (_, headers) => {
    const answer = await edge.mint({ sub: "u" }, await headers());
    expect([answer.status, answer.error?.code, await nothing()]).toEqual([401, "UNAUTHORIZED", [0, 0]]);
  });

  it("for a client's key with one character changed, or with another client's name", async () => {
    const [one, other] = [await edge.client({ role: "viewer" }), await edge.client({ role: "admin" })];
    const changed = one["x-api-key"].replace(/.$/, (last) => (last === "A" ? "B" : "A"));
    const crossed = one["x-api-key"].replace(one.id, other.id);
    for (const key of [changed, crossed]) expect((await edge.mint({}, { "x-api-key": key })).status).toBe(401);
  });

  it.each<[number, unknown, string | undefined]>([
    [400, "{", undefined],
    [400, [], ""],
    [400, { sub: "" }, "sub"],
    [400, { sub: "a\u0000b" }, "sub"],
    [400, { sub: "s".repeat(257) }, "sub"],
    [400, { role: "a b" }, "role"],
    [400, { ttl_seconds: 59 }, "ttl_seconds"],
    [400, { ttl_seconds: 60.5 }, "ttl_seconds"],
    [400, { ttl_seconds: 2_592_001 }, "ttl_seconds"],
    [400, { channels: { market: ["publish"] } }, "channels.market.0"],
    [400, { channels: { "opportunities:*x": ["subscribe"] } }, "channels.opportunities:*x"],
    [400, { channels: Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`c${n}`, []])) }, "channels"],
    [400, { channels: { [`${"c".repeat(64)}`]: ["subscribe"] }, permissions: ["admin"] }, ""],
    [413, { sub: "u", x: "x".repeat(9_000) }, undefined],
  ])("but %i for a bad body (%#)", async (status, body, parameter) => {
    const answer = await edge.mint(body);
    expect([answer.status, answer.error?.details?.parameter, await nothing()]).toEqual([status, parameter, [0, 0]]);
  });

  it.each(["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "multipart/form-data"])(
    "from a body of the type %s, which a page of another site could send",
    async (type) => {
      const answer = await edge.mint({}, { ...operatorKey, "content-type": type });
      expect([answer.status, await nothing()]).toEqual([415, [0, 0]]);
    },
  );

  it("while D1 is down: 503, and nothing half done", async () => {
    const client = await edge.client({ role: "viewer" });
    setFaults({
      d1: () => {
        throw new Error("D1 is down");
      },
    });
    const down = new TokenEdge({}, faultyEnv(env));
    for (const headers of [operatorKey, client]) {
      const answer = await down.mint({ sub: "u" }, headers);
      expect([answer.status, answer.error?.code, answer.headers.get("retry-after")]).toEqual([503, "UPSTREAM_UNAVAILABLE", "1"]);
    }
    setFaults({});
    expect(await rowCount("sessions")).toBe(0);
  });

  it("when its entry in the audit log cannot be written: both or neither", async () => {
    await env.SESSIONS_DB.prepare("ALTER TABLE audit RENAME TO audit_away").run();
    try {
      expect([(await edge.mint({ sub: "u" })).status, await rowCount("sessions")]).toEqual([503, 0]);
    } finally {
      await env.SESSIONS_DB.prepare("ALTER TABLE audit_away RENAME TO audit").run();
    }
  });
});

describe("the operators' key", () => {
  it("mints whatever is asked for, and the token says it", async () => {
    const body = { sub: "u1", role: "ADMIN", channels: { "replay:*": ["subscribe"] }, ttl_seconds: 120 };
    const { status, data, headers } = await edge.mint(body);
    const access = String(data.access_token);
    const iat = Math.floor(edge.nowMs / 1_000);
    const claims = { sub: "u1", role: "ADMIN", channels: body.channels, sid: data.session_id, iat, exp: iat + 120 };
    expect([status, headers.get("cache-control")]).toEqual([201, "no-store"]);
    expect(decodeProtectedHeader(access)).toEqual({ alg: "HS256", typ: "JWT" });
    expect(decodeJwt(access)).toEqual({ ...claims, iss: env.JWT_ISSUER, aud: env.JWT_AUDIENCE, jti: expect.any(String) });
    expect(data).toMatchObject({ token_type: "Bearer", expires_at: new Date((iat + 120) * 1_000).toISOString(), sub: "u1", role: "ADMIN" });
    expect(await edge.isActive(access)).toBe(true);
    expect(await audited()).toEqual([
      {
        action: "token.minted",
        actor: "operator",
        subject: data.session_id,
        details: '{"sub":"u1","role":"ADMIN","lifetime_seconds":120}',
      },
    ]);
  });

  it("as a bearer, or beside a token of somebody else, is known", async () => {
    for (const headers of [bearer(env.OPS_API_KEY), { ...operatorKey, ...bearer(await signToken({ sub: "x" })) }]) {
      expect((await edge.mint({}, headers)).status).toBe(201);
    }
  });

  it("mints tokens as long as JWT_EXPIRY says, and sessions of a day or as long as such a token", async () => {
    const lasting = async (expiry: string): Promise<number[]> => {
      const { data } = await new TokenEdge({ JWT_EXPIRY: expiry }).mint();
      const now = Math.floor(Date.now() / 60_000);
      return [data.expires_at, data.session_expires_at].map((time) => Math.floor(Date.parse(String(time)) / 60_000) - now);
    };
    expect(await lasting("3600")).toEqual([expect.closeTo(60, -0.5), expect.closeTo(1_440, -0.5)]);
    expect(await lasting("172800")).toEqual([expect.closeTo(2_880, -0.5), expect.closeTo(2_880, -0.5)]);
  });
});

describe("an API client", () => {
  const limits = { role: "trader", channels: { "opportunities:*": ["subscribe", "history"] }, ttl_seconds_max: 600 };

  it.each<[object, string]>([
    [{ role: "admin" }, "role"],
    [{ role: "operator" }, "role"],
    [{ role: "Super_Admin" }, "role"],
    [{ role: "backend" }, "role"],
    [{ channels: { executions: ["subscribe"] } }, "channels"],
    [{ channels: { "opportunities:*": ["presence"] } }, "channels"],
    [{ ttl_seconds: 601 }, "ttl_seconds"],
  ])("is refused %j, which is more than it has", async (body, parameter) => {
    const client = await edge.client(limits);
    const answer = await edge.mint(body, client);
    expect([answer.status, answer.error?.code, answer.error?.details]).toEqual([403, "FORBIDDEN", { parameter }]);
    expect(await rowCount("sessions")).toBe(0);
  });

  it("gets the part of what it asks for that it has", async () => {
    const client = await edge.client(limits);
    const { data } = await edge.mint({ role: "viewer", channels: { "*": ["subscribe", "presence"] }, ttl_seconds: 60 }, client);
    expect(data).toMatchObject({ role: "viewer", channels: { "opportunities:*": ["subscribe"] }, sub: `client:${client.id}` });
    expect(decodeJwt(String(data.access_token)).channels).toEqual({ "opportunities:*": ["subscribe"] });
  });

  it("gets all it has when it asks for nothing, for as long as its cap allows", async () => {
    const client = await edge.client(limits);
    const { data } = await edge.mint({}, client);
    const { iat = 0, exp = 0, ...claims } = decodeJwt(String(data.access_token));
    expect([exp - iat, claims.role, claims.channels]).toEqual([600, limits.role, limits.channels]);
  });

  it("is known beside a token and a key of another purpose, in either header", async () => {
    const client = await edge.client(limits);
    const key = client["x-api-key"];
    const token = await signToken({ sub: "u" });
    for (const headers of [client, bearer(key), { "x-api-key": key, ...bearer(token) }, { "x-api-key": "contabo", ...bearer(key) }]) {
      expect((await edge.mint({}, headers)).status).toBe(201);
    }
  });
});

it("a user has a hundred sessions of a client: the oldest makes room for a new one, and nobody else's does", async () => {
  const other = await edge.minted({ sub: "other" });
  const client = await edge.client({ role: "viewer" });
  const elsewhere = await edge.minted({ sub: "u" }, client);
  const first = await edge.minted({ sub: "u" });
  const sql = `INSERT INTO sessions SELECT 'filler-' || value, user_id, client_id, role, channels, lifetime_seconds, 0, created_ms + 1, rotated_ms,
    expires_ms, NULL, NULL FROM sessions, json_each(?2) WHERE session_id = ?1`;
  const fillers = JSON.stringify(Array.from({ length: 99 }, (_, n) => n));
  await env.SESSIONS_DB.prepare(sql).bind(first.sessionId, fillers).run();
  edge.nowMs += 10;
  const newest = await edge.minted({ sub: "u" });
  expect([(await edge.refresh(first.refresh)).error?.details, (await edge.refresh(newest.refresh)).status]).toEqual([
    { reason: "unknown" },
    200,
  ]);
  expect([(await edge.refresh(other.refresh)).status, (await edge.refresh(elsewhere.refresh)).status]).toEqual([200, 200]);
  expect(await rowCount("sessions")).toBe(102);
});

it("keeps nothing of a key but its hash, and shows it once", async () => {
  const client = await edge.client({ role: "viewer" });
  const secret = client["x-api-key"].split("_")[2] ?? "";
  const rows = JSON.stringify((await env.SESSIONS_DB.prepare("SELECT * FROM api_clients, audit").all()).results);
  const listed = JSON.stringify((await edge.ask("/ops/clients", { method: "GET", headers: operatorKey })).data);
  expect([rows.includes(secret), listed.includes(secret), listed.includes(client.id), listed.includes("hash")]).toEqual([
    false,
    false,
    true,
    false,
  ]);
});
