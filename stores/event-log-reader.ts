/** Reads the log back: every event once, in the order of its stream, with a note of what is missing. A compacted hour is read from the
 *  parts of its manifest, merged with the raw objects that came later; any other from its raw objects. Objects overlap when messages
 *  were redelivered in other company: the second copy of a position is dropped, an id that comes again at another one is kept. */
import { logPartBytesMax, logPartRowsMax } from "../schemas/limits.ts";
import type { PositionRange, Quarantined } from "../schemas/manifest.ts";
import { hourOf, hourOfKey, hourPrefix, parseLogKey, streamPrefix } from "./event-log.ts";
import type { LogLine } from "./event-log.ts";
import { PositionTracker } from "./event-log-coverage.ts";
import type { EpochRange } from "./event-log-coverage.ts";
import { Merge } from "./event-log-merge.ts";
import { textOfEvent } from "./event-log-object.ts";
import type { LogPosition } from "./event-log-object.ts";
import { openSource, partSources, rawSources, sortSources, unlistedObjects } from "./event-log-sources.ts";
import type { LogSource, RawObject } from "./event-log-sources.ts";
import { findManifest, listManifestHours } from "./log-manifest.ts";

export interface LogWindow {
  readonly stream: string;
  /** Sequenced at or after this time, epoch ms. */
  readonly from: number;
  /** …and before this one. */
  readonly to: number;
  /** Only what comes after this line: where reading goes on. */
  readonly after?: (LogPosition & { readonly at: number }) | undefined;
  /** Readers that work side by side and share the memory; one unless said. */
  readonly readers?: number | undefined;
}

export interface LogCoverage {
  readonly objects: number;
  readonly events: number;
  /** Copies of a position already read: at-least-once delivery at work. */
  readonly copies: number;
  /** Those of them that said something else than the first. */
  readonly conflicts: number;
  /** From the first to the last position read, by epoch. */
  readonly epochs: readonly EpochRange[];
  /** Runs of positions between the first and the last read that no object holds. Empty means complete. */
  readonly missing: readonly PositionRange[];
  /** Objects that compaction set aside: what they held may be missing. */
  readonly quarantined: readonly Quarantined[];
}

/** Blocks are as large as parts, so that one is read at a time. */
const limits = { bytesMax: logPartBytesMax, rowsMax: logPartRowsMax };
/** Objects that reach into the next block and stay open: a part and a raw object. */
const keepBytesMax = 32 * 1_048_576;

/** Yields the window's events in order; the generator's return value, also handed to `report`, says how complete they were. */
export async function* readLog(
  bucket: R2Bucket,
  window: LogWindow,
  report: (coverage: LogCoverage) => void = () => undefined,
): AsyncGenerator<LogLine, LogCoverage> {
  const { after, readers = 1 } = window;
  const tracker = new PositionTracker();
  // A hole right behind it is one, and a copy of it is none of the window's events.
  if (after !== undefined) tracker.admitRange({ epoch: after.epoch, first: after.offset, last: after.offset, events: 0 });
  const opened = new Set<string>();
  const quarantined: Quarantined[] = [];
  let copies = 0;
  let conflicts = 0;
  for await (const { hour, raw } of listHours(bucket, window)) {
    // Read after the raw objects were listed: what a compaction took over in between is then in here.
    const manifest = (await findManifest(bucket, { stream: window.stream, hour }))?.manifest;
    quarantined.push(...(manifest?.quarantined ?? []));
    const sources = sortSources([...partSources(manifest?.parts ?? []), ...rawSources(unlistedObjects(raw, manifest))]);
    const open = (source: LogSource) => {
      opened.add(source.key);
      return openSource(bucket, source);
    };
    const merge = new Merge(sources, { limits: shareOf(limits, readers), keepBytesMax: keepBytesMax / readers, open });
    const start = after !== undefined && hour === hourOf(after.at) ? { epoch: after.epoch, offset: after.offset + 1 } : undefined;
    for (let block = await merge.next(start); block !== undefined; block = block.next && (await merge.next(block.next))) {
      for (const row of block.rows) {
        if (row.at < window.from || row.at >= window.to) continue;
        copies += row.copies;
        conflicts += row.conflicts;
        const { epoch } = block;
        if (tracker.admit({ epoch, offset: row.offset }))
          yield { epoch, offset: row.offset, at: row.at, stale: row.stale, text: textOfEvent(row.event) };
      }
    }
  }
  const { events, epochs, missing } = tracker;
  const coverage = { objects: opened.size, events, copies, conflicts, epochs, missing, quarantined };
  report(coverage);
  return coverage;
}

function shareOf({ bytesMax, rowsMax }: typeof limits, readers: number): typeof limits {
  return { bytesMax: bytesMax / readers, rowsMax: Math.ceil(rowsMax / readers) };
}

interface ListedHour {
  readonly hour: number;
  readonly raw: readonly RawObject[];
}

/** Hours of the window of which anything is held, in order. */
export async function* listHours(bucket: R2Bucket, { stream, from, to, after }: LogWindow): AsyncGenerator<ListedHour> {
  const [fromHour, toHour] = [hourOf(Math.max(from, after?.at ?? from)), hourOf(to - 1) + 1];
  const compacted = listManifestHours(bucket, { stream, fromHour, toHour });
  let pending = await compacted.next();
  for await (const listed of listRawHours(bucket, { stream, fromHour, toHour })) {
    for (; pending.done !== true && pending.value < listed.hour; pending = await compacted.next()) yield { hour: pending.value, raw: [] };
    if (pending.done !== true && pending.value === listed.hour) pending = await compacted.next();
    yield listed;
  }
  for (; pending.done !== true; pending = await compacted.next()) yield { hour: pending.value, raw: [] };
}

interface HourRange {
  readonly stream: string;
  readonly fromHour: number;
  readonly toHour: number;
}

/** Raw objects by hour, in the order of epoch and first offset: keys sort like what they hold. */
async function* listRawHours(bucket: R2Bucket, { stream, fromHour, toHour }: HourRange): AsyncGenerator<ListedHour> {
  const end = hourPrefix(stream, toHour);
  let startAfter = hourPrefix(stream, fromHour);
  let current: { hour: number; raw: RawObject[] } | undefined;
  for (;;) {
    const page = await bucket.list({ prefix: streamPrefix(stream), startAfter });
    for (const { key, etag } of page.objects) {
      const hour = hourOfKey(key);
      if (key >= end) break;
      if (hour === undefined || parseLogKey(key) === undefined) continue;
      if (current?.hour !== hour) {
        if (current !== undefined) yield current;
        current = { hour, raw: [] };
      }
      current.raw.push({ key, etag });
    }
    const last = page.objects.at(-1)?.key;
    if (!page.truncated || last === undefined || last >= end) break;
    startAfter = last;
  }
  if (current !== undefined) yield current;
}
