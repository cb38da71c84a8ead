/** What runs by the clock for tokens and the audit log: entries go to R2, and what is over is deleted. Each part fails alone. */
import { messageOf } from "../platform/errors.ts";
import { logError, logInfo } from "../platform/log.ts";
import { auditExportsPerCronMax } from "../schemas/token-limits.ts";
import { exportAudit, pruneAudit, type AuditExportStores } from "../stores/audit-export.ts";
import { pruneSessions } from "../stores/sessions.ts";
import { pruneSigningKeys } from "../stores/signing-keys.ts";

export async function runSecurityCron(stores: AuditExportStores, nowMs: number): Promise<void> {
  const parts: readonly [string, () => Promise<number>][] = [
    ["audit_lines", () => exportAll(stores, nowMs)],
    ["audit_pruned", () => pruneAudit(stores, nowMs)],
    ["sessions_pruned", () => pruneSessions(stores, nowMs)],
    ["keys_pruned", () => pruneSigningKeys(stores, nowMs)],
  ];
  const done: Record<string, number> = {};
  for (const [name, part] of parts) {
    try {
      done[name] = await part();
    } catch (error) {
      logError("cron.security.failed", { part: name, reason: messageOf(error) });
    }
  }
  logInfo("cron.security.done", done);
}

/** Lines brought to R2. What is left waits for the next cron. */
async function exportAll(stores: AuditExportStores, nowMs: number): Promise<number> {
  let lines = 0;
  for (let objects = 0; objects < auditExportsPerCronMax; objects += 1) {
    const exported = await exportAudit(stores, nowMs);
    if (exported === undefined) break;
    lines += exported.lines;
  }
  return lines;
}
