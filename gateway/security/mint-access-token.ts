/** Signs a session's access tokens, by JWT_SECRET or by our own key pair as TOKEN_ALG says, for whoever verifies by platform/token.ts. */
import { SignJWT } from "jose";
import { configOf } from "../../platform/config.ts";
import { ownAlgorithm } from "../../platform/own-keys.ts";
import type { Session } from "../../schemas/sessions.ts";
import { ask } from "../http/ask.ts";
import { signingKeyOf } from "./signing-keys.ts";

export interface AccessToken {
  readonly token: string;
  readonly expiresMs: number;
}

/** Signs one token. */
export type Sign = (session: Session, nowMs: number) => Promise<AccessToken>;

/** Everything that can fail is asked for here, before a session is made or rotated: what signs afterwards only computes. */
export async function prepareSigning(env: Env, nowMs: number): Promise<Sign> {
  const { jwt, tokenAlgorithm } = configOf(env);
  const asksKeys = tokenAlgorithm === ownAlgorithm;
  const own = asksKeys ? await ask(signingKeyOf(env, nowMs), { what: "our signing keys" }) : undefined;
  const key = own?.key ?? new TextEncoder().encode(jwt.secret);
  const header = own === undefined ? { alg: "HS256", typ: "JWT" } : { alg: ownAlgorithm, typ: "JWT", kid: own.kid };
  return async (session, atMs) => {
    const { sub, exp, ...claims } = claimsOf(session, atMs);
    const draft = new SignJWT({ ...claims }).setProtectedHeader(header).setSubject(sub).setExpirationTime(exp).setJti(crypto.randomUUID());
    const [issuer, audience] = [firstOf(jwt.issuer), firstOf(jwt.audience)];
    return { token: await draft.setIssuer(issuer).setAudience(audience).sign(key), expiresMs: exp * 1_000 };
  };
}

/** Whole seconds, the end rounded down: a token does not outlive its session. */
function claimsOf({ sessionId, userId, role, channels, lifetimeSeconds, expiresMs }: Session, nowMs: number) {
  const iat = Math.floor(nowMs / 1_000);
  const exp = Math.min(iat + lifetimeSeconds, Math.floor(expiresMs / 1_000));
  return {
    sub: userId,
    ...(role === undefined ? {} : { role }),
    ...(channels === undefined ? {} : { channels }),
    sid: sessionId,
    iat,
    exp,
  };
}

function firstOf(names: string | readonly string[]): string {
  return typeof names === "string" ? names : (names[0] ?? "");
}
