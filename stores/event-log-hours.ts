/** What state each hour of the log is in, and whether what is compacted is one run of positions without a hole. `hoursReport` is pure. */
import type { Manifest, PositionRange } from "../schemas/manifest.ts";
import { hoursOf } from "./compaction-hours.ts";
import type { HourRow, LogStores } from "./compaction-hours.ts";
import { PositionTracker } from "./event-log-coverage.ts";
import { listHours } from "./event-log-reader.ts";
import type { LogWindow } from "./event-log-reader.ts";
import { unlistedObjects } from "./event-log-sources.ts";
import type { RawObject } from "./event-log-sources.ts";
import { hourOf, startOfHour } from "./event-log.ts";
import { findManifest } from "./log-manifest.ts";

/** raw: never compacted. dirty: something came since. quarantined: an object was set aside, and what it held may be missing. */
export type HourState = "raw" | "compacted" | "dirty" | "quarantined";

export interface HourStatus {
  readonly hour: string;
  readonly state: HourState;
  /** Raw objects that lie there, and those of them that the manifest does not know. */
  readonly raw_objects: number;
  readonly raw_unlisted: number;
  /** Of the manifest: all but the long lists. */
  readonly manifest?: Omit<Manifest, "parts" | "sources" | "v" | "stream" | "hour"> & { readonly parts: number; readonly sources: number };
}

export interface HoursReport {
  readonly hours: readonly HourStatus[];
  /** True: every hour is compacted and their positions have no hole. Null: hours that are not compacted have to be read to tell. */
  readonly complete: boolean | null;
  /** Holes within compacted hours, and between those that follow each other. */
  readonly missing: readonly PositionRange[];
}

export interface HourFacts {
  readonly hour: number;
  readonly raw: readonly RawObject[];
  readonly manifest: Manifest | undefined;
  readonly row: HourRow | undefined;
}

/** Manifests asked for at a time: a Worker has six connections. */
const atOnce = 6;

export async function reportHours({ EDGE_LOGS, METRICS_DB }: LogStores, window: LogWindow): Promise<HoursReport> {
  const { stream, from, to } = window;
  const rows = await hoursOf(METRICS_DB, { stream, fromHour: hourOf(from), toHour: hourOf(to - 1) + 1 });
  const byHour = new Map(rows.map((row) => [row.hour, row]));
  const listed: { hour: number; raw: readonly RawObject[] }[] = [];
  for await (const hour of listHours(EDGE_LOGS, window)) listed.push(hour);
  const facts: HourFacts[] = [];
  for (let at = 0; at < listed.length; at += atOnce) {
    const found = listed.slice(at, at + atOnce).map(async ({ hour, raw }) => {
      const held = await findManifest(EDGE_LOGS, { stream, hour });
      return { hour, raw, manifest: held?.manifest, row: byHour.get(hour) };
    });
    facts.push(...(await Promise.all(found)));
  }
  return hoursReport(facts);
}

export function hoursReport(facts: readonly HourFacts[]): HoursReport {
  const hours = facts.map(statusOf);
  const missing: PositionRange[] = [];
  let missingPositions = 0;
  let tracker = new PositionTracker();
  const close = (): void => {
    missing.push(...tracker.missing);
    missingPositions += tracker.missingPositions;
    tracker = new PositionTracker();
  };
  for (const { manifest } of facts) {
    // An hour that is not compacted may hold what lies between its neighbours.
    if (manifest === undefined) close();
    for (const epoch of manifest?.epochs ?? []) tracker.admitRange(epoch);
    for (const range of manifest?.missing ?? []) tracker.miss(range, 0);
    tracker.missingPositions += manifest?.missing_positions ?? 0;
  }
  close();
  const known = hours.every(({ state }) => state === "compacted" || state === "quarantined");
  return { hours, complete: known ? missingPositions === 0 : null, missing };
}

function statusOf({ hour, raw, manifest, row }: HourFacts): HourStatus {
  const unlisted = unlistedObjects(raw, manifest).length;
  const status = { hour: new Date(startOfHour(hour)).toISOString(), raw_objects: raw.length, raw_unlisted: unlisted };
  if (manifest === undefined) return { ...status, state: "raw" };
  const { v: _v, stream: _stream, hour: _hour, parts, sources, ...rest } = manifest;
  const isDirty = unlisted > 0 || (row !== undefined && row.marks > row.done);
  const state = isDirty ? "dirty" : rest.quarantined.length > 0 ? "quarantined" : "compacted";
  return { ...status, state, manifest: { ...rest, parts: parts.length, sources: sources.length } };
}
