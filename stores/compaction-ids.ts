/** Which events of an hour repeat a source and id that came before, at another position. Parts are written one a step, so what is known
 *  lies in R2 between them: sorted hashes of 64 bits, in shares of which one at a time is in memory. */
import { keyOf } from "../schemas/version.ts";
import { compactionIdsMax } from "../schemas/limits.ts";

export interface IdFolder {
  readonly work: string;
  /** Of the part that is being written, from 0. */
  readonly index: number;
  readonly shards: number;
}

export interface Flagged {
  readonly repeats: readonly boolean[];
  readonly heldBytes: number;
}

export interface Identities {
  readonly source: readonly unknown[];
  readonly id: readonly unknown[];
}

/** Flags the part's events and stores what the next part has to know. The same part gives the same flags, however often it is written. */
export async function flagRepeats(bucket: R2Bucket, folder: IdFolder, identities: Identities): Promise<Flagged> {
  const hashes = hashesOf(identities);
  const repeats = hashes.map(() => false);
  let heldBytes = 0;
  for (let shard = 0; shard < folder.shards; shard += 1) {
    const known = await readHashes(bucket, folder, shard);
    const fresh = new Set<bigint>();
    for (const [row, hash] of hashes.entries()) {
      if (hash === undefined || shardOf(hash, folder.shards) !== shard) continue;
      if (fresh.has(hash) || holds(known, hash)) repeats[row] = true;
      else fresh.add(hash);
    }
    const next = new BigUint64Array(known.length + fresh.size);
    next.set(known);
    next.set([...fresh], known.length);
    next.sort();
    heldBytes = Math.max(heldBytes, known.byteLength + next.byteLength + fresh.size * 64);
    await bucket.put(keyOfShard(folder, shard), new Uint8Array(next.buffer));
  }
  return { repeats, heldBytes };
}

/** An event without source or id repeats nothing. */
function hashesOf({ source, id }: Identities): (bigint | undefined)[] {
  return source.map((name, row) => {
    const own = id[row];
    return typeof name === "string" && typeof own === "string" ? BigInt(`0x${keyOf(name, own)}`) : undefined;
  });
}

function shardOf(hash: bigint, shards: number): number {
  return Number(hash >> 48n) % shards;
}

async function readHashes(bucket: R2Bucket, folder: IdFolder, shard: number): Promise<BigUint64Array> {
  if (folder.index === 0) return new BigUint64Array();
  const key = keyOfShard({ ...folder, index: folder.index - 1 }, shard);
  const object = await bucket.get(key);
  if (object === null) throw new Error(`${key} is gone: the compaction has to begin again`);
  if (object.size > 2 * compactionIdsMax * BigUint64Array.BYTES_PER_ELEMENT)
    throw new Error(`${key} has ${object.size} bytes: too many ids`);
  return new BigUint64Array(await object.arrayBuffer());
}

function keyOfShard({ work, index }: IdFolder, shard: number): string {
  return `${work}ids-${index}-${shard}`;
}

function holds(sorted: BigUint64Array, hash: bigint): boolean {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const value = sorted[middle] ?? 0n;
    if (value === hash) return true;
    if (value < hash) low = middle + 1;
    else high = middle;
  }
  return false;
}
