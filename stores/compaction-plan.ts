/** What one compaction of an hour reads, fixed once: raw objects, the manifest it follows, and where its intermediate state lies. */
import { z } from "zod";
import { compactionIdsMax } from "../schemas/limits.ts";
import { Manifest } from "../schemas/manifest.ts";
import type { CountedObject, LogSource, RawObject } from "./event-log-sources.ts";
import { listRawObjects, nameOf, partSources, rawSources, sortSources, unlistedObjects } from "./event-log-sources.ts";
import { findManifest } from "./log-manifest.ts";
import type { HeldManifest, StreamHour } from "./log-manifest.ts";

export interface CompactionJob extends StreamHour {
  /** Folder of its intermediate state, different for every attempt: `compaction/v1/…/`. */
  readonly work: string;
}

export const CompactionPlan = z.object({
  v: z.literal(1),
  raw: z.array(z.object({ key: z.string(), etag: z.string() })),
  before: z.object({ etag: z.string(), manifest: Manifest }).nullable(),
  /** Shares in which ids are looked through. */
  shards: z.int().positive(),
});
export type CompactionPlan = z.infer<typeof CompactionPlan>;

export const workPrefix = "compaction/v1/";
/** 64 million ids an hour, which is a hundred times the owner's mean; each share is read and written for every part. */
const shardsMax = 64;

/** Undefined when the manifest already covers every raw object, or there is nothing at all. Pure. */
export function planOf(raw: readonly CountedObject[], held: HeldManifest | undefined): CompactionPlan | undefined {
  if (unlistedObjects(raw, held?.manifest).length === 0) return undefined;
  const events = raw.reduce((sum, { count }) => sum + count, held?.manifest.events ?? 0);
  return {
    v: 1,
    raw: raw.map(({ key, etag }) => ({ key, etag })),
    before: held ?? null,
    shards: Math.min(shardsMax, Math.ceil(events / compactionIdsMax)),
  };
}

/** Raw objects that were not set aside, now or by an earlier generation. Pure. */
export function readableObjects({ raw, before }: CompactionPlan, skip: ReadonlySet<string>): RawObject[] {
  const aside = new Map(before?.manifest.quarantined.map(({ key, etag }) => [key, etag]));
  return raw.filter(({ key, etag }) => !skip.has(key) && aside.get(key) !== etag);
}

/** While every raw object of the generation before is there, the hour is made anew from them, which gives the same bytes as if all had
 *  come in time. Once they are deleted, or one of them is corrupt, its parts take their place. Pure. */
export function sourcesOf(plan: CompactionPlan, skip: ReadonlySet<string>): LogSource[] {
  const raw = readableObjects(plan, skip);
  const names = new Set(raw.map(({ key }) => nameOf(key)));
  const { parts = [], sources = [] } = plan.before?.manifest ?? {};
  const kept = sources.every((name) => names.has(name)) ? [] : parts.filter(({ key }) => !skip.has(key));
  return sortSources([...rawSources(raw), ...partSources(kept)]);
}

/** Stores the plan; false when there is nothing to do. */
export async function storePlan(bucket: R2Bucket, job: CompactionJob): Promise<boolean> {
  // The manifest last: what it took over meanwhile is then not read twice.
  const raw = await listRawObjects(bucket, job);
  const plan = planOf(raw, await findManifest(bucket, job));
  if (plan === undefined) return false;
  await bucket.put(planKey(job), JSON.stringify(plan), { httpMetadata: { contentType: "application/json" } });
  return true;
}

export async function readPlan(bucket: R2Bucket, job: CompactionJob): Promise<CompactionPlan> {
  const object = await bucket.get(planKey(job));
  if (object === null) throw new Error(`${planKey(job)} is gone: the compaction has to begin again`);
  return CompactionPlan.parse(JSON.parse(await object.text()));
}

function planKey({ work }: CompactionJob): string {
  return `${work}plan.json`;
}
