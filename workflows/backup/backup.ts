/** The Workflows that make a backup and restore one: hand run.ts and restore.ts the real stores. Wiring only. */
import { WorkflowEntrypoint } from "cloudflare:workers";
import type { WorkflowEvent, WorkflowStep } from "cloudflare:workers";
import { messageOf } from "../../platform/errors.ts";
import { logError, logInfo } from "../../platform/log.ts";
import type { BackupOrder, StoredRestore } from "../../schemas/backup.ts";
import type { Steps } from "../steps.ts";
import { putFailure } from "../../stores/backups.ts";
import { putRestore } from "../../stores/backups-restores.ts";
import { backupDeps, restoreDeps } from "./deps.ts";
import { runRestore } from "./restore.ts";
import { runBackup } from "./run.ts";
import type { BackupResult } from "./run.ts";

/** A store that is away for minutes costs nothing but time; after half an hour an operator should know. */
const patience = { retries: { limit: 9, delay: "5 seconds", backoff: "exponential" }, timeout: "10 minutes" } as const;

/** The step's own type wants a serializable answer, which those of run.ts and restore.ts are. */
function stepsOf(step: WorkflowStep): Steps {
  return { do: <T>(name: string, work: () => Promise<T>) => step.do(name, patience, work as () => Promise<never>) as Promise<T> };
}

export class Backup extends WorkflowEntrypoint<Env, BackupOrder> {
  override async run({ payload }: WorkflowEvent<BackupOrder>, step: WorkflowStep): Promise<BackupResult> {
    const steps = stepsOf(step);
    try {
      const result = await runBackup(steps, backupDeps(this.env, payload.id), payload);
      logInfo("backup.made", { ...result, kind: payload.kind });
      return result;
    } catch (error) {
      logError("backup.failed", { id: payload.id, reason: messageOf(error) });
      await steps.do("failed", () => noteFailure(this.env, payload.id, messageOf(error)));
      throw error;
    }
  }
}

async function noteFailure({ CONFIG_BACKUPS }: Env, id: string, error: string): Promise<true> {
  await putFailure(CONFIG_BACKUPS, id, { v: 1, ended_at: new Date().toISOString(), error });
  return true;
}

export class Restore extends WorkflowEntrypoint<Env, StoredRestore> {
  override async run({ payload }: WorkflowEvent<StoredRestore>, step: WorkflowStep): Promise<StoredRestore> {
    const steps = stepsOf(step);
    try {
      const { state, error, ...restore } = await runRestore(steps, restoreDeps(this.env), payload);
      (state === "done" ? logInfo : logError)("restore.ended", {
        id: restore.id,
        backup: restore.backup,
        dry_run: restore.dry_run,
        state,
        error,
      });
      return { ...restore, state, ...(error === undefined ? {} : { error }) };
    } catch (error) {
      const reason = messageOf(error);
      logError("restore.failed", { id: payload.id, backup: payload.backup, reason });
      await steps.do("failed", async () => {
        await putRestore(this.env.CONFIG_BACKUPS, { ...payload, state: "failed", error: reason, ended_at: new Date().toISOString() });
        return true;
      });
      throw error;
    }
  }
}
