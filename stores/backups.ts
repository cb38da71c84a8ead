/** Backups in R2 (CONFIG_BACKUPS): one folder each. `order.json` comes first, `manifest.json` last and in its place: without it there is no backup. The
 *  manifest carries the hash of itself and of every other object; nothing is believed that does not fit. */
import { sha256Hex } from "../platform/bytes.ts";
import { BackupFailure, BackupId, BackupOrder, SealedManifest } from "../schemas/backup.ts";
import type { BackupManifest } from "../schemas/backup.ts";
import { backupManifestBytesMax } from "../schemas/limits-backups.ts";
import { listAll } from "./event-log-sources.ts";

const root = "backups/v1/";
/** Keys that one call deletes at most (R2). */
const deleteMax = 1_000;

export const backupPrefix = (id: string): string => `${root}${id}/`;
const orderKey = (id: string): string => `${backupPrefix(id)}order.json`;
const manifestKey = (id: string): string => `${backupPrefix(id)}manifest.json`;
const failureKey = (id: string): string => `${backupPrefix(id)}failed.json`;

export type FoundBackup =
  | { readonly kind: "made"; readonly manifest: BackupManifest }
  | { readonly kind: "failed"; readonly order: BackupOrder; readonly failure: BackupFailure }
  /** Under way, or torn. */
  | { readonly kind: "open"; readonly order: BackupOrder }
  /** It was made, and cannot be believed. */
  | { readonly kind: "damaged"; readonly order: BackupOrder | undefined; readonly reason: string };

export async function putOrder(bucket: R2Bucket, order: BackupOrder): Promise<void> {
  await putJson(bucket, orderKey(order.id), JSON.stringify(order));
}

export async function putFailure(bucket: R2Bucket, id: string, failure: BackupFailure): Promise<void> {
  await putJson(bucket, failureKey(id), JSON.stringify(failure));
}

/** It says all that the order said: from here on every object of the folder is proven by it. */
export async function putManifest(bucket: R2Bucket, manifest: BackupManifest): Promise<void> {
  await putJson(bucket, manifestKey(manifest.id), sealed(manifest));
  await bucket.delete([orderKey(manifest.id), failureKey(manifest.id)]);
}

async function putJson(bucket: R2Bucket, key: string, text: string): Promise<void> {
  await bucket.put(key, text, { httpMetadata: { contentType: "application/json" } });
}

const sealHead = (sha256: string): string => `{"v":1,"sha256":"${sha256}","backup":`;

function sealed(manifest: BackupManifest): string {
  const text = JSON.stringify(manifest);
  return `${sealHead(sha256Hex(text))}${text}}`;
}

/** Throws unless it is, byte for byte, what putManifest wrote. */
export function parseManifest(text: string): BackupManifest {
  const head = sealHead("".padEnd(64));
  const body = text.slice(head.length, -1);
  if (text !== `${sealHead(sha256Hex(body))}${body}}`) throw new Error("its text has another hash than it says");
  return SealedManifest.parse(JSON.parse(text)).backup;
}

/** Undefined when there is nothing of that name. */
export async function findBackup(bucket: R2Bucket, id: string): Promise<FoundBackup | undefined> {
  const order = BackupOrder.safeParse(jsonOf(await textOf(bucket, orderKey(id)))).data;
  const text = await textOf(bucket, manifestKey(id));
  if (text !== undefined) return foundManifest(text, { id, order });
  if (order === undefined) return undefined;
  const failure = BackupFailure.safeParse(jsonOf(await textOf(bucket, failureKey(id)))).data;
  return failure === undefined ? { kind: "open", order } : { kind: "failed", order, failure };
}

function foundManifest(text: string, { id, order }: { id: string; order: BackupOrder | undefined }): FoundBackup {
  try {
    const manifest = parseManifest(text);
    if (manifest.id !== id) throw new Error(`it is of ${manifest.id}`);
    return { kind: "made", manifest };
  } catch {
    return { kind: "damaged", order, reason: "manifest.json is not what was written" };
  }
}

async function textOf(bucket: R2Bucket, key: string): Promise<string | undefined> {
  const object = await bucket.get(key);
  if (object === null) return undefined;
  if (object.size > backupManifestBytesMax) return "";
  return object.text();
}

/** Ids of all backups, whatever became of them, the newest first. There are some dozens. */
export async function listBackupIds(bucket: R2Bucket): Promise<string[]> {
  const ids: string[] = [];
  for (let cursor: string | undefined, more = true; more;) {
    const page = await bucket.list({ prefix: root, delimiter: "/", ...(cursor === undefined ? {} : { cursor }) });
    ids.push(...page.delimitedPrefixes.map((prefix) => prefix.slice(root.length, -1)));
    more = page.truncated;
    if (page.truncated) cursor = page.cursor;
  }
  return ids.filter((id) => BackupId.safeParse(id).success).toSorted((a, b) => (a < b ? 1 : -1));
}

/** Its manifest goes first: what is half deleted is no backup. Safe to do again. */
export async function deleteBackup(bucket: R2Bucket, id: string): Promise<void> {
  await bucket.delete(manifestKey(id));
  const keys: string[] = [];
  for await (const { key } of listAll(bucket, { prefix: backupPrefix(id) })) keys.push(key);
  for (let at = 0; at < keys.length; at += deleteMax) await bucket.delete(keys.slice(at, at + deleteMax));
}

function jsonOf(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "");
  } catch {
    return undefined;
  }
}
