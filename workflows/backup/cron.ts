/** What the daily cron does for backups: starts the day's, and deletes those that have had their time. */
import { messageOf } from "../../platform/errors.ts";
import { logError, logInfo } from "../../platform/log.ts";
import { backupIdOf, partNames, timeOfId } from "../../schemas/backup.ts";
import type { BackupOrder } from "../../schemas/backup.ts";
import { restoreRecordMs } from "../../schemas/limits-backups.ts";
import { deleteBackup, findBackup, listBackupIds } from "../../stores/backups.ts";
import type { FoundBackup } from "../../stores/backups.ts";
import { findRestore, findTurn, forgetRestores } from "../../stores/backups-restores.ts";
import { outlived } from "./retention.ts";
import type { KnownBackup } from "./retention.ts";

/** As in wrangler.toml: one Worker has one handler for all its crons. */
export const backupCron = "40 2 * * *";

export interface BackupCronBindings {
  readonly BACKUP: Workflow<BackupOrder>;
  readonly CONFIG_BACKUPS: R2Bucket;
}

/** One failure does not keep the others from being done. */
export async function runBackupCron(env: BackupCronBindings, now: number): Promise<void> {
  await attempt("start", async () => ({ started: await startDaily(env.BACKUP, now) }));
  await attempt("sweep", async () => ({ deleted: await sweepBackups(env.CONFIG_BACKUPS, now) }));
  await attempt("restores", async () => ({ deleted: await forgetRestores(env.CONFIG_BACKUPS, now - restoreRecordMs) }));
}

async function attempt(task: string, work: () => Promise<Record<string, string | number | boolean>>): Promise<void> {
  try {
    logInfo("cron.backup.done", { task, ...(await work()) });
  } catch (error) {
    logError("cron.backup.failed", { task, reason: messageOf(error) });
  }
}

/** One a day, however often the cron fires: its name follows from the day. False when it was started before. */
export async function startDaily(workflow: Workflow<BackupOrder>, now: number): Promise<boolean> {
  const order = dailyOrder(now);
  const { created, errors } = await workflow.createBatch({ instances: [{ id: order.id, params: order }] });
  if (created.length > 0) return true;
  const [error] = errors;
  // Refused although it is not there: that is an outage, not a second start.
  await workflow.get(order.id).catch(() => {
    throw new Error(error?.message ?? "the Workflow was not started");
  });
  return false;
}

export function dailyOrder(now: number): BackupOrder {
  const day = new Date(now).toISOString().slice(0, 10);
  const created_at = `${day}T02:40:00.000Z`;
  return { v: 1, id: backupIdOf(Date.parse(created_at), `daily-${day}`), kind: "daily", created_at, parts: [...partNames] };
}

/** Backups deleted. One that a restore reads stays until that is over. */
export async function sweepBackups(bucket: R2Bucket, now: number): Promise<number> {
  const inUse = await backupInUse(bucket);
  const known: KnownBackup[] = [];
  for (const id of await listBackupIds(bucket)) known.push(knownOf(id, await findBackup(bucket, id)));
  const ids = outlived(known, now).filter((id) => id !== inUse);
  for (const id of ids) await deleteBackup(bucket, id);
  return ids.length;
}

async function backupInUse(bucket: R2Bucket): Promise<string | undefined> {
  const { id } = await findTurn(bucket);
  const restore = id === undefined ? undefined : await findRestore(bucket, id);
  return restore?.state === "running" ? restore.backup : undefined;
}

function knownOf(id: string, found: FoundBackup | undefined): KnownBackup {
  if (found?.kind === "made") {
    const { kind, created_at } = found.manifest;
    return { id, kind, state: "made", createdMs: Date.parse(created_at) };
  }
  // Of what cannot be read not even the age is known: its name says it.
  return { id, kind: "on-demand", state: "torn", createdMs: timeOfId(id) };
}
