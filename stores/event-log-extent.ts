/** How much of the log lies in a window, told by manifests and names: an object is opened only to find where in its hour the window begins or
 *  ends. An estimate for progress, as what comes late is not in it yet. */
import { messageOf } from "../platform/errors.ts";
import { logWarning } from "../platform/log.ts";
import type { Manifest, PositionRange, Quarantined } from "../schemas/manifest.ts";
import { comparePositions } from "./event-log-object.ts";
import type { LogPosition } from "./event-log-object.ts";
import { listHours } from "./event-log-reader.ts";
import type { LogWindow } from "./event-log-reader.ts";
import { openSource, partSources, rawSources, sortSources, unlistedObjects } from "./event-log-sources.ts";
import type { LogSource } from "./event-log-sources.ts";
import { startOfHour } from "./event-log.ts";
import { findManifest } from "./log-manifest.ts";

export interface LogExtent {
  readonly positions: number;
  readonly objects: number;
}

interface HeldHour {
  readonly hour: number;
  readonly manifest: Manifest | undefined;
  readonly sources: readonly LogSource[];
}

export async function extentOf(bucket: R2Bucket, window: LogWindow): Promise<LogExtent> {
  let positions = 0;
  let objects = 0;
  for await (const { hour, manifest, sources } of heldHours(bucket, window)) {
    const clip = await clipOf(bucket, { hour, sources, window });
    positions += countPositions(sources.flatMap(clip)) - countPositions((manifest?.missing ?? []).flatMap(clip));
    objects += sources.length;
  }
  return { positions: Math.max(0, positions), objects };
}

/** What compaction has set aside of the window's hours: what those objects held may be missing. */
export async function setAsideIn(bucket: R2Bucket, window: LogWindow): Promise<Quarantined[]> {
  const found: Quarantined[] = [];
  for await (const { manifest } of heldHours(bucket, window)) found.push(...(manifest?.quarantined ?? []));
  return found;
}

async function* heldHours(bucket: R2Bucket, window: LogWindow): AsyncGenerator<HeldHour> {
  for await (const { hour, raw } of listHours(bucket, window)) {
    const manifest = (await findManifest(bucket, { stream: window.stream, hour }))?.manifest;
    const sources = sortSources([...partSources(manifest?.parts ?? []), ...rawSources(unlistedObjects(raw, manifest))]);
    yield { hour, manifest, sources };
  }
}

type Clip = (range: PositionRange) => PositionRange[];

/** What of a range lies in the window. An hour that the window has whole needs no reading. */
async function clipOf(bucket: R2Bucket, of: Pick<HeldHour, "hour" | "sources"> & { readonly window: LogWindow }): Promise<Clip> {
  const { hour, sources, window } = of;
  try {
    const begin = window.from > startOfHour(hour) ? await positionAt(bucket, sources, window.from) : undefined;
    const end = window.to < startOfHour(hour + 1) ? await positionAt(bucket, sources, window.to) : undefined;
    return (range) => clipped(range, { begin, end });
  } catch (error) {
    // Whoever reads the hour will hear of it; how much there is, is only a guess then.
    logWarning("log.extent.guessed", { stream: window.stream, hour, reason: messageOf(error) });
    return (range) => [range];
  }
}

/** Where the hour's first line stands that was sequenced then or later: behind its last one, when none was. */
async function positionAt(bucket: R2Bucket, sources: readonly LogSource[], at: number): Promise<LogPosition> {
  let [low, high] = [0, sources.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const source = sources[middle];
    if (source !== undefined && (await openSource(bucket, source)).at < at) low = middle + 1;
    else high = middle;
  }
  const before = sources[low - 1];
  if (before === undefined) return { epoch: sources[0]?.epoch ?? "", offset: 0 };
  const cursor = await openSource(bucket, before);
  let [first, beyond] = [before.first, before.last + 1];
  while (first < beyond) {
    const middle = (first + beyond) >>> 1;
    if (cursor.seek(middle) && cursor.at < at) first = cursor.offset + 1;
    else beyond = middle;
  }
  return { epoch: before.epoch, offset: first };
}

export function clipped(
  range: PositionRange,
  { begin, end }: { readonly begin?: LogPosition | undefined; readonly end?: LogPosition | undefined },
): PositionRange[] {
  const { epoch } = range;
  if (begin !== undefined && comparePositions({ epoch, offset: range.last }, begin) < 0) return [];
  if (end !== undefined && comparePositions({ epoch, offset: range.first }, end) >= 0) return [];
  const first = begin?.epoch === epoch ? Math.max(range.first, begin.offset) : range.first;
  const last = end?.epoch === epoch ? Math.min(range.last, end.offset - 1) : range.last;
  return first > last ? [] : [{ epoch, first, last }];
}

/** Positions of which at least one range speaks. */
export function countPositions(ranges: readonly PositionRange[]): number {
  const sorted = [...ranges].sort((a, b) => comparePositions({ ...a, offset: a.first }, { ...b, offset: b.first }));
  let count = 0;
  let epoch: string | undefined;
  let beyond = 0;
  for (const range of sorted) {
    if (range.epoch !== epoch) beyond = 0;
    epoch = range.epoch;
    count += Math.max(0, range.last + 1 - Math.max(range.first, beyond));
    beyond = Math.max(beyond, range.last + 1);
  }
  return count;
}
