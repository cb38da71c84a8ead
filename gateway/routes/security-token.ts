/** POST /security/token: an API key becomes a session with an access token and a refresh token. POST /security/refresh: a refresh token becomes
 *  the next pair of its session. */
import { base64url } from "jose";
import { z } from "zod";
import { configOf } from "../../platform/config.ts";
import { ChannelMap, LifetimeSeconds, RoleName, Subject } from "../../schemas/sessions.ts";
import { success } from "../http/envelope.ts";
import { readTypedJson } from "../http/typed-body.ts";
import { minterOf } from "../security/api-clients.ts";
import { draftSession, minterName } from "../security/mint.ts";
import { openSession, refreshSession, type Issued } from "../security/sessions.ts";
import { noStore, sessionDeps, type SecurityContext, type SecurityDeps } from "./security-deps.ts";

/** A channel map of two kilobytes, and the names around it. */
const bodyBytesMax = 8_192;

export const TokenBody = z.strictObject({
  sub: Subject.optional(),
  role: RoleName.optional(),
  channels: ChannelMap.optional(),
  ttl_seconds: LifetimeSeconds.optional(),
});

export const RefreshBody = z.strictObject({ refresh_token: z.string("is needed").min(1, "is empty").max(256) });

const sessionIdBytes = 16;

export async function answerToken(c: SecurityContext, deps: SecurityDeps): Promise<Response> {
  const nowMs = deps.clock();
  const minter = await minterOf(c.env, c.req.raw.headers);
  const wanted = await readTypedJson(c.req.raw, TokenBody, bodyBytesMax);
  const sessionId = base64url.encode(crypto.getRandomValues(new Uint8Array(sessionIdBytes)));
  const session = draftSession(minter, wanted, { nowMs, sessionId, lifetimeSeconds: configOf(c.env).tokenLifetimeSeconds });
  const issued = await openSession(session, sessionDeps(c, deps, { nowMs, actor: minterName(minter) }));
  return c.json(success(shown(issued)), 201, noStore);
}

export async function answerRefresh(c: SecurityContext, deps: SecurityDeps): Promise<Response> {
  const nowMs = deps.clock();
  const { refresh_token: token } = await readTypedJson(c.req.raw, RefreshBody, bodyBytesMax);
  const issued = await refreshSession(token, sessionDeps(c, deps, { nowMs, actor: "holder" }));
  return c.json(success(shown(issued)), 200, noStore);
}

function shown({ session, access, refresh }: Issued): Record<string, unknown> {
  const { sessionId, userId, role, channels, expiresMs } = session;
  return {
    access_token: access.token,
    token_type: "Bearer",
    expires_at: new Date(access.expiresMs).toISOString(),
    refresh_token: refresh,
    session_id: sessionId,
    session_expires_at: new Date(expiresMs).toISOString(),
    // What was granted, which may be less than was asked for.
    sub: userId,
    role,
    channels,
  };
}
