/** Opens, refreshes and ends sessions. The rules are pure (mint.ts, sessions-judge.ts) and the exactness D1's; here is the order of things:
 *  what can fail comes first, D1 decides, and only then is anybody told. */
import { configOf } from "../../platform/config.ts";
import { AppError, messageOf } from "../../platform/errors.ts";
import { logWarning } from "../../platform/log.ts";
import { withTimeout } from "../../platform/timeout.ts";
import type { AuditEntry, AuditRow } from "../../schemas/audit.ts";
import type { Revocation } from "../../schemas/revocation.ts";
import type { Session, SessionEnd } from "../../schemas/sessions.ts";
import { cacheSession, findCachedSession, forgetCachedSession, type CachedSession } from "../../stores/session-cache.ts";
import { createSession, endSession, findSession, rotateSession } from "../../stores/sessions.ts";
import { ask } from "../http/ask.ts";
import type { AuditContext } from "./audit.ts";
import { secretsOf } from "./derived-keys.ts";
import { prepareSigning, type AccessToken } from "./mint-access-token.ts";
import { readRefreshToken, refreshToken } from "./mint-refresh-token.ts";
import { revocationsOf, type Told } from "./revocations.ts";
import { judge } from "./sessions-judge.ts";

export interface SessionDeps {
  readonly env: Env;
  readonly context: AuditContext;
  readonly nowMs: number;
  /** What the entries of this request have in common. */
  readonly by: Pick<AuditEntry, "actor" | "address" | "requestId">;
  tell(env: Env, revocation: Revocation): Promise<Told>;
}

export interface Issued {
  readonly session: Session;
  readonly access: AccessToken;
  readonly refresh: string;
}

const sessionStore = { what: "the sessions" };
/** An access token that a clock running ahead has signed ends within this of its time. */
const clockMarginMs = 60_000;
const cacheTimeoutMs = 1_000;

/** Throws what signing and D1 throw; then there is no session. */
export async function openSession(session: Session, deps: SessionDeps): Promise<Issued> {
  const sign = await prepareSigning(deps.env, deps.nowMs);
  const access = await sign(session, deps.nowMs);
  const { lifetimeSeconds, role = "", userId } = session;
  const entry = rowOf(deps, {
    action: "token.minted",
    subject: session.sessionId,
    details: { sub: userId, role, lifetime_seconds: lifetimeSeconds },
  });
  await ask(createSession(deps.env, session, entry), sessionStore);
  inBackground(deps, cacheSession(deps.env, session, deps.nowMs));
  return issued(session, access, deps);
}

/** Throws UNAUTHORIZED, with `details.reason`: invalid, unknown, expired, revoked or reused; a reused token ends its session. */
export async function refreshSession(token: string, deps: SessionDeps): Promise<Issued> {
  const { env, nowMs } = deps;
  const claim = readRefreshToken(token, secretsOf(env));
  if (claim === undefined) throw refused("invalid", "the refresh token is not valid");
  const sign = await prepareSigning(env, nowMs);
  const { sessionId, generation } = claim;
  const entry = rowOf(deps, { action: "token.refreshed", subject: sessionId, details: { generation: generation + 1 } });
  const rotated = await ask(rotateSession(env, { sessionId, generation, nowMs }, entry), sessionStore);
  if (rotated !== undefined) return issued(rotated, await sign(rotated, nowMs), deps);
  const verdict = judge(await ask(findSession(env, sessionId), sessionStore), { generation, nowMs });
  if (verdict.kind === "repeated") return issued(verdict.session, await sign(verdict.session, nowMs), deps);
  if (verdict.kind === "over") throw refused(verdict.reason, overMessages[verdict.reason]);
  await closeSession(verdict.session, "reused", deps);
  throw refused("reused", "the refresh token was used before: its session is over, sign in again");
}

const overMessages = {
  unknown: "there is no such session",
  expired: "the session has run out: sign in again",
  revoked: "the session was ended: sign in again",
} as const;

export interface Closed extends Told {
  readonly ended: boolean;
}

/** Stored first, so that whoever is not told reads it; then the relays are told, which close its sockets at once. */
export async function closeSession(session: Session, reason: SessionEnd, deps: SessionDeps): Promise<Closed> {
  const { env, nowMs } = deps;
  const { sessionId, userId } = session;
  const revocation = revocationOf(session, nowMs);
  const action = reason === "reused" ? "token.reused" : "session.ended";
  const entry = rowOf(deps, { action, subject: sessionId, details: { sub: userId, reason } });
  const { ended, revoked } = await ask(endSession(env, { sessionId, reason, nowMs, revocation }, entry), sessionStore);
  // Its refresh is over and its sockets are closed anyway; an access token that is out lasts until its own end.
  if (!revoked) logWarning("session.revocation.full", { session: sessionId });
  revocationsOf(env).add(revocation);
  inBackground(deps, forgetCachedSession(env, sessionId));
  return { ended, ...(await deps.tell(env, revocation)) };
}

function revocationOf({ sessionId, expiresMs, lifetimeSeconds }: Session, nowMs: number): Revocation {
  const lastTokenMs = Math.min(expiresMs, nowMs + lifetimeSeconds * 1_000);
  return { kind: "sid", value: sessionId, revokedMs: nowMs, untilMs: lastTokenMs + clockMarginMs };
}

/** For showing only. Undefined when there is none, or when neither store answers: a token holds without it. */
export async function describeSession(
  sessionId: string,
  { env, context, nowMs }: Omit<SessionDeps, "by" | "tell">,
): Promise<CachedSession | undefined> {
  try {
    const cached = await withTimeout(findCachedSession(env, sessionId), cacheTimeoutMs, "the sessions in KV");
    if (cached !== undefined) return cached;
  } catch (error) {
    logWarning("session.cache.unread", { reason: messageOf(error) });
  }
  try {
    const session = await ask(findSession(env, sessionId), sessionStore);
    if (session !== undefined) inBackground({ context }, cacheSession(env, session, nowMs));
    return session;
  } catch (error) {
    logWarning("session.unread", { reason: messageOf(error) });
    return undefined;
  }
}

function issued(session: Session, access: AccessToken, { env }: SessionDeps): Issued {
  const { sessionId, generation } = session;
  return { session, access, refresh: refreshToken({ sessionId, generation }, configOf(env).jwt.secret) };
}

function rowOf({ by, nowMs }: SessionDeps, entry: Omit<AuditEntry, "actor">): AuditRow {
  return { ...by, ...entry, timeMs: nowMs, firstMs: nowMs, count: 1 };
}

function refused(reason: string, message: string): AppError {
  return new AppError("UNAUTHORIZED", message, { details: { reason } });
}

/** KV is a copy: a write that fails costs the next reader a question to D1. */
function inBackground({ context }: Pick<SessionDeps, "context">, work: Promise<void>): void {
  context.waitUntil(work.catch((error: unknown) => logWarning("session.cache.unwritten", { reason: messageOf(error) })));
}
