/** Restores in R2 (CONFIG_BACKUPS): what was asked for and how far it is, and whose turn it is to write. */
import { BackupId, RestoreTurn, StoredRestore, timeOfId } from "../schemas/backup.ts";
import { listAll } from "./event-log-sources.ts";

const root = "restores/v1/";
const recordKey = (id: string): string => `${root}${id}.json`;
const turnKey = `${root}turn.json`;

export async function putRestore(bucket: R2Bucket, restore: StoredRestore): Promise<void> {
  await bucket.put(recordKey(restore.id), JSON.stringify(restore), { httpMetadata: { contentType: "application/json" } });
}

/** Throws when it cannot be read. */
export async function findRestore(bucket: R2Bucket, id: string): Promise<StoredRestore | undefined> {
  const object = await bucket.get(recordKey(id));
  return object === null ? undefined : StoredRestore.parse(await object.json());
}

export interface HeldTurn {
  /** Undefined while nobody ever had it. */
  readonly id: string | undefined;
  readonly etag: string | undefined;
}

/** Who had the last turn; whether that is over is the caller's to find out. */
export async function findTurn(bucket: R2Bucket): Promise<HeldTurn> {
  const object = await bucket.get(turnKey);
  if (object === null) return { id: undefined, etag: undefined };
  return { id: RestoreTurn.parse(await object.json()).id, etag: object.etag };
}

/** False when somebody else took it since `held` was read. */
export async function takeTurn(bucket: R2Bucket, held: HeldTurn, id: string): Promise<boolean> {
  const onlyIf = held.etag === undefined ? new Headers({ "If-None-Match": "*" }) : { etagMatches: held.etag };
  return (await bucket.put(turnKey, JSON.stringify({ v: 1, id } satisfies RestoreTurn), { onlyIf })) !== null;
}

/** Drops what is known of restores begun before then. */
export async function forgetRestores(bucket: R2Bucket, beforeMs: number): Promise<number> {
  const old: string[] = [];
  for await (const { key } of listAll(bucket, { prefix: root })) {
    const { data: id } = BackupId.safeParse(key.slice(root.length, -".json".length));
    if (id !== undefined && timeOfId(id) < beforeMs) old.push(key);
  }
  // As many as one call takes; the rest waits for the next day.
  const gone = old.slice(0, 1_000);
  if (gone.length > 0) await bucket.delete(gone);
  return gone.length;
}
