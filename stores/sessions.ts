/** Sessions in D1 (SESSIONS_DB), the truth about them. Decides the SQL: a rotation is one guarded update, and what belongs together, such as
 *  an end, its revocation and its entry in the audit log, is one transaction. */
import type { AuditRow } from "../schemas/audit.ts";
import type { Revocation } from "../schemas/revocation.ts";
import { Session, type SessionEnd } from "../schemas/sessions.ts";
import { sessionKeptMs, userSessionsMax } from "../schemas/token-limits.ts";
import { auditStatement } from "./audit.ts";
import { revocationStatements } from "./revocations.ts";

export interface SessionStores {
  readonly SESSIONS_DB: D1Database;
}

const columns = `session_id AS sessionId, user_id AS userId, client_id AS clientId, role, channels, lifetime_seconds AS lifetimeSeconds,
  generation, created_ms AS createdMs, rotated_ms AS rotatedMs, expires_ms AS expiresMs, revoked_ms AS revokedMs, revoked_for AS revokedFor`;

/** Deleted, not marked: however often a user's tokens are minted, he has this many rows. */
const makeRoomSql = `DELETE FROM sessions WHERE session_id IN
  (SELECT session_id FROM sessions WHERE user_id = ?1 AND client_id = ?2 ORDER BY created_ms DESC, session_id LIMIT -1 OFFSET ?3)`;
const insertSql = `INSERT INTO sessions
  (session_id, user_id, client_id, role, channels, lifetime_seconds, generation, created_ms, rotated_ms, expires_ms)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)`;

export async function createSession({ SESSIONS_DB }: SessionStores, session: Session, row: AuditRow): Promise<void> {
  const { sessionId, userId, clientId, role, channels, lifetimeSeconds, generation, createdMs, rotatedMs, expiresMs } = session;
  const map = channels === undefined ? null : JSON.stringify(channels);
  await SESSIONS_DB.batch([
    SESSIONS_DB.prepare(makeRoomSql).bind(userId, clientId, userSessionsMax - 1),
    SESSIONS_DB.prepare(insertSql).bind(
      ...[sessionId, userId, clientId, role ?? null, map, lifetimeSeconds, generation, createdMs, rotatedMs, expiresMs],
    ),
    auditStatement({ SESSIONS_DB }, [row]),
  ]);
}

export async function findSession({ SESSIONS_DB }: SessionStores, sessionId: string): Promise<Session | undefined> {
  const row = await SESSIONS_DB.prepare(`SELECT ${columns} FROM sessions WHERE session_id = ?1`).bind(sessionId).first();
  return row === null ? undefined : Session.parse(row);
}

export interface Rotation {
  readonly sessionId: string;
  /** Of the refresh token that was shown. */
  readonly generation: number;
  readonly nowMs: number;
}

/** Only one of those who show the same refresh token changes the row. */
const rotateSql = `UPDATE sessions SET generation = generation + 1, rotated_ms = ?3
  WHERE session_id = ?1 AND generation = ?2 AND revoked_ms IS NULL AND expires_ms > ?3 RETURNING ${columns}`;

/** The session after it, or undefined when there was nothing to rotate. */
export async function rotateSession({ SESSIONS_DB }: SessionStores, rotation: Rotation, row: AuditRow): Promise<Session | undefined> {
  const { sessionId, generation, nowMs } = rotation;
  const [rotated] = await SESSIONS_DB.batch([
    SESSIONS_DB.prepare(rotateSql).bind(sessionId, generation, nowMs),
    auditStatement({ SESSIONS_DB }, [row], "onlyIfChanged"),
  ]);
  const [changed] = rotated?.results ?? [];
  return changed === undefined ? undefined : Session.parse(changed);
}

export interface Ending {
  readonly sessionId: string;
  readonly reason: SessionEnd;
  readonly nowMs: number;
  /** Ends the tokens that are out. */
  readonly revocation: Revocation;
}

export interface Ended {
  /** False when it was over already. */
  readonly ended: boolean;
  /** False when the list of revocations had no room: its tokens last until their own end. */
  readonly revoked: boolean;
}

const endSql = "UPDATE sessions SET revoked_ms = ?2, revoked_for = ?3 WHERE session_id = ?1 AND revoked_ms IS NULL AND expires_ms > ?2";

export async function endSession({ SESSIONS_DB }: SessionStores, ending: Ending, row: AuditRow): Promise<Ended> {
  const { sessionId, reason, nowMs, revocation } = ending;
  const [ended, , , revoked] = await SESSIONS_DB.batch([
    SESSIONS_DB.prepare(endSql).bind(sessionId, nowMs, reason),
    auditStatement({ SESSIONS_DB }, [row], "onlyIfChanged"),
    ...revocationStatements({ SESSIONS_DB }, revocation, nowMs),
  ]);
  return { ended: (ended?.meta.changes ?? 0) > 0, revoked: (revoked?.meta.changes ?? 0) > 0 };
}

const endUserSql =
  "UPDATE sessions SET revoked_ms = ?2, revoked_for = 'revoked' WHERE user_id = ?1 AND revoked_ms IS NULL AND expires_ms > ?2";

/** Revokes, and ends what could be refreshed under the same name. False when there is no room: then nothing happened. */
export async function revoke({ SESSIONS_DB }: SessionStores, revocation: Revocation, row: AuditRow): Promise<boolean> {
  const stores = { SESSIONS_DB };
  const nowMs = row.timeMs;
  const [, stored] = await SESSIONS_DB.batch([
    ...revocationStatements(stores, revocation, nowMs),
    auditStatement(stores, [row], "onlyIfChanged"),
    ...(revocation.kind === "sub"
      ? [
          SESSIONS_DB.prepare(`${endUserSql} AND EXISTS (SELECT 1 FROM revocations WHERE kind = 'sub' AND value = ?1)`).bind(
            revocation.value,
            nowMs,
          ),
        ]
      : []),
  ]);
  return (stored?.meta.changes ?? 0) > 0;
}

export interface SessionQuery {
  readonly userId: string;
  /** Of one client alone. */
  readonly clientId?: string | undefined;
  readonly nowMs: number;
}

const listSql = `SELECT ${columns} FROM sessions
  WHERE user_id = ?1 AND (?2 IS NULL OR client_id = ?2) AND revoked_ms IS NULL AND expires_ms > ?3
  ORDER BY created_ms DESC, session_id LIMIT ?4`;
/** A user has userSessionsMax of each client; more clients share hardly any user. */
const listedMax = 5 * userSessionsMax;

/** Those that live, newest first. */
export async function listSessions({ SESSIONS_DB }: SessionStores, { userId, clientId, nowMs }: SessionQuery): Promise<Session[]> {
  const { results } = await SESSIONS_DB.prepare(listSql)
    .bind(userId, clientId ?? null, nowMs, listedMax)
    .all();
  return results.map((row) => Session.parse(row));
}

/** Rows deleted. Few enough at a time that D1's single writer is held for milliseconds. */
export async function pruneSessions({ SESSIONS_DB }: SessionStores, nowMs: number): Promise<number> {
  const sql = "DELETE FROM sessions WHERE session_id IN (SELECT session_id FROM sessions WHERE expires_ms < ?1 LIMIT ?2)";
  const { meta } = await SESSIONS_DB.prepare(sql)
    .bind(nowMs - sessionKeptMs, prunedRowsMax)
    .run();
  return meta.changes;
}

/** A cron's share. At six an hour that is 288,000 a day: more than are minted. */
const prunedRowsMax = 2_000;
