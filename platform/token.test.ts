import { SignJWT, UnsecuredJWT, exportJWK, exportSPKI, generateKeyPair, type GenerateKeyPairResult, type JWK } from "jose";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { OwnKeys, PublicJwk } from "./own-keys.ts";
import { isStrict, verifyToken, type TokenRules } from "./token.ts";

const rules = { secret: "a-secret-of-at-least-32-characters!!", issuer: "arbitragex-edge", audience: "arbitragex-edge" };
const nowMs = Date.parse("2026-11-24T02:00:00Z");
const key = new TextEncoder().encode(rules.secret);

function draft(claims: Record<string, unknown> = {}, alg = "HS256", kid?: string): SignJWT {
  return new SignJWT({ sub: "u1", role: "TRADER", ...claims })
    .setProtectedHeader({ alg, ...(kid === undefined ? {} : { kid }) })
    .setIssuer(rules.issuer)
    .setAudience(rules.audience)
    .setExpirationTime(nowMs / 1_000 + 60);
}

async function reasonOf(token: string, by: TokenRules = rules): Promise<string> {
  const verified = await verifyToken(token, by, nowMs);
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

it("refuses a forgery that comes again, by the secret that did not sign it and by no other", async () => {
  const other = { ...rules, secret: "another-secret-of-at-least-32-chars!" };
  const token = await draft().sign(new TextEncoder().encode(other.secret));
  for (let time = 0; time < 3; time += 1) expect(await reasonOf(token)).toBe("invalid");
  expect(await reasonOf(token, other)).toBe("ok");
  expect(await reasonOf(token, { ...rules, previousSecret: other.secret })).toBe("ok");
  expect(await reasonOf(token)).toBe("invalid");
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

it.each([
  ["arbitragex-pro", { userId: "u3", email: "a@b.c", tenantId: "t", role: "admin" }, { sub: "u3", role: "admin" }],
  [
    "arbitragex-supreme",
    { userId: "u4", tenantId: "t", email: "a@b.c", role: "TRADER", permissions: ["execute"] },
    { sub: "u4", role: "TRADER" },
  ],
  [
    "arbitragex-edge",
    { sub: "u5", userId: "other", role: "viewer", permissions: ["admin"], jti: "j1" },
    { sub: "u5", role: "viewer", jti: "j1" },
  ],
])("reads the claims of the issuer %s when it is one of ours", async (issuer, claims, expected) => {
  const several = {
    ...rules,
    issuer: [rules.issuer, "arbitragex-pro", "arbitragex-supreme"],
    audience: [rules.audience, "arbitragex-api"],
  };
  const token = await new SignJWT(claims)
    .setProtectedHeader({ alg: "HS256" })
    .setIssuer(issuer)
    .setAudience("arbitragex-api")
    .setIssuedAt(nowMs / 1_000)
    .setExpirationTime(nowMs / 1_000 + 60)
    .sign(key);
  const read = await verifyToken(token, several, nowMs);
  expect(read).toMatchObject({ ok: true, claims: { ...expected, channels: undefined, iat: nowMs / 1_000 } });
  expect(await reasonOf(token)).toBe("invalid");
});

describe("base64url", () => {
  it.each([
    ["padding", (token: string) => `${token}=`],
    ["padding inside", (token: string) => token.replace(".", "=.")],
    ["a space at the end", (token: string) => `${token} `],
    ["a line break", (token: string) => token.replace(".", "\n.")],
    ["a space inside", (token: string) => `${token.slice(0, 20)} ${token.slice(20)}`],
    ["a fourth part", (token: string) => `${token}.`],
    ["no signature", (token: string) => token.replace(/[^.]+$/, "")],
    ["more than it may have", (token: string) => token.replace(".", `.${"A".repeat(8_192)}`)],
  ])("with %s is refused", async (_, spoil) => {
    expect(await reasonOf(spoil(await draft().sign(key)))).toBe("invalid");
  });

  it("has one spelling of a token: + and / and stray last bits are refused, though a decoder takes them for the same", async () => {
    let token = "";
    // A signature is chance: one with `-` or `_` comes soon.
    for (let n = 0; !/[-_][^.]*$/.test(token); n += 1) token = await draft({ n }).sign(key);
    expect(await reasonOf(token)).toBe("ok");
    const [head = "", body = "", signature = ""] = token.split(".");
    expect(await reasonOf(`${head}.${body}.${signature.replaceAll("-", "+").replaceAll("_", "/")}`)).toBe("invalid");
    // 32 bytes are 43 characters, the last of which has two bits to spare.
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const stray = alphabet[alphabet.indexOf(signature.at(-1) ?? "") + 1] ?? "";
    const twin = `${head}.${body}.${signature.slice(0, -1)}${stray}`;
    expect([isStrict(twin), await reasonOf(twin)]).toEqual([false, "invalid"]);
  });
});

describe("published keys", () => {
  const algorithms = ["RS256", "ES256", "EdDSA"] as const;
  const pairs = new Map<string, GenerateKeyPairResult>();
  let published: JWK[] = [];
  let serial = 0;

  beforeAll(async () => {
    for (const alg of algorithms) pairs.set(alg, await generateKeyPair(alg, { extractable: true }));
    published = await Promise.all(algorithms.map(async (alg) => ({ ...(await exportJWK(pairOf(alg).publicKey)), kid: alg, alg })));
  });
  afterEach(() => vi.restoreAllMocks());

  function pairOf(alg: string): GenerateKeyPairResult {
    const pair = pairs.get(alg);
    if (pair === undefined) throw new Error(alg);
    return pair;
  }

  function publish(keys: readonly object[]): TokenRules {
    serial += 1;
    vi.spyOn(globalThis, "fetch").mockImplementation(async () => Response.json({ keys }));
    return { ...rules, jwksUrl: `https://issuer.test/${serial}` };
  }

  const sign = (alg: string, kid = alg): Promise<string> => draft({}, alg, kid).sign(pairOf(alg).privateKey);

  it("are not asked for a token that names none of their algorithms", async () => {
    const by = publish(published);
    expect(await reasonOf(await draft().sign(key), by)).toBe("ok");
    expect(await reasonOf(await draft({}, "HS512").sign(key), by)).toBe("invalid");
    expect(await reasonOf("eyJhbGciOiJub25lIn0.e30.", by)).toBe("invalid");
    expect(fetch).not.toHaveBeenCalled();
  });

  it.each(algorithms)("verify %s", async (alg) => {
    expect(await reasonOf(await sign(alg), publish(published))).toBe("ok");
    expect(await reasonOf(await sign(alg))).toBe("invalid");
  });

  it("do not verify what another key of the same kind signed", async () => {
    const by = publish(published);
    for (const alg of algorithms) {
      const { privateKey } = await generateKeyPair(alg);
      expect(await reasonOf(await draft({}, alg, alg).sign(privateKey), by)).toBe("invalid");
    }
  });

  it("are never taken for a shared secret: key confusion", async () => {
    const by = publish(published);
    const texts = [await exportSPKI(pairOf("RS256").publicKey), JSON.stringify(published[0]), published[0]?.n ?? ""];
    for (const text of texts) {
      const forged = draft({}, "HS256", "RS256").sign(new TextEncoder().encode(text));
      expect(await reasonOf(await forged, by)).toBe("invalid");
    }
  });

  it("are pinned to their algorithm, and symmetric or private ones do not count", async () => {
    const [rsa] = published;
    const { privateKey } = pairOf("ES256");
    const by = publish([
      { ...rsa, alg: "RS512" },
      { ...(await exportJWK(privateKey)), kid: "ES256", alg: "ES256" },
      { kty: "oct", k: btoa(rules.secret), kid: "HS256", alg: "HS256" },
    ]);
    expect(await reasonOf(await sign("RS256"), by)).toBe("invalid");
    expect(await reasonOf(await sign("ES256"), by)).toBe("invalid");
  });
});

describe("the secret before", () => {
  const previousSecret = "the-secret-before-of-at-least-32-characters";
  const signBefore = (claims: Record<string, unknown> = {}): Promise<string> =>
    draft(claims).sign(new TextEncoder().encode(previousSecret));
  const both: TokenRules = { ...rules, previousSecret };

  it("verifies what it signed for as long as it is named, and no longer", async () => {
    expect([await reasonOf(await signBefore(), both), await reasonOf(await signBefore())]).toEqual(["ok", "invalid"]);
    expect(await reasonOf(await draft().sign(key), both)).toBe("ok");
  });

  it("excuses nothing: an expired token is expired, a third secret and the secrets themselves are no tokens", async () => {
    const late = await draft()
      .setExpirationTime(nowMs / 1_000 - 1)
      .sign(new TextEncoder().encode(previousSecret));
    expect(await reasonOf(late, both)).toBe("expired");
    expect(await reasonOf(await draft().sign(new TextEncoder().encode("a-third-secret-of-at-least-32-characters")), both)).toBe("invalid");
    for (const secret of [rules.secret, previousSecret]) expect(await reasonOf(secret, both)).toBe("invalid");
  });
});

describe("our own key pairs", () => {
  const kid = "edge.0123456789abcdef";
  let pair: GenerateKeyPairResult;
  let jwk: JWK;
  let own: TokenRules;

  beforeAll(async () => {
    pair = await generateKeyPair("ES256", { extractable: true });
    jwk = await exportJWK(pair.publicKey);
    const { kty, crv, x, y } = jwk;
    own = { ...rules, ownKeys: new OwnKeys(async () => [{ kid, jwk: PublicJwk.parse({ kty, crv, x, y }), untilMs: nowMs + 60_000 }]) };
  });
  afterEach(() => vi.restoreAllMocks());

  it("verify what they signed without asking anybody", async () => {
    vi.spyOn(globalThis, "fetch");
    const token = await draft({}, "ES256", kid).sign(pair.privateKey);
    expect(await reasonOf(token, { ...own, jwksUrl: "https://issuer.test/own" })).toBe("ok");
    expect(await reasonOf(token)).toBe("invalid");
    expect(fetch).not.toHaveBeenCalled();
  });

  it.each([
    ["no name", undefined],
    ["an empty name", ""],
    ["an unknown name", "edge.ffffffffffffffff"],
    ["a path", "edge.0123456789abcdef/../../jwks"],
    ["a path to the key", "../edge.0123456789abcdef"],
    ["an address", "https://attacker.test/jwks.json"],
    ["SQL", "edge.' OR '1'='1"],
    ["a prototype's name", "edge.__proto__"],
    ["another case", "EDGE.0123456789abcdef"],
    ["white space", " edge.0123456789abcdef"],
  ])("do not verify a token of theirs with %s for its key", async (_, name) => {
    expect(await reasonOf(await draft({}, "ES256", name).sign(pair.privateKey), own)).toBe("invalid");
  });

  it("do not fall back: an unknown name of ours is looked for nowhere else, with an issuer's keys at hand", async () => {
    const stray = "edge.ffffffffffffffff";
    vi.spyOn(globalThis, "fetch").mockImplementation(async () => Response.json({ keys: [{ ...jwk, kid: stray, alg: "ES256" }] }));
    const token = await draft({}, "ES256", stray).sign(pair.privateKey);
    expect(await reasonOf(token, { ...own, jwksUrl: "https://issuer.test/stray" })).toBe("invalid");
    expect(fetch).not.toHaveBeenCalled();
  });

  it("are for their algorithm alone: a name of ours beside HS256 is refused, whatever signed it", async () => {
    const texts = [rules.secret, await exportSPKI(pair.publicKey), JSON.stringify(jwk), jwk.x ?? "", kid];
    for (const text of texts) {
      expect(await reasonOf(await draft({}, "HS256", kid).sign(new TextEncoder().encode(text)), own)).toBe("invalid");
    }
    const { privateKey } = await generateKeyPair("EdDSA");
    expect(await reasonOf(await draft({}, "EdDSA", kid).sign(privateKey), own)).toBe("invalid");
  });

  it("do not verify what another pair signed under their name, or a key that the token brings along", async () => {
    const other = await generateKeyPair("ES256", { extractable: true });
    expect(await reasonOf(await draft({}, "ES256", kid).sign(other.privateKey), own)).toBe("invalid");
    const bringing = new SignJWT({ sub: "u1" })
      .setProtectedHeader({ alg: "ES256", kid: "x", jwk: await exportJWK(other.publicKey), jku: "https://attacker.test/jwks.json" })
      .setIssuer(rules.issuer)
      .setAudience(rules.audience)
      .setExpirationTime(nowMs / 1_000 + 60);
    expect(await reasonOf(await bringing.sign(other.privateKey), own)).toBe("invalid");
  });

  it("that end verify nothing any more", async () => {
    const token = await draft({}, "ES256", kid)
      .setExpirationTime(nowMs / 1_000 + 3_600)
      .sign(pair.privateKey);
    expect((await verifyToken(token, own, nowMs + 60_000)).ok).toBe(false);
  });
});
