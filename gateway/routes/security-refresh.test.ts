import { env } from "cloudflare:workers";
import { decodeJwt } from "jose";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { refreshGraceMs } from "../../schemas/token-limits.ts";
import { setFaults } from "../../tests/support/faults.ts";
import { faultyEnv } from "../../tests/support/faulty-env.ts";
import { audited, emptySessionsDatabase, operatorKey, rowCount, TokenEdge } from "../../tests/support/tokens.ts";

let edge: TokenEdge;

beforeEach(async () => {
  edge = new TokenEdge();
  await emptySessionsDatabase();
});
afterEach(() => setFaults({}));

const actions = async (): Promise<unknown[]> => (await audited()).map(({ action }) => action);

describe("a refresh is refused", () => {
  it.each<[number, unknown, unknown]>([
    [400, {}, { parameter: "refresh_token" }],
    [400, { refresh_token: "x".repeat(257) }, { parameter: "refresh_token" }],
    [400, { refresh_token: "x", more: 1 }, { parameter: "" }],
    [401, { refresh_token: "x" }, { reason: "invalid" }],
    [401, { refresh_token: `rt1.${"A".repeat(22)}.0.${"A".repeat(43)}` }, { reason: "invalid" }],
    [413, { refresh_token: "x".repeat(9_000) }, undefined],
  ])("with %i for what is no refresh token (%#), and asks D1 nothing", async (status, body, details) => {
    setFaults({
      d1: () => {
        throw new Error("D1 was asked");
      },
    });
    const answer = await new TokenEdge({}, faultyEnv(env)).ask("/security/refresh", { body });
    expect([answer.status, answer.error?.details]).toEqual([status, details]);
  });

  it("from a body of another type", async () => {
    const { refresh } = await edge.minted();
    const answer = await edge.ask("/security/refresh", { body: { refresh_token: refresh }, headers: { "content-type": "text/plain" } });
    expect([answer.status, (await edge.refresh(refresh)).status]).toEqual([415, 200]);
  });

  it("for an access token", async () => {
    expect((await edge.refresh((await edge.minted()).access)).status).toBe(400);
  });

  it("once the session has run out, after a day", async () => {
    const { refresh } = await edge.minted();
    edge.nowMs += 24 * 3_600_000 - 1_000;
    const last = await edge.refreshed(refresh);
    // A token does not outlive its session.
    const [inSession, { exp = 0 }] = [edge.nowMs + 1_000, decodeJwt(last.access)];
    expect(exp * 1_000).toBeLessThanOrEqual(inSession);
    edge.nowMs += 1_000;
    const answer = await edge.refresh(last.refresh);
    expect([answer.status, answer.error?.details]).toEqual([401, { reason: "expired" }]);
  });

  it("for a session whose number was never given out: a database that was set back accuses nobody", async () => {
    const first = await edge.minted();
    const second = await edge.refreshed(first.refresh);
    await env.SESSIONS_DB.prepare("UPDATE sessions SET generation = 0").run();
    expect((await edge.refresh(second.refresh)).error?.details).toEqual({ reason: "unknown" });
    expect([await edge.isActive(first.access), edge.told]).toEqual([true, []]);
  });

  it("while D1 is down: 503, nothing half done, and the same token refreshes afterwards", async () => {
    const { refresh } = await edge.minted();
    setFaults({
      d1: () => {
        throw new Error("D1 is down");
      },
    });
    const answer = await new TokenEdge({}, faultyEnv(env)).refresh(refresh);
    expect([answer.status, answer.error?.code]).toEqual([503, "UPSTREAM_UNAVAILABLE"]);
    setFaults({});
    expect((await edge.refresh(refresh)).status).toBe(200);
    expect(await actions()).toEqual(["token.minted", "token.refreshed"]);
  });

  it("when its entry in the audit log cannot be written: the session stays where it was", async () => {
    const { refresh } = await edge.minted();
    await env.SESSIONS_DB.prepare("ALTER TABLE audit RENAME TO audit_away").run();
    const refused = await edge.refresh(refresh);
    await env.SESSIONS_DB.prepare("ALTER TABLE audit_away RENAME TO audit").run();
    expect(refused.status).toBe(503);
    expect(await env.SESSIONS_DB.prepare("SELECT generation FROM sessions").first("generation")).toBe(0);
  });
});

it("a refresh gives the next pair of the same session, with the same rights", async () => {
  const body = { sub: "u", role: "viewer", channels: { market: ["subscribe"] }, ttl_seconds: 300 };
  const first = await edge.minted(body);
  edge.nowMs += 200_000;
  const answer = await edge.refresh(first.refresh);
  const iat = Math.floor(edge.nowMs / 1_000);
  expect([answer.status, answer.headers.get("cache-control"), answer.data.session_id]).toEqual([200, "no-store", first.sessionId]);
  expect(decodeJwt(String(answer.data.access_token))).toMatchObject({
    sub: "u",
    role: "viewer",
    channels: body.channels,
    iat,
    exp: iat + 300,
  });
  expect(answer.data.refresh_token).not.toBe(first.refresh);
  expect(decodeJwt(String(answer.data.access_token)).jti).not.toBe(decodeJwt(first.access).jti);
});

it("many who show the same token at once get one and the same successor, and the session turns once", async () => {
  const { refresh } = await edge.minted();
  const answers = await Promise.all(Array.from({ length: 20 }, () => edge.refresh(refresh)));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  expect(new Set(answers.map(({ data }) => data.refresh_token)).size).toBe(1);
  expect(await env.SESSIONS_DB.prepare("SELECT generation FROM sessions").first("generation")).toBe(1);
  expect(await actions()).toEqual(["token.minted", "token.refreshed"]);
});

it("an answer that was lost is given again within the grace, the same, also by an edge whose secret was changed meanwhile", async () => {
  const first = await edge.minted();
  const second = await edge.refreshed(first.refresh);
  edge.nowMs += refreshGraceMs;
  expect((await edge.refreshed(first.refresh)).refresh).toBe(second.refresh);
  const changed = new TokenEdge({ JWT_SECRET: "a-newer-secret-of-at-least-32-characters", JWT_SECRET_PREVIOUS: env.JWT_SECRET });
  changed.nowMs = edge.nowMs;
  const again = await changed.refreshed(first.refresh);
  expect((await changed.refresh(again.refresh)).status).toBe(200);
  expect(edge.told).toEqual([]);
});

describe("a token that was used before", () => {
  async function steal(): Promise<{ first: string; third: { access: string; refresh: string; sessionId: string } }> {
    const first = await edge.minted({ sub: "u", role: "trader" });
    const second = await edge.refreshed(first.refresh);
    return { first: first.refresh, third: await edge.refreshed(second.refresh) };
  }

  it("ends the whole session at once: its newest tokens, its refresh, and the relays are told", async () => {
    const { first, third } = await steal();
    expect(await edge.isActive(third.access)).toBe(true);
    const answer = await edge.refresh(first);
    expect([answer.status, answer.error?.details]).toEqual([401, { reason: "reused" }]);
    expect([await edge.isActive(third.access), (await edge.refresh(third.refresh)).error?.details]).toEqual([false, { reason: "revoked" }]);
    expect(edge.told).toMatchObject([{ kind: "sid", value: third.sessionId }]);
    expect((await audited()).at(-1)).toMatchObject({ action: "token.reused", subject: third.sessionId });
  });

  it("is found out after the grace even when it is the last one, and told once however often it comes", async () => {
    const first = await edge.minted();
    await edge.refreshed(first.refresh);
    edge.nowMs += refreshGraceMs + 1;
    const answers = await Promise.all(Array.from({ length: 5 }, () => edge.refresh(first.refresh)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]));
    expect((await actions()).filter((action) => action === "token.reused")).toHaveLength(1);
    expect(await rowCount("revocations")).toBe(1);
  });

  it("does not end another session of the same user", async () => {
    const other = await edge.minted({ sub: "u", role: "trader" });
    await edge.refresh((await steal()).first);
    expect([await edge.isActive(other.access), (await edge.refresh(other.refresh)).status]).toEqual([true, 200]);
  });

  it("is not forgotten when D1 fails in between: the next try ends the session", async () => {
    const { first, third } = await steal();
    let batches = 0;
    setFaults({
      d1: (_, method) => {
        // The rotation that fails to find its number passes; the end of the session does not.
        if (method === "batch" && (batches += 1) === 2) throw new Error("D1 is down");
      },
    });
    const faulty = new TokenEdge({}, faultyEnv(env));
    expect((await faulty.refresh(first)).status).toBe(503);
    setFaults({});
    expect((await edge.refresh(first)).error?.details).toEqual({ reason: "reused" });
    expect(await edge.isActive(third.access)).toBe(false);
  });
});

describe("who ended it", () => {
  it("an operator, by the user's name: what could be refreshed ends too, and a new login holds", async () => {
    const before = await edge.minted({ sub: "u", role: "trader" });
    const revoked = await edge.ask("/security/revoke", { headers: operatorKey, body: { sub: "u" } });
    expect([revoked.status, (await edge.refresh(before.refresh)).error?.details]).toEqual([200, { reason: "revoked" }]);
    edge.nowMs += 2_000;
    expect(await edge.isActive((await edge.minted({ sub: "u", role: "trader" })).access)).toBe(true);
  });

  it("an operator who took the client away that minted it", async () => {
    const client = await edge.client({ role: "trader" });
    const { access, refresh } = await edge.minted({}, client);
    const other = await edge.minted();
    const deleted = await edge.ask(`/ops/clients/${client.id}`, { method: "DELETE", headers: operatorKey });
    expect(deleted).toMatchObject({ status: 200, data: { client_id: client.id, sessions_ended: 1, sessions_revoked: 1 } });
    expect([(await edge.mint({}, client)).status, (await edge.refresh(refresh)).error?.details]).toEqual([401, { reason: "revoked" }]);
    edge.nowMs += 3_000;
    expect([await edge.isActive(access), await edge.isActive(other.access)]).toEqual([false, true]);
    expect((await edge.ask(`/ops/clients/${client.id}`, { method: "DELETE", headers: operatorKey })).status).toBe(404);
  });
});
