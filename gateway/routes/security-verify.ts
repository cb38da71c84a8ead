/** POST /security/verify: whether a token holds, what it says and until when. Having the token is all it takes: whoever has it could as well
 *  try it. */
import { z } from "zod";
import { configOf } from "../../platform/config.ts";
import { AppError } from "../../platform/errors.ts";
import { verifyToken, type Claims } from "../../platform/token.ts";
import { isSessionId } from "../../schemas/sessions.ts";
import type { CachedSession } from "../../stores/session-cache.ts";
import { success } from "../http/envelope.ts";
import { readTypedJson } from "../http/typed-body.ts";
import { revocationsOf } from "../security/revocations.ts";
import { describeSession } from "../security/sessions.ts";
import { ownKeysOf } from "../security/signing-keys.ts";
import { noStore, sessionDeps, type SecurityContext, type SecurityDeps } from "./security-deps.ts";

/** A token of the most that is taken, and the JSON around it. */
const bodyBytesMax = 9_000;

export const VerifyBody = z.strictObject({ token: z.string().min(1, "is empty").optional() });

export async function answerVerify(c: SecurityContext, deps: SecurityDeps): Promise<Response> {
  const nowMs = deps.clock();
  const { token = bearerOf(c) } = await readTypedJson(c.req.raw, VerifyBody, bodyBytesMax);
  if (token === undefined) throw new AppError("INVALID_PARAMETERS", "token: is needed", { details: { parameter: "token" } });
  const verified = await verifyToken(token, { ...configOf(c.env).jwt, ownKeys: ownKeysOf(c.env) }, nowMs);
  if (!verified.ok) return c.json(success({ active: false, reason: verified.reason }), 200, noStore);
  const { claims } = verified;
  if (await revocationsOf(c.env).covers(claims, nowMs)) return c.json(success({ active: false, reason: "revoked" }), 200, noStore);
  // Other issuers name sessions too, their own.
  const sid = claims.sid !== undefined && isSessionId(claims.sid) ? claims.sid : undefined;
  const session = sid === undefined ? undefined : await describeSession(sid, sessionDeps(c, deps, { nowMs, actor: "holder" }));
  return c.json(success(active(claims, session)), 200, noStore);
}

function bearerOf(c: SecurityContext): string | undefined {
  return /^Bearer +(\S+)$/i.exec(c.req.header("authorization") ?? "")?.[1];
}

function active(claims: Claims, session: CachedSession | undefined): Record<string, unknown> {
  return {
    active: true,
    claims,
    expires_at: new Date(claims.exp * 1_000).toISOString(),
    session:
      session === undefined
        ? undefined
        : {
            client_id: session.clientId,
            created_at: new Date(session.createdMs).toISOString(),
            expires_at: new Date(session.expiresMs).toISOString(),
          },
  };
}
