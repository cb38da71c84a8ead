/** What the routes of backups and of restores share: what is asked of R2 and of the Workflows, and what is refused. */
import type { Context } from "hono";
import { AppError } from "../../platform/errors.ts";
import { BackupId, partNames } from "../../schemas/backup.ts";
import type { BackupManifest, PartName, StoredRestore } from "../../schemas/backup.ts";
import { backupVerifyTimeoutMs } from "../../schemas/limits-backups.ts";
import type { FoundBackup } from "../../stores/backups.ts";
import { findRestore, findTurn } from "../../stores/backups-restores.ts";
import { checkParts } from "../../stores/backups-verify.ts";
import type { CheckedPart } from "../../stores/backups-verify.ts";
import { ask } from "../http/ask.ts";
import type { GatewayEnv } from "../middleware/request-id.ts";
import { identify } from "../security/access.ts";
import { askedBy } from "../security/audit.ts";
import { record } from "../security/change-config.ts";
import { instanceState } from "./instances.ts";
import type { InstanceState } from "./shown.ts";

export type BackupContext = Context<GatewayEnv>;

export const backupStore = { what: "the backups" };
export const workflows = { what: "the Workflow" };

/** The Workflow is asked only where R2 does not say. */
export async function stateBehind(c: BackupContext, id: string, found: FoundBackup): Promise<InstanceState> {
  return found.kind === "open" ? ask(instanceState(c.env.BACKUP, id, ageOf(found.order)), workflows) : "ended";
}

/** The restore whose turn it is, while it runs. */
export async function runningRestore(c: BackupContext): Promise<StoredRestore | undefined> {
  const { id } = await ask(findTurn(c.env.CONFIG_BACKUPS), backupStore);
  const restore = id === undefined ? undefined : await ask(findRestore(c.env.CONFIG_BACKUPS, id), backupStore);
  if (restore?.state !== "running") return undefined;
  return (await restoreState(c, restore)) === "running" ? restore : undefined;
}

export async function restoreState(c: BackupContext, restore: StoredRestore): Promise<InstanceState> {
  return restore.state === "running" ? ask(instanceState(c.env.RESTORE, restore.id, ageOf(restore)), workflows) : "ended";
}

function ageOf({ created_at }: { readonly created_at: string }): number {
  return Date.now() - Date.parse(created_at);
}

export function damagedParts({ order, reason }: Extract<FoundBackup, { kind: "damaged" }>): CheckedPart[] {
  return (order?.parts ?? partNames).map((name) => ({ name, ok: false, reason }));
}

export function checkedParts(
  c: BackupContext,
  manifest: BackupManifest,
  names: readonly PartName[] = manifest.parts.map(({ name }) => name),
): Promise<CheckedPart[]> {
  return ask(checkParts(c.env.CONFIG_BACKUPS, manifest, names), { ...backupStore, timeoutMs: backupVerifyTimeoutMs });
}

/** Throws CONFLICT for one that cannot be restored. */
export function requireManifest(found: FoundBackup): BackupManifest {
  if (found.kind === "made") return found.manifest;
  if (found.kind === "damaged")
    throw new AppError("CONFLICT", `the backup is damaged: ${found.reason}`, { details: { parts: damagedParts(found) } });
  throw new AppError("CONFLICT", "the backup has no manifest: it failed, or is not finished");
}

interface Decision {
  readonly action: "backup.made" | "backup.restored" | "backup.deleted";
  readonly id: string;
  readonly details: Readonly<Record<string, string | number | boolean>>;
}

/** Before it is done. */
export async function onRecord(c: BackupContext, nowMs: number, { action, id, details }: Decision): Promise<void> {
  const { actor, ...asked } = askedBy(c, await identify(c, nowMs));
  await record(c, { action, actor, ...asked, subject: id, details });
}

/** Throws INVALID_PARAMETERS. */
export function idOf(c: BackupContext): string {
  const parsed = BackupId.safeParse(c.req.param("id"));
  if (parsed.success) return parsed.data;
  throw new AppError("INVALID_PARAMETERS", `id: ${parsed.error.issues[0]?.message ?? "invalid"}`, { details: { parameter: "id" } });
}

export function unknownBackup(): AppError {
  return new AppError("NOT_FOUND", "there is no such backup");
}
