/** One object of a backup: lines of JSON, gzipped, named by its place and proven by its hash. */
import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { messageOf } from "../platform/errors.ts";
import type { After, BackupSlice, PartName } from "../schemas/backup.ts";
import { backupSliceReadBytesMax } from "../schemas/limits-backups.ts";
import { backupPrefix } from "./backups.ts";

/** Which slice of which section of which part. */
export interface SlicePlace {
  readonly id: string;
  readonly part: PartName;
  readonly section: string;
  readonly index: number;
  readonly after: After;
}

/** Of one slice. */
export interface SliceLimits {
  readonly rowsMax: number;
  readonly bytesMax: number;
}

/** Lines of one slice, and what lies before the next; null behind the last. */
export interface SliceLines {
  readonly lines: readonly string[];
  readonly next: After;
}

/** The bytes are there and are not what was written, or they are gone. */
export class CorruptBackup extends Error {
  constructor(key: string, reason: string) {
    super(`${key}: ${reason}`);
    this.name = "CorruptBackup";
  }
}

/** Replaces what an earlier try has written under the same name. */
export async function putSlice(bucket: R2Bucket, place: SlicePlace, lines: readonly string[]): Promise<BackupSlice> {
  const bytes = await gzip(lines.map((line) => `${line}\n`).join(""));
  const key = keyOf(place);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  await bucket.put(key, bytes, { httpMetadata: { contentType: "application/gzip" }, sha256 });
  return { key, sha256, bytes: bytes.byteLength, count: lines.length, after: place.after };
}

/** `d1/OPPORTUNITIES_DB/opportunities/00000.ndjson.gz` below the backup's folder. */
function keyOf({ id, part, section, index }: SlicePlace): string {
  const folder = [...part.split(":"), ...section.split("/")].filter((name) => name !== "").join("/");
  return `${backupPrefix(id)}${folder}/${String(index).padStart(5, "0")}.ndjson.gz`;
}

async function gzip(text: string): Promise<Uint8Array> {
  const packed = new Response(text).body?.pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}

/** Why it cannot be believed; undefined when it is what was written. Throws what R2 throws. */
export async function findFault(bucket: R2Bucket, slice: BackupSlice): Promise<string | undefined> {
  try {
    await readBytes(bucket, slice);
    return undefined;
  } catch (error) {
    if (error instanceof CorruptBackup) return error.message;
    throw error;
  }
}

/** Its lines. Throws CorruptBackup, or what R2 throws. */
export async function readSlice(bucket: R2Bucket, slice: BackupSlice): Promise<string[]> {
  const packed = await readBytes(bucket, slice);
  const lines = linesOf(slice, packed);
  if (lines.length !== slice.count) throw new CorruptBackup(slice.key, `it has ${lines.length} lines, ${slice.count} were written`);
  return lines;
}

function linesOf({ key }: BackupSlice, packed: Uint8Array): string[] {
  try {
    const text = new TextDecoder().decode(gunzipSync(packed, { maxOutputLength: backupSliceReadBytesMax }));
    return text === "" ? [] : text.slice(0, -1).split("\n");
  } catch (error) {
    throw new CorruptBackup(key, messageOf(error));
  }
}

async function readBytes(bucket: R2Bucket, { key, bytes, sha256 }: BackupSlice): Promise<Uint8Array> {
  // No more than was written, whatever lies there now.
  const object = await bucket.get(key, { range: { offset: 0, length: bytes } });
  if (object === null) throw new CorruptBackup(key, "it is gone");
  // Read to its end before anything is judged: a body half read holds one of the Worker's six connections.
  const packed = new Uint8Array(await object.arrayBuffer());
  if (object.size !== bytes) throw new CorruptBackup(key, `it has ${object.size} bytes, ${bytes} were written`);
  if (createHash("sha256").update(packed).digest("hex") !== sha256)
    throw new CorruptBackup(key, "it has another hash than what was written");
  return packed;
}
