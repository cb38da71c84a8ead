/** GET /security/sessions and DELETE /security/sessions/{id}: a holder sees and ends the sessions of his name that the same client opened; an
 *  operator those of anybody. */
import { z } from "zod";
import { AppError } from "../../platform/errors.ts";
import { isSessionId, Subject, type Session } from "../../schemas/sessions.ts";
import { findSession, listSessions } from "../../stores/sessions.ts";
import { ask } from "../http/ask.ts";
import { success } from "../http/envelope.ts";
import { parseQuery } from "../http/query.ts";
import { identify, isAllowed, refusal } from "../security/access.ts";
import type { Reader } from "../security/reader.ts";
import { closeSession } from "../security/sessions.ts";
import { noStore, sessionDeps, type SecurityContext, type SecurityDeps } from "./security-deps.ts";

export const SessionsQuery = z.object({ sub: Subject.optional() });

const sessionStore = { what: "the sessions" };

export async function answerSessions(c: SecurityContext, deps: SecurityDeps): Promise<Response> {
  const nowMs = deps.clock();
  const reader = await identify(c, nowMs);
  const { sub } = parseQuery(SessionsQuery, new URL(c.req.url).searchParams);
  const own = await ownSession(c.env, reader);
  const sessions = await listed(c.env, { reader, own, sub, nowMs });
  return c.json(success(sessions.map((session) => shown(session, own))), 200, noStore);
}

interface Listing {
  readonly reader: Reader;
  readonly own: Session | undefined;
  readonly sub: string | undefined;
  readonly nowMs: number;
}

async function listed(env: Env, { reader, own, sub, nowMs }: Listing): Promise<Session[]> {
  if (sub !== undefined) {
    if (!isAllowed(reader, "operate")) throw refusal(reader, "the sessions of somebody else");
    return ask(listSessions(env, { userId: sub, nowMs }), sessionStore);
  }
  if (reader.kind === "anonymous") throw refusal(reader, "your sessions");
  if (reader.kind === "operator") throw new AppError("INVALID_PARAMETERS", "sub: is needed", { details: { parameter: "sub" } });
  if (own === undefined) return [];
  return ask(listSessions(env, { userId: own.userId, clientId: own.clientId, nowMs }), sessionStore);
}

/** The one that the reader's token belongs to. Tokens of other issuers belong to none, whatever name they bear. */
async function ownSession(env: Env, reader: Reader): Promise<Session | undefined> {
  const sid = reader.kind === "client" ? reader.claims.sid : undefined;
  return sid === undefined || !isSessionId(sid) ? undefined : ask(findSession(env, sid), sessionStore);
}

export async function answerEndSession(c: SecurityContext, deps: SecurityDeps): Promise<Response> {
  const nowMs = deps.clock();
  const reader = await identify(c, nowMs);
  if (reader.kind === "anonymous") throw refusal(reader, "your sessions");
  return endNamed(c, deps, { sessionId: c.req.param("id") ?? "", nowMs, reader });
}

export interface NamedSession {
  readonly sessionId: string;
  readonly nowMs: number;
  /** "holder": a refresh token of it was shown. */
  readonly reader: Reader | "holder";
}

/** Ending it twice is ending it once. What is not the reader's is not there for him. */
export async function endNamed(c: SecurityContext, deps: SecurityDeps, { sessionId, nowMs, reader }: NamedSession): Promise<Response> {
  const session = isSessionId(sessionId) ? await ask(findSession(c.env, sessionId), sessionStore) : undefined;
  if (session === undefined || !(await mayEnd(c.env, reader, session))) throw new AppError("NOT_FOUND", "there is no such session");
  const reason = reader !== "holder" && isAllowed(reader, "operate") ? "revoked" : "signed_out";
  const { ended, closed, unreached } = await closeSession(session, reason, sessionDeps(c, deps, { nowMs, actor: reader }));
  return c.json(success({ session_id: sessionId, ended, sockets_closed: closed, relays_unreached: unreached }), 200, noStore);
}

async function mayEnd(env: Env, reader: Reader | "holder", session: Session): Promise<boolean> {
  if (reader === "holder" || isAllowed(reader, "operate")) return true;
  const own = await ownSession(env, reader);
  return own !== undefined && own.userId === session.userId && own.clientId === session.clientId;
}

function shown(session: Session, own: Session | undefined): Record<string, unknown> {
  const { sessionId, userId, clientId, role, channels, createdMs, rotatedMs, expiresMs } = session;
  return {
    session_id: sessionId,
    sub: userId,
    client_id: clientId,
    role,
    channels,
    created_at: new Date(createdMs).toISOString(),
    refreshed_at: new Date(rotatedMs).toISOString(),
    expires_at: new Date(expiresMs).toISOString(),
    current: sessionId === own?.sessionId,
  };
}
