/** Where an hour's manifest lies and how it changes: one object an hour, replaced only by who has seen the one before. */
import { sha256Hex } from "../platform/bytes.ts";
import { Manifest } from "../schemas/manifest.ts";
import { hourOfKey, hourPath } from "./event-log.ts";

export interface StreamHour {
  readonly stream: string;
  /** Counted from 1970. */
  readonly hour: number;
}

export interface HeldManifest {
  readonly manifest: Manifest;
  readonly etag: string;
}

/** A manifest grows with its parts and sources, some 400 B each: ten thousand of both are far from usual. */
const manifestBytesMax = 8 * 1_048_576;

export function manifestPrefix(stream: string): string {
  return `manifests/v1/stream=${stream}/`;
}

export function manifestKey({ stream, hour }: StreamHour): string {
  return `${manifestPrefix(stream)}${hourPath(hour)}.json`;
}

/** The folder of an hour's Parquet objects, of whatever generation. */
export function partPrefix({ stream, hour }: StreamHour): string {
  return `compacted/v1/stream=${stream}/${hourPath(hour)}/`;
}

/** Throws on a manifest that cannot be read: a guess would count what it names twice or not at all. */
export async function findManifest(bucket: R2Bucket, of: StreamHour): Promise<HeldManifest | undefined> {
  const key = manifestKey(of);
  const object = await bucket.get(key);
  if (object === null) return undefined;
  if (object.size > manifestBytesMax) throw new Error(`${key} has ${object.size} bytes, more than a manifest can have`);
  const text = await object.text();
  const parsed = Manifest.safeParse(parseJson(text));
  if (!parsed.success)
    throw new Error(`${key} is not a manifest: ${parsed.error.issues[0]?.path.join(".")}: ${parsed.error.issues[0]?.message}`);
  return { manifest: parsed.data, etag: object.etag };
}

/** False when another one stands there than `before`. Writing the same again is success. */
export async function swapManifest(
  bucket: R2Bucket,
  of: StreamHour,
  change: { manifest: Manifest; before: string | undefined },
): Promise<boolean> {
  const key = manifestKey(of);
  const text = `${JSON.stringify(change.manifest, undefined, 1)}\n`;
  const sha256 = sha256Hex(text);
  const { generation, events, missing_positions: missing, parts, quarantined } = change.manifest;
  const stored = await bucket.put(key, text, {
    onlyIf: change.before === undefined ? new Headers({ "If-None-Match": "*" }) : { etagMatches: change.before },
    httpMetadata: { contentType: "application/json" },
    customMetadata: {
      sha256,
      generation: String(generation),
      events: String(events),
      missing: String(missing),
      parts: String(parts.length),
      quarantined: String(quarantined.length),
    },
  });
  if (stored !== null) return true;
  return (await bucket.head(key))?.customMetadata?.["sha256"] === sha256;
}

/** Hours of a stream that have a manifest, in order, from `fromHour` up to but not including `toHour`. */
export async function* listManifestHours(
  bucket: R2Bucket,
  { stream, fromHour, toHour }: { stream: string; fromHour: number; toHour: number },
): AsyncGenerator<number> {
  const prefix = manifestPrefix(stream);
  const end = `${prefix}${hourPath(toHour)}`;
  // A folder's path sorts before every name that begins with it.
  let startAfter = `${prefix}${hourPath(fromHour)}`;
  for (;;) {
    const page = await bucket.list({ prefix, startAfter });
    for (const { key } of page.objects) {
      if (key >= end) return;
      const hour = hourOfKey(key);
      if (hour !== undefined) yield hour;
    }
    const last = page.objects.at(-1)?.key;
    if (!page.truncated || last === undefined) return;
    startAfter = last;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
