/** The steps of a compaction, each safe to run twice: what it writes is named by its content, or replaces itself. Which step follows
 *  which is decided in workflows/compaction/. */
import { createHash } from "node:crypto";
import { logInfo, logWarning } from "../platform/log.ts";
import { compactionBytesMax, logPartBytesMax, logPartRowsMax } from "../schemas/limits.ts";
import type { ManifestPart, PositionRange, Quarantined } from "../schemas/manifest.ts";
import { flagRepeats } from "./compaction-ids.ts";
import { manifestOf } from "./compaction-manifest.ts";
import { readPlan, sourcesOf } from "./compaction-plan.ts";
import type { CompactionJob, CompactionPlan } from "./compaction-plan.ts";
import { columnsOf } from "./event-log-columns.ts";
import { PositionTracker } from "./event-log-coverage.ts";
import { Merge, Meter } from "./event-log-merge.ts";
import type { MergedBlock } from "./event-log-merge.ts";
import { CorruptLogObject } from "./event-log-object.ts";
import type { LogPosition } from "./event-log-object.ts";
import { encodePart, hashText } from "./event-log-parquet.ts";
import { quarantine } from "./event-log-quarantine.ts";
import { listAll, openPart, openSource } from "./event-log-sources.ts";
import { rangeName } from "./event-log.ts";
import { partPrefix, swapManifest } from "./log-manifest.ts";

/** Holes of one part that are listed: a step's result is a mebibyte at most. All are counted. */
const partMissingMax = 200;

export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface WrittenPart {
  readonly part: ManifestPart;
  readonly copies: number;
  readonly conflicts: number;
  readonly missing: readonly PositionRange[];
  readonly missingPositions: number;
  readonly sequenced: Span;
  readonly eventTime: Span | null;
  /** Memory held at most, counted. */
  readonly peakBytes: number;
}

export type PartOutcome =
  | { readonly kind: "written"; readonly written: WrittenPart; readonly next: LogPosition | null }
  /** An object was set aside: the part is to be written again without it. */
  | { readonly kind: "corrupt"; readonly quarantined: Quarantined }
  | { readonly kind: "empty" };

export interface PartOrder {
  readonly index: number;
  /** Null for the first. */
  readonly from: LogPosition | null;
  /** Keys that were set aside. */
  readonly skip: readonly string[];
  /** Smaller in tests. */
  readonly limits?: { readonly bytesMax: number; readonly rowsMax: number };
}

/** Writes the part that begins at `from`. */
export async function writePart(bucket: R2Bucket, job: CompactionJob, order: PartOrder): Promise<PartOutcome> {
  const plan = await readPlan(bucket, job);
  const meter = new Meter();
  const merge = new Merge(sourcesOf(plan, new Set(order.skip)), {
    limits: order.limits ?? { bytesMax: logPartBytesMax, rowsMax: logPartRowsMax },
    open: (source) => openTwice(() => openSource(bucket, source)),
    meter,
  });
  try {
    const block = await merge.next(order.from ?? undefined);
    if (block === undefined) return { kind: "empty" };
    const written = await storeBlock(bucket, { job, index: order.index, shards: plan.shards, block, meter });
    return { kind: "written", written, next: block.next ?? null };
  } catch (error) {
    if (!(error instanceof CorruptLogObject)) throw error;
    return { kind: "corrupt", quarantined: await quarantine(bucket, error) };
  }
}

/** What was damaged on its way comes whole the second time. */
async function openTwice<T>(open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    if (!(error instanceof CorruptLogObject)) throw error;
    return await open();
  }
}

interface BlockOrder {
  readonly job: CompactionJob;
  readonly index: number;
  readonly shards: number;
  readonly block: MergedBlock;
  readonly meter: Meter;
}

async function storeBlock(bucket: R2Bucket, { job, index, shards, block, meter }: BlockOrder): Promise<WrittenPart> {
  const { epoch, rows } = block;
  const blockBytes = meter.held;
  const { values: columns, eventTime, heldBytes } = columnsOf(rows);
  const flagged = await flagRepeats(bucket, { work: job.work, index, shards }, { source: columns.source, id: columns.id });
  meter.set({ blockBytes, otherBytes: heldBytes + flagged.heldBytes });
  const encoded = encodePart({ epoch, rows, columns, repeats: flagged.repeats });
  meter.set({ blockBytes, otherBytes: heldBytes + encoded.heldBytes });
  const tracker = new PositionTracker(partMissingMax);
  for (const { offset } of rows) tracker.admit({ epoch, offset });
  const range = { epoch, first: rows[0]?.offset ?? 0, last: rows.at(-1)?.offset ?? 0 };
  const sha256 = createHash("sha256").update(encoded.bytes).digest("hex");
  const part: ManifestPart = {
    key: `${partPrefix(job)}${rangeName(range)}-${sha256}.parquet`,
    sha256,
    bytes: encoded.bytes.byteLength,
    text_sha256: encoded.textSha256,
    text_bytes: encoded.textBytes,
    ...range,
    events: rows.length,
    repeats: flagged.repeats.filter(Boolean).length,
  };
  await bucket.put(part.key, encoded.bytes, {
    httpMetadata: { contentType: "application/vnd.apache.parquet" },
    customMetadata: { sha256 },
  });
  report(job, { index, peakBytes: meter.peak, events: rows.length });
  return {
    part,
    copies: rows.reduce((sum, row) => sum + row.copies, 0),
    conflicts: rows.reduce((sum, row) => sum + row.conflicts, 0),
    missing: tracker.missing,
    missingPositions: tracker.missingPositions,
    sequenced: spanOf(rows.map(({ at }) => at)),
    eventTime: eventTime ?? null,
    peakBytes: meter.peak,
  };
}

function report({ stream, hour }: CompactionJob, counts: { index: number; peakBytes: number; events: number }): void {
  const log = counts.peakBytes > compactionBytesMax ? logWarning : logInfo;
  log("compaction.part.written", { stream, hour, ...counts });
}

function spanOf(times: readonly number[]): Span {
  return times.reduce((span, at) => ({ fromMs: Math.min(span.fromMs, at), toMs: Math.max(span.toMs, at) }), {
    fromMs: Number.POSITIVE_INFINITY,
    toMs: Number.NEGATIVE_INFINITY,
  });
}

/** Reads parts back: throws unless each gives the very text that it was made of. */
export async function verifyParts(bucket: R2Bucket, parts: readonly ManifestPart[]): Promise<void> {
  for (const part of parts) {
    const cursor = await openTwice(() => openPart(bucket, part));
    if (cursor === undefined) throw new Error(`${part.key} was written and is not there`);
    const first = cursor.offset;
    const { textSha256, textBytes } = hashText(part.epoch, cursor.rows());
    if (first !== part.first || textBytes !== part.text_bytes || textSha256 !== part.text_sha256)
      throw new Error(`${part.key} does not give back what it was made of`);
  }
}

export interface CompactedHour {
  readonly generation: number;
  readonly events: number;
  readonly missingPositions: number;
}

/** Puts the new manifest in the place of the one the plan saw; undefined when another one stands there. */
export async function publishManifest(
  bucket: R2Bucket,
  job: CompactionJob,
  result: { readonly written: readonly WrittenPart[]; readonly quarantined: readonly Quarantined[] },
): Promise<CompactedHour | undefined> {
  const plan: CompactionPlan = await readPlan(bucket, job);
  const manifest = manifestOf(job, { plan, ...result });
  const stored = await swapManifest(bucket, job, { manifest, before: plan.before?.etag });
  if (!stored) return undefined;
  return { generation: manifest.generation, events: manifest.events, missingPositions: manifest.missing_positions };
}

/** Keys that one call deletes at most (R2). */
const deleteMax = 1_000;

/** Drops a compaction's intermediate state. */
export async function dropWork(bucket: R2Bucket, work: string): Promise<void> {
  const keys: string[] = [];
  for await (const { key } of listAll(bucket, { prefix: work })) keys.push(key);
  for (let at = 0; at < keys.length; at += deleteMax) await bucket.delete(keys.slice(at, at + deleteMax));
}
