/** Verifies a client's JWT: the key decides the algorithm, never the token. HS256 by our secret, ES256 by our own key pairs, RS256, ES256 and
 *  EdDSA by the issuer's published keys; `exp` required, issuer and audience ours. Expired is told apart from invalid, because a client
 *  refreshes the one and must not retry the other. */
import { decodeProtectedHeader, errors, jwtVerify, type CryptoKey, type JWTPayload } from "jose";
import { AppError } from "./errors.ts";
import { readClaims, type Claims } from "./claims.ts";
import { keySetOf } from "./jwks.ts";
import { ownAlgorithm, ownKeyPrefix, type OwnKeys } from "./own-keys.ts";
import { secretOf } from "./secrets.ts";

export type { Claims } from "./claims.ts";

export interface TokenRules {
  readonly secret: string;
  /** Signs nothing any more, and verifies what it signed: a secret is changed without ending anybody's session. */
  readonly previousSecret?: string | undefined;
  readonly issuer: string | readonly string[];
  readonly audience: string | readonly string[];
  /** Where the issuer publishes its keys; without it no keys but ours are taken. */
  readonly jwksUrl?: string | undefined;
  /** Our own key pairs; without them no token of theirs is taken. */
  readonly ownKeys?: Pick<OwnKeys, "find"> | undefined;
}

export type VerifiedToken = { readonly ok: true; readonly claims: Claims } | { readonly ok: false; readonly reason: "expired" | "invalid" };

const publishedAlgorithms = new Set(["RS256", "ES256", "EdDSA"]);
/** Ours take a few hundred bytes; a channel map may take some thousand. */
const tokenCharsMax = 8_192;

/** Throws UPSTREAM_UNAVAILABLE when the issuer's keys can't be had: that is no fault of the token. */
export async function verifyToken(token: string, rules: TokenRules, nowMs: number): Promise<VerifiedToken> {
  try {
    if (!isStrict(token)) return { ok: false, reason: "invalid" };
    const payload = await payloadOf(token, { rules, nowMs });
    const claims = payload === undefined ? undefined : readClaims(payload);
    return claims === undefined ? { ok: false, reason: "invalid" } : { ok: true, claims };
  } catch (error) {
    if (error instanceof AppError) throw error;
    // Anything else the library throws is a fault of the token as well: bad signature, shape, algorithm, issuer, audience.
    return { ok: false, reason: error instanceof errors.JWTExpired ? "expired" : "invalid" };
  }
}

interface Judging {
  readonly rules: TokenRules;
  readonly nowMs: number;
}

/** A token's header only picks between keys that each have their algorithm: our secret is never looked at for a token that names a
 *  published one, nor a public key for HS256. A name of our own keys is looked for among those and nowhere else. */
async function payloadOf(token: string, judging: Judging): Promise<JWTPayload | undefined> {
  const { alg: algorithm = "none", kid, ...header } = decodeProtectedHeader(token);
  if (typeof kid === "string" && kid.startsWith(ownKeyPrefix)) return verified(token, await ownKeyOf(algorithm, kid, judging), judging);
  if (algorithm === "HS256") return payloadBySecret(token, judging);
  const { jwksUrl } = judging.rules;
  if (jwksUrl === undefined || !publishedAlgorithms.has(algorithm)) throw new errors.JOSEAlgNotAllowed(`"${algorithm}" is not taken`);
  const named = kid === undefined ? {} : { kid };
  const key = await keySetOf(jwksUrl).find({ ...header, ...named, alg: algorithm }, judging.nowMs);
  return verified(token, { algorithm, key }, judging);
}

interface Verification {
  readonly algorithm: string;
  readonly key: CryptoKey;
}

async function verified(token: string, { algorithm, key }: Verification, { rules, nowMs }: Judging): Promise<JWTPayload> {
  const options = {
    algorithms: [algorithm],
    issuer: listOf(rules.issuer),
    audience: listOf(rules.audience),
    requiredClaims: ["exp"],
    currentDate: new Date(nowMs),
  };
  return (await jwtVerify(token, key, options)).payload;
}

/** Undefined: none of our secrets signed it, which a guess that comes again must learn as cheaply as it can. */
async function payloadBySecret(token: string, judging: Judging): Promise<JWTPayload | undefined> {
  const { secret, previousSecret } = judging.rules;
  for (const text of previousSecret === undefined ? [secret] : [secret, previousSecret]) {
    const { key, forged } = secretOf(text);
    if (forged.find(token) !== undefined) continue;
    try {
      return await verified(token, { algorithm: "HS256", key: await key }, judging);
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
      forged.put(token, true);
    }
  }
  return undefined;
}

async function ownKeyOf(algorithm: string, kid: string, { rules, nowMs }: Judging): Promise<Verification> {
  if (algorithm !== ownAlgorithm) throw new errors.JOSEAlgNotAllowed(`our keys are for ${ownAlgorithm}`);
  const key = await rules.ownKeys?.find(kid, nowMs);
  if (key === undefined) throw new errors.JWKSNoMatchingKey();
  return { algorithm, key };
}

function listOf(names: string | readonly string[]): string[] {
  return typeof names === "string" ? [names] : [...names];
}

/** Base64url as RFC 7515 has it: no padding, no whitespace, no `+` and `/`, and no stray bits in a last character. A decoder that
 *  overlooks them would take many texts for one token. */
const base64url = /^(?:[\w-]{4})*(?:[\w-][AQgw]|[\w-]{2}[AEIMQUYcgkosw048])?$/;

export function isStrict(token: string): boolean {
  const parts = token.split(".");
  return token.length <= tokenCharsMax && parts.length === 3 && parts.every((part) => part !== "" && base64url.test(part));
}
