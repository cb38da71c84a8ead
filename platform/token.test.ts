import { SignJWT, UnsecuredJWT, generateKeyPair } from "jose";
import { expect, it } from "vitest";
import { verifyToken } from "./token.ts";

const rules = { secret: "a-secret-of-at-least-32-characters!!", issuer: "arbitragex-edge", audience: "arbitragex-edge" };
const nowMs = Date.parse("2026-11-24T02:00:00Z");
const key = new TextEncoder().encode(rules.secret);

function draft(claims: Record<string, unknown> = {}, alg = "HS256"): SignJWT {
  return new SignJWT({ sub: "u1", role: "TRADER", ...claims })
    .setProtectedHeader({ alg })
    .setIssuer(rules.issuer)
    .setAudience(rules.audience)
    .setExpirationTime(nowMs / 1_000 + 60);
}

async function reasonOf(token: string): Promise<string> {
  const verified = await verifyToken(token, rules, nowMs);
  return verified.ok ? "ok" : verified.reason;
}

it("refuses a token that is not signed", async () => {
  const token = new UnsecuredJWT({ sub: "u1" })
    .setIssuer(rules.issuer)
    .setAudience(rules.audience)
    .setExpirationTime(nowMs / 1_000 + 60)
    .encode();
  expect(await reasonOf(token)).toBe("invalid");
});

it.each(["HS384", "HS512"])("refuses %s even with the right secret: the algorithm is ours to choose", async (alg) => {
  expect(await reasonOf(await draft({}, alg).sign(key))).toBe("invalid");
});

it("refuses a token signed with a key pair", async () => {
  const { privateKey } = await generateKeyPair("ES256");
  expect(await reasonOf(await draft({}, "ES256").sign(privateKey))).toBe("invalid");
});

it("refuses another secret, issuer or audience", async () => {
  expect(await reasonOf(await draft().sign(new TextEncoder().encode("another-secret-of-at-least-32-chars!")))).toBe("invalid");
  expect(await reasonOf(await draft().setIssuer("someone").sign(key))).toBe("invalid");
  expect(await reasonOf(await draft().setAudience("something").sign(key))).toBe("invalid");
});

it("refuses a token without an end", async () => {
  const token = await new SignJWT({ sub: "u1" })
    .setProtectedHeader({ alg: "HS256" })
    .setIssuer(rules.issuer)
    .setAudience(rules.audience)
    .sign(key);
  expect(await reasonOf(token)).toBe("invalid");
});

it("refuses claims of the wrong shape", async () => {
  expect(await reasonOf(await draft({ channels: { market: "subscribe" } }).sign(key))).toBe("invalid");
  expect(await reasonOf(await draft({ role: 7 }).sign(key))).toBe("invalid");
});

it.each(["", "x", "a.b.c", "secret"])("refuses %j, which is no token at all", async (token) => {
  expect(await reasonOf(token)).toBe("invalid");
});

it("tells an expired token from an invalid one", async () => {
  expect(
    await reasonOf(
      await draft()
        .setExpirationTime(nowMs / 1_000 - 1)
        .sign(key),
    ),
  ).toBe("expired");
  expect(
    await reasonOf(
      await draft()
        .setExpirationTime(nowMs / 1_000 + 1)
        .sign(key),
    ),
  ).toBe("ok");
});

it("reads subject, role, channels and end; the subject may be called userId", async () => {
  const channels = { "opportunities:*": ["subscribe", "history"] };
  const token = await draft({ sub: undefined, userId: "u2", channels, tenantId: "t" }).sign(key);
  const claims = { sub: "u2", role: "TRADER", channels, exp: nowMs / 1_000 + 60 };
  expect(await verifyToken(token, rules, nowMs)).toEqual({ ok: true, claims });
});
