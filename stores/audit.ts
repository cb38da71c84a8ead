/** The audit log in D1 (SESSIONS_DB), where operators read its last weeks. Decides the SQL; what is written when is gateway/security/audit.ts's. */
import { auditDetailsMax, auditTextCharsMax, StoredAudit, type AuditDetails, type AuditRow } from "../schemas/audit.ts";

export interface AuditStores {
  readonly SESSIONS_DB: D1Database;
}

const insertSql = `INSERT INTO audit (time_ms, first_ms, action, actor, subject, address, request_id, count, details)
  SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8
  FROM json_each(?1)`;

/** To stand in a batch beside the change it tells of. With `onlyIfChanged` it writes nothing when the statement before it changed nothing. */
export function auditStatement({ SESSIONS_DB }: AuditStores, rows: readonly AuditRow[], when?: "onlyIfChanged"): D1PreparedStatement {
  const sql = when === "onlyIfChanged" ? `${insertSql} WHERE changes() > 0` : insertSql;
  return SESSIONS_DB.prepare(sql).bind(JSON.stringify(rows.map(columnsOf)));
}

export async function putAudit(stores: AuditStores, rows: readonly AuditRow[]): Promise<void> {
  await auditStatement(stores, rows).run();
}

function columnsOf({ timeMs, firstMs, action, actor, subject, address, requestId, count, details }: AuditRow): unknown[] {
  const texts = [actor, subject, address, requestId].map(cut);
  return [timeMs, firstMs, action, ...texts, count, details === undefined ? null : JSON.stringify(boundedDetails(details))];
}

function boundedDetails(details: AuditDetails): AuditDetails {
  const entries = Object.entries(details).slice(0, auditDetailsMax);
  return Object.fromEntries(entries.map(([name, value]) => [cut(name) ?? "", typeof value === "string" ? (cut(value) ?? "") : value]));
}

/** Whole characters: half of one is no text to SQLite. */
function cut(text: string | undefined): string | null {
  return text === undefined ? null : text.slice(0, auditTextCharsMax).toWellFormed();
}

export const auditColumns =
  "seq, time_ms AS timeMs, first_ms AS firstMs, action, actor, subject, address, request_id AS requestId, count, details";

export interface AuditQuery {
  readonly sinceMs: number;
  /** Exclusive. */
  readonly untilMs: number;
  readonly action?: string | undefined;
  readonly actor?: string | undefined;
  /** Where the page before ended. */
  readonly before?: { readonly timeMs: number; readonly seq: number } | undefined;
  readonly limit: number;
}

const readSql = `SELECT ${auditColumns} FROM audit
  WHERE time_ms >= ?1 AND time_ms < ?2 AND (?3 IS NULL OR action = ?3) AND (?4 IS NULL OR actor = ?4)
    AND (?5 IS NULL OR time_ms < ?5 OR (time_ms = ?5 AND seq < ?6))
  ORDER BY time_ms DESC, seq DESC LIMIT ?7`;

/** Newest first. */
export async function readAudit({ SESSIONS_DB }: AuditStores, query: AuditQuery): Promise<StoredAudit[]> {
  const { sinceMs, untilMs, action, actor, before, limit } = query;
  const { results } = await SESSIONS_DB.prepare(readSql)
    .bind(sinceMs, untilMs, action ?? null, actor ?? null, before?.timeMs ?? null, before?.seq ?? null, limit)
    .all();
  return results.map((row) => StoredAudit.parse(row));
}
