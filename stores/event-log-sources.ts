/** Which objects hold an hour: the parts its manifest names and the raw objects it does not, and how each is opened. */
import { createHash } from "node:crypto";
import { messageOf } from "../platform/errors.ts";
import { logPartFileBytesMax } from "../schemas/limits.ts";
import type { Manifest, ManifestPart } from "../schemas/manifest.ts";
import { hourPrefix, parseLogKey } from "./event-log.ts";
import { comparePositions, CorruptLogObject, openObject } from "./event-log-object.ts";
import type { LineCursor } from "./event-log-object.ts";
import { decodePart } from "./event-log-parquet.ts";
import type { PartCursor } from "./event-log-parquet.ts";
import type { StreamHour } from "./log-manifest.ts";

export interface RawObject {
  readonly key: string;
  readonly etag: string;
}

/** With how many events its writer put in it; what was restored by hand may not say. */
export interface CountedObject extends RawObject {
  readonly count: number;
}

/** Lines of one epoch, in order. */
export interface LogSource {
  readonly key: string;
  readonly epoch: string;
  readonly first: number;
  readonly last: number;
  /** Set for a Parquet part. */
  readonly part?: ManifestPart;
}

/** An object was deleted between being listed and being read: whoever reads begins again. */
export class LogObjectGone extends Error {
  constructor(key: string) {
    super(`log object ${key} was deleted while it was to be read: the hour was compacted meanwhile, read it again`);
    this.name = "LogObjectGone";
  }
}

/** Raw objects of one hour, in the order of epoch and first offset: keys sort like what they hold. */
export async function listRawObjects(bucket: R2Bucket, { stream, hour }: StreamHour): Promise<CountedObject[]> {
  const listed: CountedObject[] = [];
  for await (const { key, etag, customMetadata } of listAll(bucket, { prefix: hourPrefix(stream, hour), include: ["customMetadata"] })) {
    const name = parseLogKey(key);
    if (name === undefined) continue;
    listed.push({ key, etag, count: Number(customMetadata?.["count"]) || name.last - name.first + 1 });
  }
  return listed;
}

/** Every object of a prefix, page after page. */
export async function* listAll(bucket: R2Bucket, options: R2ListOptions): AsyncGenerator<R2Object> {
  let page = await bucket.list(options);
  for (;;) {
    yield* page.objects;
    if (!page.truncated) return;
    page = await bucket.list({ ...options, cursor: page.cursor });
  }
}

export function nameOf(key: string): string {
  return key.slice(key.lastIndexOf("/") + 1);
}

/** Raw objects that a manifest neither was made of nor set aside. */
export function unlistedObjects(raw: readonly RawObject[], manifest: Manifest | undefined): RawObject[] {
  if (manifest === undefined) return [...raw];
  const sources = new Set(manifest.sources);
  const aside = new Map(manifest.quarantined.map(({ key, etag }) => [key, etag]));
  return raw.filter(({ key, etag }) => !sources.has(nameOf(key)) && aside.get(key) !== etag);
}

export function rawSources(raw: readonly RawObject[]): LogSource[] {
  return raw.flatMap(({ key }) => {
    const name = parseLogKey(key);
    return name === undefined ? [] : [{ key, epoch: name.epoch, first: name.first, last: name.last }];
  });
}

export function partSources(parts: readonly ManifestPart[]): LogSource[] {
  return parts.map((part) => ({ key: part.key, epoch: part.epoch, first: part.first, last: part.last, part }));
}

/** In the order in which they are to be read. */
export function sortSources(sources: readonly LogSource[]): LogSource[] {
  const at = ({ epoch, first }: LogSource) => ({ epoch, offset: first });
  return [...sources].sort((a, b) => comparePositions(at(a), at(b)) || (a.key < b.key ? -1 : 1));
}

/** Checks what it opens. Throws CorruptLogObject, LogObjectGone, or what R2 throws. */
export async function openSource(bucket: R2Bucket, source: LogSource): Promise<LineCursor> {
  const cursor = source.part === undefined ? await openObject(bucket, source.key) : await openPart(bucket, source.part);
  if (cursor === undefined) throw new LogObjectGone(source.key);
  return cursor;
}

export async function openPart(bucket: R2Bucket, part: ManifestPart): Promise<PartCursor | undefined> {
  const object = await bucket.get(part.key);
  if (object === null) return undefined;
  const fits = object.size <= logPartFileBytesMax;
  const file = fits ? await object.arrayBuffer() : new ArrayBuffer(0);
  try {
    if (!fits) throw new Error(`it has ${object.size} bytes, more than any that was written`);
    // Before it is inflated: what has the right hash is what we wrote.
    const sha256 = createHash("sha256").update(new Uint8Array(file)).digest("hex");
    if (sha256 !== part.sha256) throw new Error("it has another hash than its manifest says");
    const cursor = await decodePart(file);
    if (cursor.count !== part.events) throw new Error(`it holds ${cursor.count} events, its manifest says ${part.events}`);
    return cursor;
  } catch (error) {
    throw new CorruptLogObject({ key: part.key, etag: object.etag }, messageOf(error), error);
  }
}
