/** Backups and restores. */
import { z } from "zod";
import type { ZodOpenApiPathsObject } from "zod-openapi";
import { BackupBody, BackupId, backupKinds, PartName, RestoreBody, restoreStates } from "../../../schemas/backup.ts";
import { BackupQuery } from "../../routes/ops-backups.ts";
import { failures, jsonBody, ok, operators, page, pathName } from "../parts.ts";

const Part = z.object({
  name: PartName,
  rows: z.int().optional().describe("of a database"),
  keys: z.int().optional().describe("of a namespace"),
  objects: z.int().optional().describe("of a bucket"),
  bytes: z.int().describe("as stored"),
  sha256: z.string().describe("of the hashes of its objects, in order, a line each"),
});

export const Backup = z
  .object({
    id: BackupId,
    state: z.enum(["running", "done", "failed"]),
    kind: z.enum(backupKinds),
    created_at: z.iso.datetime(),
    ended_at: z.iso.datetime().optional(),
    comment: z.string().optional(),
    bytes: z.int(),
    parts: z.array(Part).describe("empty until it is done"),
    kept_until: z.iso.datetime().optional().describe("at least: one may be kept longer as that of its week or month"),
    error: z.string().optional(),
  })
  .meta({ id: "Backup" });

const Restored = z.object({
  name: PartName,
  would_add: z.int().optional().describe("in a dry run"),
  would_change: z.int().optional(),
  would_remove: z.int().optional(),
  added: z.int().optional(),
  changed: z.int().optional(),
  removed: z.int().optional(),
  unchanged: z.int(),
  kept: z.int().describe("what stays although the backup has it otherwise, or not at all: decisions that must not be forgotten"),
});

export const Restore = z
  .object({
    id: BackupId,
    backup: BackupId,
    state: z.enum(restoreStates),
    dry_run: z.boolean(),
    created_at: z.iso.datetime(),
    ended_at: z.iso.datetime().optional(),
    parts: z.array(Restored).describe("as far as it is"),
    progress: z.object({ done: z.int(), total: z.int() }).describe("objects of the backup"),
    error: z.string().optional(),
  })
  .meta({ id: "Restore" });

const Checked = z.object({ name: PartName, ok: z.boolean(), reason: z.string().optional().describe("the first fault; names the object") });

const common = { tags: ["Backups"], security: operators };
const id = pathName("id", "of the backup");

export const backupPaths: ZodOpenApiPathsObject = {
  "/ops/backups": {
    get: {
      ...common,
      operationId: "listBackups",
      summary: "Backups, the newest first",
      requestParams: { query: BackupQuery },
      responses: { "200": page("a page", z.array(Backup)), ...failures(401, 504) },
    },
    post: {
      ...common,
      operationId: "makeBackup",
      summary: "Back up now: everything, or the parts named",
      requestBody: jsonBody(BackupBody),
      responses: { "202": ok("begun", Backup), ...failures(401, 409, 504) },
    },
  },
  "/ops/backups/{id}": {
    get: {
      ...common,
      operationId: "getBackup",
      summary: "A backup",
      requestParams: { path: id },
      responses: { "200": ok("the backup", Backup), ...failures(401, 504) },
    },
    delete: {
      ...common,
      operationId: "deleteBackup",
      summary: "Delete a backup before its time",
      requestParams: { path: id },
      responses: { "200": ok("deleted", z.object({ id: BackupId, deleted: z.literal(true) })), ...failures(401, 409, 504) },
    },
  },
  "/ops/backups/{id}/verify": {
    post: {
      ...common,
      operationId: "verifyBackup",
      summary: "Read every object of a backup and compare its checksum",
      requestParams: { path: id },
      responses: { "200": ok("part by part", z.object({ ok: z.boolean(), parts: z.array(Checked) })), ...failures(401, 409, 504) },
    },
  },
  "/ops/backups/{id}/restore": {
    post: {
      ...common,
      operationId: "restoreBackup",
      summary: "Restore a backup, or only count what that would change (the default). Checksums are read first",
      requestParams: { path: id },
      requestBody: jsonBody(RestoreBody),
      responses: { "202": ok("begun", Restore), ...failures(401, 409, 504) },
    },
  },
  "/ops/restores/{id}": {
    get: {
      ...common,
      operationId: "getRestore",
      summary: "A restore, and how far it is",
      requestParams: { path: pathName("id", "of the restore") },
      responses: { "200": ok("the restore", Restore), ...failures(401, 504) },
    },
  },
};
