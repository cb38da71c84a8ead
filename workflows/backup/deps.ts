/** What the steps of a backup and of a restore do, on the real stores. */
import { CacheTag } from "../../schemas/cache.ts";
import { hotTables } from "../../stores/hot-cache-tables.ts";
import { announceChange } from "../../stores/changes.ts";
import { publish, readPublished } from "../../stores/runtime-config.ts";
import { findBackup, putManifest, putOrder } from "../../stores/backups.ts";
import { findFault, putSlice, readSlice } from "../../stores/backups-objects.ts";
import { partStore } from "../../stores/backups-parts.ts";
import type { BackupSources, PartLimits, PartStore } from "../../stores/backups-parts.ts";
import { putRestore } from "../../stores/backups-restores.ts";
import type { BackupPart, BackupSlice, PartName } from "../../schemas/backup.ts";
import type { Examined, RestoreDeps, RestoreSlice } from "./restore.ts";
import type { BackupDeps } from "./run.ts";

export type BackupBindings = BackupSources & Pick<Env, "CONFIG_BACKUPS">;

export function backupDeps(env: BackupBindings, id: string, limits: PartLimits = {}): BackupDeps {
  const bucket = env.CONFIG_BACKUPS;
  const of = (part: PartName): PartStore => partStore(env, part, { nowMs: Date.now, limits });
  return {
    begin: (order) => putOrder(bucket, order),
    sections: (part) => of(part).sections(),
    slice: async ({ part, head, index, after }) => {
      const { lines, next } = await of(part).read(head, after);
      return { slice: await putSlice(bucket, { id, part, section: head.name, index, after }, lines), next };
    },
    nowMs: Date.now,
    finish: (manifest) => putManifest(bucket, manifest),
  };
}

export function restoreDeps(env: BackupBindings, limits: PartLimits = {}): RestoreDeps {
  const bucket = env.CONFIG_BACKUPS;
  const of = (part: PartName): PartStore => partStore(env, part, { nowMs: Date.now, limits });
  const linesOf = async ({ section, index }: RestoreSlice) => {
    const slice = section.slices[index];
    if (slice === undefined) throw new Error(`${section.name} has no slice ${index}`);
    return { index, lines: await readSlice(bucket, slice) };
  };
  return {
    part: async (backup, name) => {
      const found = await findBackup(bucket, backup);
      return found?.kind === "made" ? found.manifest.parts.find((part) => part.name === name) : undefined;
    },
    check: (slices) => firstFault(bucket, slices),
    examine: (part) => examine(of(part.name), part),
    create: (part, section) => of(part).create(section),
    compare: async (slice) => of(slice.part).compare(slice.section, await linesOf(slice)),
    write: async (slice) => of(slice.part).write(slice.section, await linesOf(slice)),
    finish: (part, section) => of(part).finish(section),
    announce: (parts) => announce(env, parts),
    note: (restore) => putRestore(bucket, restore),
    nowMs: Date.now,
  };
}

async function firstFault(bucket: R2Bucket, slices: readonly BackupSlice[]): Promise<string | null> {
  for (const slice of slices) {
    const fault = await findFault(bucket, slice);
    if (fault !== undefined) return fault;
  }
  return null;
}

async function examine(store: PartStore, { sections }: BackupPart): Promise<Examined> {
  const absent: string[] = [];
  for (const section of sections) {
    const state = await store.examine(section);
    if (typeof state === "object") return state;
    if (state === "absent") absent.push(section.name);
  }
  return { absent };
}

/** Answers made from these rows are forgotten, and isolates take no configuration that is older than what they have: it is published anew. */
async function announce(env: BackupBindings, parts: readonly PartName[]): Promise<void> {
  for (const { database, stream } of hotTables) {
    const tag = CacheTag.safeParse(stream);
    if (tag.success && parts.includes(`d1:${database}`)) await announceChange(tag.data, { nowMs: Date.now() });
  }
  const isConfigured = parts.includes("d1:SESSIONS_DB") || parts.includes("kv:CONFIG_CACHE");
  if (isConfigured && (await readPublished(env)) !== null) await publish(env, Date.now());
}
