import { env } from "cloudflare:workers";
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify, type JSONWebKeySet } from "jose";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { signingKeyAheadMs } from "../../schemas/token-limits.ts";
import { setFaults } from "../../tests/support/faults.ts";
import { faultyEnv } from "../../tests/support/faulty-env.ts";
import { signToken } from "../../tests/support/reading.ts";
import { audited, bearer, emptySessionsDatabase, operatorKey, rowCount, TokenEdge } from "../../tests/support/tokens.ts";
import { app } from "../app.ts";

const byKeys = { TOKEN_ALG: "ES256" };
let edge: TokenEdge;

beforeEach(async () => {
  edge = new TokenEdge(byKeys);
  await emptySessionsDatabase();
});
afterEach(() => setFaults({}));

const rotate = (body?: unknown, headers: Readonly<Record<string, string>> = operatorKey) =>
  edge.ask("/security/keys/rotate", { headers, ...(body === undefined ? {} : { body }) });
const kidOf = (token: string): unknown => decodeProtectedHeader(token).kid;

/** As somebody else's server reads it. */
async function published(variables: object = {}): Promise<JSONWebKeySet> {
  const response = await app.request("/.well-known/jwks.json", {}, { ...env, ...variables });
  expect([response.status, response.headers.get("cache-control")]).toEqual([200, "public, max-age=60"]);
  expect(response.headers.get("content-type")).toContain("json");
  return response.json();
}

describe("a rotation", () => {
  it.each<[number, () => Promise<Record<string, string>>]>([
    [401, async () => ({})],
    [401, async () => ({ "x-api-key": "x" })],
    [403, async () => bearer(await signToken({ sub: "u", role: "trader" }))],
  ])("is refused with %i to whoever is no operator", async (status, headers) => {
    expect([(await rotate({}, await headers())).status, await rowCount("signing_keys")]).toEqual([status, 0]);
  });

  it.each([[{ overlap_seconds: -1 }], [{ overlap_seconds: 2_592_001 }], [{ overlap_seconds: "0" }]])(
    "is refused %j by name",
    async (body) => {
      expect((await rotate(body)).error?.details).toEqual({ parameter: "overlap_seconds" });
    },
  );

  it("while D1 is down changes nothing", async () => {
    setFaults({
      d1: () => {
        throw new Error("D1 is down");
      },
    });
    expect((await new TokenEdge(byKeys, faultyEnv(env)).ask("/security/keys/rotate", { headers: operatorKey })).status).toBe(503);
    expect(await rowCount("signing_keys")).toBe(0);
  });

  it("ends when sixteen keys are live, but for the one after a theft, which ends them all", async () => {
    for (let n = 0; n < 16; n += 1) expect((await rotate()).status).toBe(201);
    expect([(await rotate()).error?.code, await rowCount("signing_keys")]).toEqual(["CAPACITY_EXCEEDED", 16]);
    expect([(await rotate({ overlap_seconds: 0 })).status, await rowCount("signing_keys")]).toEqual([201, 1]);
  });

  it("publishes the new key before it signs, and the old one verifies for as long as its tokens may live", async () => {
    const first = await edge.minted({ sub: "u", ttl_seconds: 2_592_000 });
    const { data } = await rotate();
    expect((await published()).keys.map(({ kid }) => kid).toSorted()).toEqual([kidOf(first.access), data.kid].toSorted());
    edge.nowMs += signingKeyAheadMs - 1;
    expect(kidOf((await edge.minted({ sub: "u" })).access)).toBe(kidOf(first.access));
    edge.nowMs += 1;
    const second = await edge.minted({ sub: "u" });
    expect(kidOf(second.access)).toBe(data.kid);
    expect([await edge.isActive(first.access), await edge.isActive(second.access)]).toEqual([true, true]);
    edge.nowMs = Date.parse(String(data.others_until)) - signingKeyAheadMs - 10_000;
    expect(await edge.isActive(first.access)).toBe(true);
    expect((await audited()).filter(({ action }) => action === "keys.rotated")).toMatchObject([
      { actor: "edge" },
      { actor: "operator", subject: data.kid },
    ]);
  });

  it("without an overlap ends every token of the key that leaked, within a minute elsewhere", async () => {
    const first = await edge.minted({ sub: "u" });
    const elsewhere = new TokenEdge(byKeys);
    expect(await elsewhere.isActive(first.access)).toBe(true);
    await rotate({ overlap_seconds: 0 });
    expect(await edge.isActive(first.access)).toBe(false);
    elsewhere.nowMs += 60_000;
    expect(await elsewhere.isActive(first.access)).toBe(false);
    expect(kidOf((await edge.minted({ sub: "u" })).access)).not.toBe(kidOf(first.access));
    // The session is not the key's: its holder goes on with a token of the new one.
    expect(await edge.isActive((await edge.refreshed(first.refresh)).access)).toBe(true);
  });
});

describe("TOKEN_ALG", () => {
  it("HS256 signs by the secret and needs no keys; ES256 by a pair that is made when there is none", async () => {
    const hs = await new TokenEdge().minted();
    expect([decodeProtectedHeader(hs.access).alg, await rowCount("signing_keys")]).toEqual(["HS256", 0]);
    const es = await edge.minted();
    expect(decodeProtectedHeader(es.access)).toEqual({ alg: "ES256", typ: "JWT", kid: expect.stringMatching(/^edge\.[0-9a-f]{16}$/) });
    expect([await edge.isActive(hs.access), await edge.isActive(es.access)]).toEqual([true, true]);
  });

  it("two that need the first key at once make one", async () => {
    const tokens = await Promise.all(Array.from({ length: 8 }, () => new TokenEdge(byKeys).minted()));
    expect([new Set(tokens.map(({ access }) => kidOf(access))).size, await rowCount("signing_keys")]).toEqual([1, 1]);
  });
});

describe("the private half", () => {
  it("lies in D1 encrypted, and neither the published keys nor the answers hold it", async () => {
    await edge.minted();
    const row = JSON.stringify((await env.SESSIONS_DB.prepare("SELECT * FROM signing_keys").all()).results);
    const { keys } = await published();
    expect([row.includes('\\"d\\"'), keys.length]).toEqual([false, 1]);
    expect(Object.keys(keys[0] ?? {}).toSorted()).toEqual(["alg", "crv", "kid", "kty", "use", "x", "y"]);
  });

  it("opens under the secret before, for as long as that is named; without it a new pair takes over and the old tokens hold", async () => {
    const newer = { ...byKeys, JWT_SECRET: "a-newer-secret-of-at-least-32-characters" };
    const first = await edge.minted();
    const both = await new TokenEdge({ ...newer, JWT_SECRET_PREVIOUS: env.JWT_SECRET }).minted();
    expect(kidOf(both.access)).toBe(kidOf(first.access));
    const after = new TokenEdge(newer);
    const next = await after.minted();
    expect(kidOf(next.access)).not.toBe(kidOf(first.access));
    expect([await after.isActive(first.access), await after.isActive(next.access)]).toEqual([true, true]);
  });
});

it("what we sign, anybody verifies by the published keys alone", async () => {
  const { access } = await edge.minted({ sub: "u", role: "trader" });
  const { payload } = await jwtVerify(access, createLocalJWKSet(await published()), { issuer: env.JWT_ISSUER, audience: env.JWT_AUDIENCE });
  expect(payload).toMatchObject({ sub: "u", role: "trader" });
});

it("the published keys are an outage, not an empty list, when they were never read", async () => {
  setFaults({
    d1: () => {
      throw new Error("D1 is down");
    },
  });
  const response = await app.request("/.well-known/jwks.json", {}, faultyEnv({ ...env }));
  expect([response.status, await response.json()]).toMatchObject([503, { error: { code: "UPSTREAM_UNAVAILABLE" } }]);
});
