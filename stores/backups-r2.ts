/** Small objects of a bucket in a backup: the log's manifests and holds, with their metadata, in slices by key. Restoring brings back what is
 *  missing and touches nothing that is there. */
import type { After } from "../schemas/backup.ts";
import { bodyOf, bytesOfBody } from "./backups-body.ts";
import type { KeptBody } from "./backups-body.ts";
import type { SliceLimits, SliceLines } from "./backups-objects.ts";
import type { Compared } from "./backups-rules.ts";

/** Of EDGE_LOGS. Parts and raw objects of the log are not copied: they are the log. */
export const backedUpPrefixes = ["manifests/", "holds/"] as const;

interface KeptObject extends KeptBody {
  readonly key: string;
  /** MD5 of the content, as R2 has it for what was put in one piece. */
  readonly etag: string;
  readonly type?: string;
  readonly metadata?: Record<string, string>;
}

/** Objects behind `after`, as many as fit. */
export async function readObjects(
  bucket: R2Bucket,
  prefix: string,
  { after, limits }: { readonly after: After; readonly limits: SliceLimits },
): Promise<SliceLines> {
  const page = await bucket.list({ prefix, limit: limits.rowsMax, ...(after === null ? {} : { startAfter: String(after[0]) }) });
  const lines: string[] = [];
  let bytes = 0;
  for (const { key } of page.objects) {
    if (bytes >= limits.bytesMax) return { lines, next: [keyOf(page.objects[lines.length - 1])] };
    const line = await readObject(bucket, key);
    lines.push(line ?? "");
    bytes += line?.length ?? 0;
  }
  const kept = lines.filter((line) => line !== "");
  return { lines: kept, next: page.truncated ? [keyOf(page.objects.at(-1))] : null };
}

function keyOf(object: R2Object | undefined): string {
  return object?.key ?? "";
}

/** Undefined when it was deleted since it was listed. */
async function readObject(bucket: R2Bucket, key: string): Promise<string | undefined> {
  const object = await bucket.get(key);
  if (object === null) return undefined;
  const type = object.httpMetadata?.contentType;
  const metadata = object.customMetadata;
  const kept: KeptObject = {
    key,
    etag: object.etag,
    ...(type === undefined ? {} : { type }),
    ...(metadata === undefined || Object.keys(metadata).length === 0 ? {} : { metadata }),
    ...bodyOf(new Uint8Array(await object.arrayBuffer())),
  };
  return JSON.stringify(kept);
}

/** `present` counts only what the backup knows: what came since is no difference. */
export async function compareObjects(bucket: R2Bucket, lines: readonly string[]): Promise<Compared> {
  let matched = 0;
  let same = 0;
  for (const line of lines) {
    const { key, etag } = JSON.parse(line) as KeptObject;
    const found = await bucket.head(key);
    if (found === null) continue;
    matched += 1;
    if (found.etag === etag) same += 1;
  }
  return { total: lines.length, matched, same, present: matched };
}

export async function writeObjects(bucket: R2Bucket, lines: readonly string[]): Promise<void> {
  for (const line of lines) {
    const { key, type, metadata, ...body } = JSON.parse(line) as KeptObject;
    await bucket.put(key, bytesOfBody(body), {
      onlyIf: new Headers({ "If-None-Match": "*" }),
      ...(type === undefined ? {} : { httpMetadata: { contentType: type } }),
      ...(metadata === undefined ? {} : { customMetadata: metadata }),
    });
  }
}
