/** Brings the audit log from D1 to R2 (EDGE_LOGS), where it stays, and deletes from D1 what is there and old. A range of numbers is fixed in
 *  D1 before it is written, so an export that died is done again under the same name with the same lines. */
import { z } from "zod";
import { auditLine, StoredAudit } from "../schemas/audit.ts";
import { auditExportRowsMax, auditKeptMs } from "../schemas/token-limits.ts";
import { auditColumns, type AuditStores } from "./audit.ts";

export interface AuditExportStores extends AuditStores {
  readonly EDGE_LOGS: R2Bucket;
}

export const auditPrefix = "audit/v1/";

/** The next numbers of one hour, unless a range is open. Numbers are given in the order of the writes, so nothing comes between later. */
const planSql = `WITH
  pending AS (SELECT seq, time_ms, time_ms / 3600000 AS hour FROM audit
    WHERE seq > COALESCE((SELECT MAX(last_seq) FROM audit_exports), 0) ORDER BY seq LIMIT ?1),
  head AS (SELECT seq, time_ms, hour FROM pending ORDER BY seq LIMIT 1),
  next_hour AS (SELECT MIN(pending.seq) AS seq FROM pending, head WHERE pending.hour <> head.hour),
  part AS (SELECT MAX(pending.seq) AS last_seq FROM pending, next_hour WHERE next_hour.seq IS NULL OR pending.seq < next_hour.seq)
  INSERT INTO audit_exports (first_seq, last_seq, object)
  SELECT head.seq, part.last_seq, '${auditPrefix}' || strftime('dt=%Y-%m-%d/hr=%H/', head.time_ms / 1000, 'unixepoch')
    || printf('%012d-%012d.ndjson.gz', head.seq, part.last_seq) FROM head, part
  WHERE NOT EXISTS (SELECT 1 FROM audit_exports WHERE done_ms IS NULL)`;
const openSql =
  "SELECT first_seq AS firstSeq, last_seq AS lastSeq, object FROM audit_exports WHERE done_ms IS NULL ORDER BY first_seq LIMIT 1";
const rowsSql = `SELECT ${auditColumns} FROM audit WHERE seq BETWEEN ?1 AND ?2 ORDER BY seq`;
const doneSql = "UPDATE audit_exports SET done_ms = ?2 WHERE first_seq = ?1 AND done_ms IS NULL";

const Range = z.object({ firstSeq: z.int(), lastSeq: z.int(), object: z.string() });

export interface ExportedAudit {
  readonly object: string;
  readonly lines: number;
}

/** One object, or undefined when everything is there. Throws what D1 or R2 throws: the next call goes on. */
export async function exportAudit(
  stores: AuditExportStores,
  nowMs: number,
  rowsMax = auditExportRowsMax,
): Promise<ExportedAudit | undefined> {
  const { SESSIONS_DB, EDGE_LOGS } = stores;
  const [, open] = await SESSIONS_DB.batch([SESSIONS_DB.prepare(planSql).bind(rowsMax), SESSIONS_DB.prepare(openSql)]);
  const [row] = open?.results ?? [];
  if (row === undefined) return undefined;
  const { firstSeq, lastSeq, object } = Range.parse(row);
  const { results } = await SESSIONS_DB.prepare(rowsSql).bind(firstSeq, lastSeq).all();
  const lines = results.map((stored) => `${JSON.stringify(auditLine(StoredAudit.parse(stored)))}\n`);
  await EDGE_LOGS.put(object, await gzip(lines.join("")), { httpMetadata: { contentType: "application/gzip" } });
  await SESSIONS_DB.prepare(doneSql).bind(firstSeq, nowMs).run();
  return { object, lines: lines.length };
}

async function gzip(text: string): Promise<ArrayBuffer> {
  return new Response(new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"))).arrayBuffer();
}

/** A cron's share: D1's single writer is held for milliseconds. */
const prunedRowsMax = 5_000;
const pruneSql = `DELETE FROM audit WHERE seq IN (SELECT seq FROM audit
  WHERE time_ms < ?1 AND seq <= (SELECT MAX(last_seq) FROM audit_exports WHERE done_ms IS NOT NULL) ORDER BY time_ms LIMIT ?2)`;
/** The newest stays: it says where the next one begins. */
const pruneExportsSql = "DELETE FROM audit_exports WHERE done_ms < ?1 AND last_seq < (SELECT MAX(last_seq) FROM audit_exports)";

/** Rows deleted; nothing that is not in R2. */
export async function pruneAudit({ SESSIONS_DB }: AuditStores, nowMs: number): Promise<number> {
  const beforeMs = nowMs - auditKeptMs;
  const [pruned] = await SESSIONS_DB.batch([
    SESSIONS_DB.prepare(pruneSql).bind(beforeMs, prunedRowsMax),
    SESSIONS_DB.prepare(pruneExportsSql).bind(beforeMs),
  ]);
  return pruned?.meta.changes ?? 0;
}
