/** POST /ops/backups/{id}/restore and GET /ops/restores/{id}: a restore is a dry run unless the backup's id is given twice. Every checksum is read
 *  before anything is begun, and one restore writes at a time. */
import { Hono } from "hono";
import { AppError } from "../../platform/errors.ts";
import { logInfo } from "../../platform/log.ts";
import { backupIdOf, RestoreBody } from "../../schemas/backup.ts";
import type { BackupManifest, PartName, StoredRestore } from "../../schemas/backup.ts";
import { backupBodyBytesMax } from "../../schemas/limits-backups.ts";
import { findBackup } from "../../stores/backups.ts";
import { findRestore, findTurn, putRestore, takeTurn } from "../../stores/backups-restores.ts";
import {
  backupStore,
  checkedParts,
  idOf,
  onRecord,
  requireManifest,
  restoreState,
  runningRestore,
  unknownBackup,
  workflows,
} from "../backups/held.ts";
import type { BackupContext } from "../backups/held.ts";
import { shownRestore } from "../backups/shown.ts";
import { ask } from "../http/ask.ts";
import { success } from "../http/envelope.ts";
import { readTypedJson } from "../http/typed-body.ts";
import type { GatewayEnv } from "../middleware/request-id.ts";

const noStore = { "cache-control": "no-store" };

export function restoreRoutes(clock: () => number): Hono<GatewayEnv> {
  return new Hono<GatewayEnv>()
    .post("/ops/backups/:id/restore", (c) => restoreBackup(c, clock()))
    .get("/ops/restores/:id", (c) => answerRestore(c));
}

async function answerRestore(c: BackupContext): Promise<Response> {
  const restore = await ask(findRestore(c.env.CONFIG_BACKUPS, idOf(c)), backupStore);
  if (restore === undefined) throw new AppError("NOT_FOUND", "there is no such restore");
  return c.json(success(shownRestore(restore, await restoreState(c, restore))), 200, noStore);
}

async function restoreBackup(c: BackupContext, nowMs: number): Promise<Response> {
  const id = idOf(c);
  const { parts, dry_run: isDry, confirm } = await readTypedJson(c.req.raw, RestoreBody, backupBodyBytesMax);
  if (!isDry && confirm !== id) throw invalid("confirm", "must be the id of the backup, as a restore replaces what is there");
  const found = await ask(findBackup(c.env.CONFIG_BACKUPS, id), backupStore);
  if (found === undefined) throw unknownBackup();
  const manifest = requireManifest(found);
  const restore = orderOf(manifest, { parts, isDry, nowMs });
  await requireIntact(c, manifest, restore.parts);
  if (!isDry) await begin(c, restore, nowMs);
  await ask(putRestore(c.env.CONFIG_BACKUPS, restore), backupStore);
  await ask(c.env.RESTORE.create({ id: restore.id, params: restore }), workflows);
  logInfo("ops.restore.started", { id: restore.id, backup: id, dry_run: isDry });
  return c.json(success(shownRestore(restore, "running")), 202, noStore);
}

interface Wish {
  readonly parts: readonly PartName[] | undefined;
  readonly isDry: boolean;
  readonly nowMs: number;
}

function orderOf(manifest: BackupManifest, { parts, isDry, nowMs }: Wish): StoredRestore {
  const held = manifest.parts.map(({ name }) => name);
  const unknown = parts?.find((name) => !held.includes(name));
  if (unknown !== undefined) throw invalid("parts", `${unknown} is not in this backup, which has ${held.join(", ")}`);
  return {
    v: 1,
    id: backupIdOf(nowMs, crypto.randomUUID()),
    backup: manifest.id,
    dry_run: isDry,
    parts: [...(parts ?? held)],
    created_at: new Date(nowMs).toISOString(),
    state: "running",
    progress: { done: 0, total: 0 },
    counts: [],
  };
}

/** A restore from something else than what was written would be worse than none. */
async function requireIntact(c: BackupContext, manifest: BackupManifest, names: readonly PartName[]): Promise<void> {
  const damaged = (await checkedParts(c, manifest, names)).filter(({ ok }) => !ok);
  if (damaged.length === 0) return;
  const message = `the backup is damaged: ${damaged.map(({ name, reason }) => `${name} (${reason})`).join(", ")}`;
  throw new AppError("CONFLICT", message, { details: { parts: damaged } });
}

/** Its turn, and on record, before anything is written. */
async function begin(c: BackupContext, { id, backup, parts }: StoredRestore, nowMs: number): Promise<void> {
  const held = await ask(findTurn(c.env.CONFIG_BACKUPS), backupStore);
  const other = await runningRestore(c);
  if (other !== undefined)
    throw new AppError("CONFLICT", `restore ${other.id} is running: wait for its end`, { details: { id: other.id } });
  await onRecord(c, nowMs, { action: "backup.restored", id: backup, details: { restore: id, parts: parts.join(" ") } });
  if (!(await ask(takeTurn(c.env.CONFIG_BACKUPS, held, id), backupStore)))
    throw new AppError("CONFLICT", "another restore was begun in this moment: look at it first");
}

function invalid(parameter: string, message: string): AppError {
  return new AppError("INVALID_PARAMETERS", `${parameter}: ${message}`, { details: { parameter } });
}
