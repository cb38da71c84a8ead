/** Sets aside what of the log cannot be believed: a copy with the reason, under a name that says of what. The original stays where it is
 *  until an operator deletes or repairs it. */
import { logWarning } from "../platform/log.ts";
import { streamPrefix } from "./event-log.ts";
import type { CorruptLogObject } from "./event-log-object.ts";
import { listAll } from "./event-log-sources.ts";
import type { Quarantined } from "../schemas/manifest.ts";

const prefix = "quarantine/v1/";
/** A reason is for people and lies in metadata, of which an object has 2 KB. */
const reasonCharsMax = 400;

/** Repeats are one copy: its name holds the content's etag. */
export async function quarantine(bucket: R2Bucket, corrupt: CorruptLogObject): Promise<Quarantined> {
  const { key, etag } = corrupt;
  const reason = corrupt.reason.slice(0, reasonCharsMax);
  const copy = `${prefix}${key}.${etag}`;
  const object = await bucket.get(key);
  // Repaired or deleted since it was read: then the copy would be of something else.
  if (object !== null && object.etag === etag)
    await bucket.put(copy, object.body, {
      onlyIf: new Headers({ "If-None-Match": "*" }),
      customMetadata: { reason: asciiOf(reason), key: asciiOf(key), etag },
    });
  logWarning("log.object.quarantined", { key, reason });
  return { key, etag, reason, copy };
}

export interface QuarantineEntry {
  readonly copy: string;
  readonly key: string;
  readonly reason: string;
  readonly bytes: number;
  readonly at: number;
}

/** What was set aside of a stream, oldest hour first, up to `max` of them. */
export async function listQuarantine(bucket: R2Bucket, stream: string, max: number): Promise<QuarantineEntry[]> {
  const entries: QuarantineEntry[] = [];
  for await (const object of listAll(bucket, { prefix: `${prefix}${streamPrefix(stream)}`, include: ["customMetadata"] })) {
    if (entries.length === max) break;
    const { key = "", reason = "" } = object.customMetadata ?? {};
    entries.push({ copy: object.key, key, reason, bytes: object.size, at: object.uploaded.getTime() });
  }
  return entries;
}

/** Metadata travels in headers. */
function asciiOf(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, "?");
}
