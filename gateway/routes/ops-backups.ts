/** /ops/backups: operators make backups, look at them, have their checksums read, and delete them. Restoring is for ops-restores.ts. */
import { Hono } from "hono";
import { z } from "zod";
import { AppError } from "../../platform/errors.ts";
import { logInfo } from "../../platform/log.ts";
import { BackupBody, BackupId, backupIdOf, partNames } from "../../schemas/backup.ts";
import type { BackupOrder } from "../../schemas/backup.ts";
import { backupBodyBytesMax, backupPageDefault, backupPageMax, backupVerifyTimeoutMs } from "../../schemas/limits-backups.ts";
import { deleteBackup, findBackup, listBackupIds, putOrder } from "../../stores/backups.ts";
import {
  backupStore,
  checkedParts,
  damagedParts,
  idOf,
  onRecord,
  requireManifest,
  runningRestore,
  stateBehind,
  unknownBackup,
} from "../backups/held.ts";
import type { BackupContext } from "../backups/held.ts";
import { shownBackup, stateOf } from "../backups/shown.ts";
import { ask } from "../http/ask.ts";
import { decodeCursor, encodeCursor } from "../http/cursor.ts";
import { pageOf, success } from "../http/envelope.ts";
import { Cursor, wholeNumber } from "../http/parameters.ts";
import { parseQuery } from "../http/query.ts";
import { readTypedJson } from "../http/typed-body.ts";
import type { GatewayEnv } from "../middleware/request-id.ts";

const noStore = { "cache-control": "no-store" };

export const BackupQuery = z.object({ limit: wholeNumber(1, backupPageMax).default(backupPageDefault), cursor: Cursor.optional() });
/** By id: a page goes on behind the last of the one before, whatever was made or deleted meanwhile. */
const BackupCursor = z.object({ v: z.literal(1), before: BackupId });

export function backupRoutes(clock: () => number): Hono<GatewayEnv> {
  return new Hono<GatewayEnv>()
    .get("/ops/backups", (c) => answerBackups(c))
    .post("/ops/backups", (c) => makeBackup(c, clock()))
    .get("/ops/backups/:id", (c) => answerBackup(c))
    .delete("/ops/backups/:id", (c) => removeBackup(c, clock()))
    .post("/ops/backups/:id/verify", (c) => verifyBackup(c));
}

async function answerBackups(c: BackupContext): Promise<Response> {
  const { limit, cursor } = parseQuery(BackupQuery, new URL(c.req.url).searchParams);
  const before = cursor === undefined ? undefined : decodeCursor(BackupCursor, cursor).before;
  const ids = (await ask(listBackupIds(c.env.CONFIG_BACKUPS), backupStore)).filter((id) => before === undefined || id < before);
  const page = ids.slice(0, limit);
  const next = ids.length > limit ? encodeCursor({ v: 1, before: page.at(-1) }) : undefined;
  const shown = await Promise.all(page.map((id) => lookAt(c, id)));
  // Deleted since it was listed.
  return c.json(
    success(
      shown.filter((backup) => backup !== undefined),
      pageOf(limit, next),
    ),
    200,
    noStore,
  );
}

async function answerBackup(c: BackupContext): Promise<Response> {
  const shown = await lookAt(c, idOf(c));
  if (shown === undefined) throw unknownBackup();
  return c.json(success(shown), 200, noStore);
}

async function lookAt(c: BackupContext, id: string): Promise<Record<string, unknown> | undefined> {
  const found = await ask(findBackup(c.env.CONFIG_BACKUPS, id), backupStore);
  return found === undefined ? undefined : shownBackup(id, found, await stateBehind(c, id, found));
}

async function makeBackup(c: BackupContext, nowMs: number): Promise<Response> {
  const { parts = [...partNames], comment } = await readTypedJson(c.req.raw, BackupBody, backupBodyBytesMax);
  await requireNoneRunning(c);
  const id = backupIdOf(nowMs, crypto.randomUUID());
  const created_at = new Date(nowMs).toISOString();
  const order: BackupOrder = { v: 1, id, kind: "on-demand", created_at, ...(comment === undefined ? {} : { comment }), parts };
  await onRecord(c, nowMs, { action: "backup.made", id, details: { parts: parts.join(" "), comment: comment ?? "" } });
  await ask(putOrder(c.env.CONFIG_BACKUPS, order), backupStore);
  await ask(c.env.BACKUP.create({ id, params: order }), { what: "the Workflow" });
  logInfo("ops.backup.started", { id });
  return c.json(success(shownBackup(id, { kind: "open", order }, "running")), 202, noStore);
}

/** Two at once would only read everything twice, and one beside a restore would hold half of it. */
async function requireNoneRunning(c: BackupContext): Promise<void> {
  const restore = await runningRestore(c);
  if (restore !== undefined) throw new AppError("CONFLICT", `restore ${restore.id} is running: wait for its end`);
  const [newest] = await ask(listBackupIds(c.env.CONFIG_BACKUPS), backupStore);
  const found = newest === undefined ? undefined : await ask(findBackup(c.env.CONFIG_BACKUPS, newest), backupStore);
  if (newest === undefined || found === undefined) return;
  if (stateOf(found, await stateBehind(c, newest, found)) === "running")
    throw new AppError("CONFLICT", `backup ${newest} is running: wait for its end`, { details: { id: newest } });
}

async function verifyBackup(c: BackupContext): Promise<Response> {
  const id = idOf(c);
  const found = await ask(findBackup(c.env.CONFIG_BACKUPS, id), backupStore);
  if (found === undefined) throw unknownBackup();
  const parts = found.kind === "damaged" ? damagedParts(found) : await checkedParts(c, requireManifest(found));
  return c.json(success({ ok: parts.every(({ ok }) => ok), parts }), 200, noStore);
}

async function removeBackup(c: BackupContext, nowMs: number): Promise<Response> {
  const id = idOf(c);
  const found = await ask(findBackup(c.env.CONFIG_BACKUPS, id), backupStore);
  if (found === undefined) throw unknownBackup();
  if (stateOf(found, await stateBehind(c, id, found)) === "running")
    throw new AppError("CONFLICT", "the backup is running: wait for its end");
  const restore = await runningRestore(c);
  if (restore?.backup === id) throw new AppError("CONFLICT", `restore ${restore.id} reads this backup: wait for its end`);
  await onRecord(c, nowMs, { action: "backup.deleted", id, details: {} });
  await ask(deleteBackup(c.env.CONFIG_BACKUPS, id), { ...backupStore, timeoutMs: backupVerifyTimeoutMs });
  return c.json(success({ id, deleted: true }), 200, noStore);
}
