import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { setFaults } from "../../tests/support/faults.ts";
import { faultyEnv } from "../../tests/support/faulty-env.ts";
import { signToken } from "../../tests/support/reading.ts";
import { audited, bearer, emptySessionsDatabase, operatorKey, TokenEdge, type Issued } from "../../tests/support/tokens.ts";

let edge: TokenEdge;

beforeEach(async () => {
  edge = new TokenEdge();
  await emptySessionsDatabase();
});
afterEach(() => {
  setFaults({});
  vi.restoreAllMocks();
});

const list = (headers: Readonly<Record<string, string>>, query = "") => edge.ask(`/security/sessions${query}`, { method: "GET", headers });
const end = (id: string, headers: Readonly<Record<string, string>>) => edge.ask(`/security/sessions/${id}`, { method: "DELETE", headers });
const idsIn = (data: unknown): unknown[] => (data as { session_id: string }[]).map(({ session_id: id }) => id);
const trader = (sub: string): Promise<Issued> => edge.minted({ sub, role: "trader" });

describe("the list of sessions", () => {
  it("is nobody's but the holder's and the operators'", async () => {
    const { access } = await trader("u");
    expect((await list({})).status).toBe(401);
    expect((await list(bearer(access), "?sub=other")).status).toBe(403);
    expect((await list(bearer(access), "?sub=u")).status).toBe(403);
    expect((await list(operatorKey)).error?.details).toEqual({ parameter: "sub" });
    expect((await list(operatorKey, "?user=u")).error?.details).toEqual({ parameter: "user" });
  });

  it("shows a holder his own, and which one he holds; not those of his name that somebody else opened", async () => {
    const client = await edge.client({ role: "trader" });
    const mine = await edge.minted({ sub: "u" }, client);
    edge.nowMs += 1_000;
    const also = await edge.minted({ sub: "u" }, client);
    await trader("u");
    await edge.minted({ sub: "v" }, client);
    const { data } = await list(bearer(mine.access));
    expect(idsIn(data)).toEqual([also.sessionId, mine.sessionId]);
    expect(data).toMatchObject([{ current: false }, { current: true, sub: "u", client_id: client.id, role: "trader" }]);
  });

  it("shows an operator everybody's, by operator's key or token, and only those that live", async () => {
    const [one, two, over] = [await trader("u"), await edge.minted({ sub: "u" }, await edge.client({})), await trader("u")];
    await end(over.sessionId, operatorKey);
    const operator = bearer(await signToken({ sub: "o", role: "operator" }));
    for (const headers of [operatorKey, operator]) {
      expect(idsIn((await list(headers, "?sub=u")).data).toSorted()).toEqual([one.sessionId, two.sessionId].toSorted());
    }
  });

  it("of a token that another issuer signed is empty, whatever name it bears", async () => {
    const { sessionId } = await trader("u");
    for (const claims of [{ sub: "u" }, { sub: "u", sid: "elsewhere" }]) {
      expect((await list(bearer(await signToken({ role: "trader", ...claims })))).data).toEqual([]);
    }
    expect(sessionId).toMatch(/^[\w-]{22}$/);
  });
});

describe("a session is ended", () => {
  it("by nobody else: for another holder it is not there", async () => {
    const client = await edge.client({ role: "trader" });
    const [mine, sameName, foreign] = [
      await trader("u"),
      await edge.minted({ sub: "u" }, client),
      await signToken({ sub: "u", role: "trader" }),
    ];
    for (const token of [sameName.access, foreign, (await trader("v")).access]) {
      expect((await end(mine.sessionId, bearer(token))).status).toBe(404);
    }
    expect([(await end(mine.sessionId, {})).status, (await end("no-session", operatorKey)).status]).toEqual([401, 404]);
    expect(await edge.isActive(mine.access)).toBe(true);
  });

  it.each<[string, (issued: Issued) => Promise<{ status: number; data: Record<string, unknown> }>]>([
    ["its holder, by name", ({ sessionId, access }) => end(sessionId, bearer(access))],
    ["its holder, who names nothing", ({ access }) => edge.ask("/security/revoke", { headers: bearer(access) })],
    ["its holder, with an empty body", ({ access }) => edge.ask("/security/revoke", { headers: bearer(access), body: {} })],
    [
      "its holder, by its id",
      ({ sessionId, access }) => edge.ask("/security/revoke", { headers: bearer(access), body: { session_id: sessionId } }),
    ],
    ["whoever holds its refresh token", ({ refresh }) => edge.ask("/security/revoke", { body: { refresh_token: refresh } })],
    [
      "whoever holds its refresh token, beside an access token that does not hold any more",
      ({ refresh }) => edge.ask("/security/revoke", { headers: bearer("x"), body: { refresh_token: refresh } }),
    ],
    ["an operator", ({ sessionId }) => end(sessionId, operatorKey)],
    [
      "an operator, by revoking it",
      ({ sessionId }) => edge.ask("/security/revoke", { headers: operatorKey, body: { session_id: sessionId } }),
    ],
  ])("by %s: its tokens, its refresh and its sockets", async (_, act) => {
    const [issued, other] = [await trader("u"), await trader("u")];
    const { status, data } = await act(issued);
    expect([status, data]).toEqual([200, { session_id: issued.sessionId, ended: true, sockets_closed: 1, relays_unreached: [] }]);
    expect([await edge.isActive(issued.access), (await edge.refresh(issued.refresh)).error?.details]).toEqual([
      false,
      { reason: "revoked" },
    ]);
    expect([await edge.isActive(other.access), edge.told.map(({ value }) => value)]).toEqual([true, [issued.sessionId]]);
    expect((await audited()).filter(({ action }) => action === "session.ended")).toMatchObject([{ subject: issued.sessionId }]);
  });

  it("twice as once", async () => {
    const { sessionId } = await trader("u");
    expect([(await end(sessionId, operatorKey)).data.ended, (await end(sessionId, operatorKey)).data.ended]).toEqual([true, false]);
    expect((await audited()).filter(({ action }) => action === "session.ended")).toHaveLength(1);
  });

  it("by an edge that was not told, within seconds", async () => {
    const { access, sessionId } = await trader("u");
    const elsewhere = new TokenEdge();
    expect(await elsewhere.isActive(access)).toBe(true);
    await end(sessionId, operatorKey);
    elsewhere.nowMs += 3_000;
    expect(await elsewhere.isActive(access)).toBe(false);
  });

  it("not at all while D1 is down: 503, and it goes on", async () => {
    const { access, refresh } = await trader("u");
    setFaults({
      d1: (_, method) => {
        if (method === "batch") throw new Error("D1 is down");
      },
    });
    const down = new TokenEdge({}, faultyEnv(env));
    expect((await down.ask("/security/revoke", { headers: bearer(access) })).status).toBe(503);
    setFaults({});
    expect([await edge.isActive(access), (await edge.refresh(refresh)).status]).toEqual([true, 200]);
  });
});

describe("a holder", () => {
  it.each([
    [403, { sub: "u" }],
    [403, { jti: "x" }],
    [404, { session_id: "AAAAAAAAAAAAAAAAAAAAAA" }],
    [400, { session_id: "x" }],
    [400, { session_id: "AAAAAAAAAAAAAAAAAAAAAA", sub: "u" }],
    [401, { refresh_token: "rt1.x" }],
  ])("is answered %i to a revocation of %j", async (status, body) => {
    const { access } = await trader("u");
    expect((await edge.ask("/security/revoke", { headers: bearer(access), body })).status).toBe(status);
    expect(await edge.isActive(access)).toBe(true);
  });

  it("whose token is another issuer's has no session to end", async () => {
    expect((await edge.ask("/security/revoke", { headers: bearer(await signToken({ sub: "u", role: "trader" })) })).status).toBe(403);
  });
});

describe("a token that is looked at", () => {
  const verify = (body: unknown, headers: Record<string, string> = {}) => edge.ask("/security/verify", { body, headers });

  it.each<[number, unknown, string | undefined]>([
    [400, {}, "token"],
    [400, { token: "" }, "token"],
    [400, { token: 7 }, "token"],
    [400, { token: "x", key: "y" }, ""],
    [413, { token: "x".repeat(9_001) }, undefined],
  ])("is answered %i for a bad body (%#)", async (status, body, parameter) => {
    const answer = await verify(body);
    expect([answer.status, answer.error?.details?.parameter]).toEqual([status, parameter]);
  });

  it.each<[string, () => Promise<string>, string]>([
    ["is none", async () => "x", "invalid"],
    ["is the JWT secret", async () => env.JWT_SECRET, "invalid"],
    ["is the operators' key", async () => env.OPS_API_KEY, "invalid"],
    ["is not signed", async () => "eyJhbGciOiJub25lIn0.e30.", "invalid"],
    ["ran out", () => signToken({ sub: "u" }, Date.now(), -10), "expired"],
    ["is a refresh token", async () => (await trader("u")).refresh, "invalid"],
  ])("and %s is not active, and says why", async (_, make, reason) => {
    const answer = await verify({ token: await make() });
    expect([answer.status, answer.data]).toEqual([200, { active: false, reason }]);
  });

  it("and was revoked says so", async () => {
    const { access } = await trader("u");
    await edge.ask("/security/revoke", { headers: bearer(access) });
    expect((await verify({ token: access })).data).toEqual({ active: false, reason: "revoked" });
  });

  it("and holds tells what it says, until when, and of which session it is", async () => {
    const { access, sessionId } = await trader("u");
    const { data } = await verify({ token: access });
    expect(data).toMatchObject({ active: true, claims: { sub: "u", role: "trader", sid: sessionId }, session: { client_id: "operator" } });
    expect(Date.parse(String(data.expires_at))).toBe((data.claims as { exp: number }).exp * 1_000);
    expect((await edge.ask("/security/verify", { headers: bearer(access) })).data).toEqual(data);
    for (const sid of [undefined, "s".repeat(256)]) {
      const foreign = (await verify({ token: await signToken({ sub: "u", role: "trader", sid }) })).data;
      expect([foreign.active, foreign.session]).toEqual([true, undefined]);
    }
  });

  it("holds without its session's copy, and without D1: both are for showing", async () => {
    const { access, sessionId } = await trader("u");
    await env.SESSIONS.delete(`session:v1:${sessionId}`);
    expect((await verify({ token: access })).data).toMatchObject({ session: { client_id: "operator" } });
    expect(await env.SESSIONS.get(`session:v1:${sessionId}`)).toContain("operator");
    await env.SESSIONS.delete(`session:v1:${sessionId}`);
    setFaults({
      d1: () => {
        throw new Error("D1 is down");
      },
    });
    const { data } = await new TokenEdge({}, faultyEnv(env)).ask("/security/verify", { body: { token: access } });
    expect([data.active, data.session]).toEqual([true, undefined]);
  });

  it("that KV still shows, of a session that is over, is not active: the copy decides nothing", async () => {
    const { access, sessionId, refresh } = await trader("u");
    await end(sessionId, operatorKey);
    await env.SESSIONS.put(`session:v1:${sessionId}`, JSON.stringify({ clientId: "operator", createdMs: 0, expiresMs: 9e15 }));
    expect([(await verify({ token: access })).data.active, (await edge.refresh(refresh)).status]).toEqual([false, 401]);
  });
});
