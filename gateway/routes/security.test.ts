import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import type { Revocation } from "../../schemas/revocation.ts";
import { signToken } from "../../tests/support/reading.ts";
import { app } from "../app.ts";
import { tellRelays, type RevokingRelay } from "../security/revocations.ts";

interface Answer {
  readonly status: number;
  readonly body: { readonly data?: Record<string, unknown>; readonly error?: { code: string; details?: unknown } };
}

const operator = { "x-api-key": env.OPS_API_KEY };

async function revoke(body: unknown, headers: Record<string, string> = operator): Promise<Answer> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const response = await app.request("/security/revoke", { method: "POST", headers, body: text }, env);
  return { status: response.status, body: await response.json<Answer["body"]>() };
}

async function read(token: string): Promise<number> {
  const response = await app.request("/api/channels/executions/history", { headers: { authorization: `Bearer ${token}` } }, env);
  await response.text();
  return response.status;
}

const stored = async (): Promise<unknown[]> => (await env.SESSIONS_DB.prepare("SELECT kind, value FROM revocations").all()).results;

beforeEach(() => env.SESSIONS_DB.prepare("DELETE FROM revocations").run());

describe("a revocation", () => {
  it.each<[number, Record<string, string>]>([
    [401, {}],
    [401, { "x-api-key": "test-ingest-key-1" }],
  ])("answers %i to whoever is no operator, and stores nothing", async (status, headers) => {
    expect([(await revoke({ jti: "t" }, headers)).status, await stored()]).toEqual([status, []]);
  });

  it("answers 403 to a trader's token", async () => {
    const trader = { authorization: `Bearer ${await signToken({ sub: "t", role: "trader" })}` };
    expect([(await revoke({ jti: "t" }, trader)).status, await stored()]).toEqual([403, []]);
  });

  it.each<[number, unknown, unknown]>([
    [400, "{", undefined],
    [400, {}, { parameter: "jti" }],
    [400, { jti: "a", sub: "b" }, { parameter: "jti" }],
    [400, { jti: "" }, { parameter: "jti" }],
    [400, { jti: 7 }, { parameter: "jti" }],
    [400, { sub: "u", until: "tomorrow" }, { parameter: "until" }],
    [400, { sub: "u", until: "2020-01-01T00:00:00Z" }, { parameter: "until" }],
    [400, { sub: "u", until: "2999-01-01T00:00:00Z" }, { parameter: "until" }],
    [400, { sub: "u", reason: "x" }, { parameter: "" }],
    [413, { sub: "u", until: "x".repeat(5_000) }, undefined],
  ])("answers %i to %j by name", async (status, body, details) => {
    const answer = await revoke(body);
    expect([answer.status, answer.body.error?.details, await stored()]).toEqual([status, details, []]);
  });

  it("is posted", async () => {
    const response = await app.request("/security/revoke", { headers: operator }, env);
    expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
  });

  it("of a token ends that token at once, and no other", async () => {
    const [one, other] = [await signToken({ role: "trader", jti: "one" }), await signToken({ role: "trader", jti: "other" })];
    expect([await read(one), await read(other)]).toEqual([200, 200]);
    expect(await revoke({ jti: "one" })).toMatchObject({ status: 200, body: { data: { jti: "one", until: expect.any(String) } } });
    expect([await read(one), await read(other)]).toEqual([401, 200]);
  });

  it("of a user ends all tokens issued so far, by either spelling of the user, and not the next login", async () => {
    const now = Math.floor(Date.now() / 1_000);
    const tokens = await Promise.all([
      signToken({ sub: "u9", role: "trader", iat: now - 60 }),
      signToken({ userId: "u9", role: "TRADER", iat: now }),
      signToken({ userId: "u9", role: "trader" }),
    ]);
    const later = await signToken({ sub: "u9", role: "trader", iat: now + 2 });
    await revoke({ sub: "u9" });
    expect(await Promise.all(tokens.map(read))).toEqual([401, 401, 401]);
    expect(await read(later)).toBe(200);
  });

  it("is known to an isolate that was not told within seconds", async () => {
    const token = await signToken({ sub: "elsewhere", role: "trader", iat: 1 });
    expect(await read(token)).toBe(200);
    await env.SESSIONS_DB.prepare("INSERT INTO revocations VALUES ('sub', 'elsewhere', ?1, ?2)")
      .bind(Date.now(), Date.now() + 60_000)
      .run();
    await expect.poll(() => read(token), { timeout: 8_000, interval: 250 }).toBe(401);
  });
});

describe("the relays", () => {
  const revocation: Revocation = { kind: "jti", value: "t", revokedMs: 1, untilMs: 2 };

  it("are each told, and those that fail or stay silent are named", async () => {
    const told: string[] = [];
    const answers: Record<string, RevokingRelay["revoke"]> = {
      a: async (request) => (told.push(request.revocation.value), { v: 1, closed: 2 }),
      b: () => Promise.reject(new Error("gone")),
      c: () => new Promise(() => undefined),
      d: async () => ({ v: 1, closed: 1 }),
    };
    const relays = async (): Promise<string[]> => Object.keys(answers);
    const relay = (_: Env, name: string): RevokingRelay => ({ revoke: answers[name] ?? (() => Promise.reject(new Error(name))) });
    expect(await tellRelays(env, revocation, { relays, relay })).toEqual({ closed: 3, unreached: ["b", "c"] });
    expect(told).toEqual(["t"]);
  });
});
