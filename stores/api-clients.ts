/** API clients in D1 (SESSIONS_DB): who may mint tokens without the operators' key. Decides the SQL; keys come in as hashes. */
import type { AuditRow } from "../schemas/audit.ts";
import { sessionRevocationsMax } from "../schemas/revocation.ts";
import { ApiClient } from "../schemas/sessions.ts";
import { apiClientsMax } from "../schemas/token-limits.ts";
import { auditStatement } from "./audit.ts";

export interface ApiClientStores {
  readonly SESSIONS_DB: D1Database;
}

const columns = `client_id AS clientId, name, key_hash AS keyHash, role, channels, lifetime_seconds_max AS lifetimeSecondsMax,
  created_ms AS createdMs`;

export async function findApiClient({ SESSIONS_DB }: ApiClientStores, clientId: string): Promise<ApiClient | undefined> {
  const row = await SESSIONS_DB.prepare(`SELECT ${columns} FROM api_clients WHERE client_id = ?1`).bind(clientId).first();
  return row === null ? undefined : ApiClient.parse(row);
}

/** Newest first. */
export async function listApiClients({ SESSIONS_DB }: ApiClientStores): Promise<ApiClient[]> {
  const { results } = await SESSIONS_DB.prepare(`SELECT ${columns} FROM api_clients ORDER BY created_ms DESC, client_id LIMIT ?1`)
    .bind(apiClientsMax)
    .all();
  return results.map((row) => ApiClient.parse(row));
}

const insertSql = `INSERT INTO api_clients (client_id, name, key_hash, role, channels, lifetime_seconds_max, created_ms)
  SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 WHERE (SELECT COUNT(*) FROM api_clients) < ?8`;

/** False when there is no room: nothing was stored. */
export async function createApiClient({ SESSIONS_DB }: ApiClientStores, client: ApiClient, row: AuditRow): Promise<boolean> {
  const { clientId, name, keyHash, role, channels, lifetimeSecondsMax, createdMs } = client;
  const map = channels === undefined ? null : JSON.stringify(channels);
  const [stored] = await SESSIONS_DB.batch([
    SESSIONS_DB.prepare(insertSql).bind(clientId, name, keyHash, role ?? null, map, lifetimeSecondsMax, createdMs, apiClientsMax),
    auditStatement({ SESSIONS_DB }, [row], "onlyIfChanged"),
  ]);
  return (stored?.meta.changes ?? 0) > 0;
}

/** Its sessions end with it: what can be refreshed no more, and the tokens that are out, as far as the list of revocations has room. */
const revokeSql = `INSERT INTO revocations (kind, value, revoked_ms, until_ms)
  SELECT 'sid', session_id, ?2, MIN(expires_ms, ?2 + lifetime_seconds * 1000) + 60000 FROM sessions
  WHERE client_id = ?1 AND revoked_ms IS NULL AND expires_ms > ?2 AND rotated_ms + lifetime_seconds * 1000 > ?2
  ORDER BY rotated_ms DESC LIMIT MAX(0, ?3 - (SELECT COUNT(*) FROM revocations))
  ON CONFLICT (kind, value) DO UPDATE SET until_ms = MAX(until_ms, excluded.until_ms)`;
const endSql = `UPDATE sessions SET revoked_ms = ?2, revoked_for = 'client_deleted'
  WHERE client_id = ?1 AND revoked_ms IS NULL AND expires_ms > ?2`;

export interface DeletedClient {
  readonly deleted: boolean;
  readonly sessionsEnded: number;
  /** Of those, whose tokens were revoked too; the others last until their own end. */
  readonly revoked: number;
}

export async function deleteApiClient({ SESSIONS_DB }: ApiClientStores, clientId: string, row: AuditRow): Promise<DeletedClient> {
  const [deleted, , , revoked, ended] = await SESSIONS_DB.batch([
    SESSIONS_DB.prepare("DELETE FROM api_clients WHERE client_id = ?1").bind(clientId),
    auditStatement({ SESSIONS_DB }, [row], "onlyIfChanged"),
    SESSIONS_DB.prepare("DELETE FROM revocations WHERE until_ms <= ?1").bind(row.timeMs),
    SESSIONS_DB.prepare(revokeSql).bind(clientId, row.timeMs, sessionRevocationsMax),
    SESSIONS_DB.prepare(endSql).bind(clientId, row.timeMs),
  ]);
  const changes = (result: D1Result | undefined): number => result?.meta.changes ?? 0;
  return { deleted: changes(deleted) > 0, sessionsEnded: changes(ended), revoked: changes(revoked) };
}
