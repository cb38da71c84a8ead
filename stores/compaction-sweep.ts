/** Deletes: raw objects and older parts of an hour once its manifest has stood for the grace period, and everything past retention.
 *  Nothing that a hold covers, nothing that a manifest does not vouch for. Each run does a bounded part; the next goes on. */
import { logWarning } from "../platform/log.ts";
import type { HourRow, LogStores } from "./compaction-hours.ts";
import { forgetHour, settledHours } from "./compaction-hours.ts";
import { isHeld, listHolds } from "./compaction-holds.ts";
import type { NamedHold } from "./compaction-holds.ts";
import { listAll } from "./event-log-sources.ts";
import { hourOf, hourOfKey, hourPrefix, streamPrefix } from "./event-log.ts";
import { findManifest, manifestPrefix, partPrefix } from "./log-manifest.ts";

export interface SweepRules {
  readonly now: number;
  /** How long raw objects outlive the swap of their manifest. */
  readonly graceMs: number;
  /** How long anything is kept; undefined: for ever. */
  readonly retentionMs: number | undefined;
  readonly streams: readonly string[];
  /** Hours swept and keys deleted by one run, for each stream. */
  readonly hoursMax?: number;
  readonly keysMax?: number;
}

export interface Swept {
  readonly hours: number;
  readonly deleted: number;
  readonly expired: number;
  readonly held: number;
}

const hoursMaxDefault = 100;
const keysMaxDefault = 10_000;
/** Keys in one call (R2). */
const deleteMax = 1_000;

export async function sweepLog(stores: LogStores, rules: SweepRules): Promise<Swept> {
  const holds = await listHolds(stores.EDGE_LOGS);
  const rows = await settledHours(stores.METRICS_DB, { before: rules.now - rules.graceMs, max: rules.hoursMax ?? hoursMaxDefault });
  let deleted = 0;
  let held = 0;
  for (const row of rows) {
    if (isHeld(holds, row)) {
      held += 1;
      continue;
    }
    const count = await sweepHour(stores, row);
    deleted += count ?? 0;
    if (count !== undefined) await forgetHour(stores.METRICS_DB, row);
  }
  return { hours: rows.length - held, deleted, expired: await expire(stores.EDGE_LOGS, rules, holds), held };
}

/** Keys deleted; undefined when the hour is not as its manifest says: then all stays. */
async function sweepHour({ EDGE_LOGS: bucket }: LogStores, row: HourRow): Promise<number | undefined> {
  const manifest = (await findManifest(bucket, row))?.manifest;
  if (manifest === undefined) return 0;
  const parts = new Map<string, number>();
  for await (const { key, size } of listAll(bucket, { prefix: partPrefix(row) })) parts.set(key, size);
  for (const { key, bytes } of manifest.parts) {
    if (parts.get(key) !== bytes) {
      logWarning("log.sweep.refused", { stream: row.stream, hour: row.hour, reason: `${key} is not what the manifest says` });
      return undefined;
    }
    parts.delete(key);
  }
  const folder = hourPrefix(row.stream, row.hour);
  const keys = [...manifest.sources.map((name) => folder + name), ...parts.keys()];
  await deleteKeys(bucket, keys);
  return keys.length;
}

/** Keys sort by time, so what is past retention comes first. */
async function expire(bucket: R2Bucket, rules: SweepRules, holds: readonly NamedHold[]): Promise<number> {
  if (rules.retentionMs === undefined) return 0;
  const cutoff = hourOf(rules.now - rules.retentionMs);
  let expired = 0;
  for (const stream of rules.streams) {
    // The manifest goes last: without it the hour's raw objects would be compacted anew.
    for (const prefix of [streamPrefix(stream), `compacted/v1/stream=${stream}/`, manifestPrefix(stream)]) {
      const keys: string[] = [];
      for await (const { key } of listAll(bucket, { prefix })) {
        const hour = hourOfKey(key);
        if (hour === undefined || hour >= cutoff || keys.length >= (rules.keysMax ?? keysMaxDefault)) break;
        if (!isHeld(holds, { stream, hour })) keys.push(key);
      }
      await deleteKeys(bucket, keys);
      expired += keys.length;
    }
  }
  return expired;
}

async function deleteKeys(bucket: R2Bucket, keys: readonly string[]): Promise<void> {
  for (let at = 0; at < keys.length; at += deleteMax) await bucket.delete(keys.slice(at, at + deleteMax));
}
