/** A backup and a restore as operators see them: what lies in R2 and what the Workflow says of itself, put together. Pure. */
import { timeOfId } from "../../schemas/backup.ts";
import type { BackupManifest, BackupOrder, BackupPart, StoredRestore } from "../../schemas/backup.ts";
import { backupOnDemandMs, backupTornMs, backupDailyKept } from "../../schemas/limits-backups.ts";
import type { FoundBackup } from "../../stores/backups.ts";

/** Undefined: there is no instance of that name. */
export type InstanceState = "running" | "ended" | undefined;

export type BackupState = "running" | "done" | "failed";

const dayMs = 24 * 3_600_000;

/** One that is neither made nor failed is under way as long as its Workflow is. */
export function stateOf(found: FoundBackup, instance: InstanceState): BackupState {
  if (found.kind === "made") return "done";
  return found.kind === "open" && instance === "running" ? "running" : "failed";
}

export function shownBackup(id: string, found: FoundBackup, instance: InstanceState): Record<string, unknown> {
  const state = stateOf(found, instance);
  switch (found.kind) {
    case "made":
      return shownManifest(found.manifest);
    case "failed":
      return { ...shownOrder(found.order, state), ended_at: found.failure.ended_at, error: found.failure.error };
    case "open":
      return { ...shownOrder(found.order, state), ...(state === "failed" ? { error: "its Workflow ended and left it unfinished" } : {}) };
    case "damaged": {
      const order = found.order ?? { id, kind: "on-demand" as const, created_at: new Date(timeOfId(id)).toISOString() };
      return { ...shownOrder(order, state), error: found.reason };
    }
  }
}

function shownOrder({ id, kind, created_at, comment }: Omit<BackupOrder, "v" | "parts">, state: BackupState): Record<string, unknown> {
  return {
    id,
    state,
    kind,
    created_at,
    ...(comment === undefined ? {} : { comment }),
    bytes: 0,
    parts: [],
    ...(state === "failed" ? { kept_until: later(created_at, backupTornMs) } : {}),
  };
}

function shownManifest(manifest: BackupManifest): Record<string, unknown> {
  const { kind, created_at, ended_at, parts } = manifest;
  return {
    ...shownOrder(manifest, "done"),
    ended_at,
    bytes: parts.reduce((sum, { bytes }) => sum + bytes, 0),
    parts: parts.map(shownPart),
    kept_until: later(created_at, kind === "daily" ? backupDailyKept * dayMs : backupOnDemandMs),
  };
}

/** Rows of a database, keys of a namespace, objects of a bucket. */
function shownPart({ name, count, bytes, sha256 }: BackupPart): Record<string, unknown> {
  const unit = name.startsWith("d1:") ? "rows" : name.startsWith("kv:") ? "keys" : "objects";
  return { name, [unit]: count, bytes, sha256 };
}

function later(time: string, ms: number): string {
  return new Date(Date.parse(time) + ms).toISOString();
}

/** A dry run says what would be. */
export function shownRestore(restore: StoredRestore, instance: InstanceState): Record<string, unknown> {
  const { id, backup, dry_run: isDry, created_at, ended_at, progress, counts } = restore;
  const isLost = restore.state === "running" && instance !== "running";
  const state = isLost ? "failed" : restore.state;
  const error = isLost ? "its Workflow ended and left it unfinished: restore again" : restore.error;
  return {
    id,
    backup,
    state,
    dry_run: isDry,
    created_at,
    ...(ended_at === undefined ? {} : { ended_at }),
    parts: counts.map(({ name, added, changed, removed, unchanged, kept }) => ({
      name,
      ...(isDry ? { would_add: added, would_change: changed, would_remove: removed } : { added, changed, removed }),
      unchanged,
      kept,
    })),
    progress,
    ...(error === undefined ? {} : { error }),
  };
}
