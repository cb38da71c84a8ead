/** Revoked tokens in D1 (SESSIONS_DB). Decides the SQL and the bound; what a revocation covers is platform/revocations.ts. */
import { Revocation, revocationsMax, sessionRevocationsMax } from "../schemas/revocation.ts";

export interface RevocationStores {
  readonly SESSIONS_DB: D1Database;
}

const liveSql = "SELECT kind, value, revoked_ms AS revokedMs, until_ms AS untilMs FROM revocations WHERE until_ms > ?1 LIMIT ?2";

/** A user revoked again has his later tokens revoked too, and nothing of the earlier entry is given back. */
const putSql = `INSERT INTO revocations (kind, value, revoked_ms, until_ms)
  SELECT ?1, ?2, ?3, ?4 WHERE (SELECT COUNT(*) FROM revocations) < ?5 OR EXISTS (SELECT 1 FROM revocations WHERE kind = ?1 AND value = ?2)
  ON CONFLICT (kind, value) DO UPDATE SET revoked_ms = MAX(revoked_ms, excluded.revoked_ms), until_ms = MAX(until_ms, excluded.until_ms)`;

/** All that are live. A row this version does not understand is left out. */
export async function readRevocations({ SESSIONS_DB }: RevocationStores, nowMs: number): Promise<Revocation[]> {
  const { results } = await SESSIONS_DB.prepare(liveSql).bind(nowMs, revocationsMax).all();
  return results.flatMap((row) => Revocation.safeParse(row).data ?? []);
}

/** False when there is no room: nothing was stored. */
export async function putRevocation({ SESSIONS_DB }: RevocationStores, revocation: Revocation, nowMs: number): Promise<boolean> {
  const [, stored] = await SESSIONS_DB.batch(revocationStatements({ SESSIONS_DB }, revocation, nowMs));
  return (stored?.meta.changes ?? 0) > 0;
}

/** Two, to stand in a batch beside what else ends; the second one changes nothing when there is no room. */
export function revocationStatements({ SESSIONS_DB }: RevocationStores, revocation: Revocation, nowMs: number): D1PreparedStatement[] {
  const { kind, value, revokedMs, untilMs } = revocation;
  return [
    SESSIONS_DB.prepare("DELETE FROM revocations WHERE until_ms <= ?1").bind(nowMs),
    SESSIONS_DB.prepare(putSql).bind(kind, value, revokedMs, untilMs, kind === "sid" ? sessionRevocationsMax : revocationsMax),
  ];
}
