/** Reads the log back: every event once, in the order of its stream, with a note of what is missing. Objects overlap when messages
 *  were redelivered in other company, so it merges them by position and drops the second copy. An id that comes again at another
 *  position is another event of the log and is kept. */
import { hourOf, hourPrefix, parseLogKey, streamPrefix } from "./event-log.ts";
import type { LogKey, LogLine } from "./event-log.ts";
import { comparePositions, openObject } from "./event-log-object.ts";
import type { LogCursor, LogPosition } from "./event-log-object.ts";

export interface LogWindow {
  readonly stream: string;
  /** Sequenced at or after this time, epoch ms. */
  readonly from: number;
  /** …and before this one. */
  readonly to: number;
}

export interface LogCoverage {
  readonly objects: number;
  readonly events: number;
  /** Copies of a position already read: at-least-once delivery at work. */
  readonly copies: number;
  /** Runs of positions between the first and the last read that no object holds. Empty means complete. */
  readonly missing: readonly { readonly epoch: string; readonly first: number; readonly last: number }[];
}

/** Text held at once, in an isolate of 128 MB. Objects are merged only while they overlap, which few do: more means that compaction
 *  is overdue. */
const openCharsMax = 64 * 1_048_576;

/** Yields the window's events in order; the generator's return value, also handed to `report`, says how complete they were. */
export async function* readLog(
  bucket: R2Bucket,
  window: LogWindow,
  report: (coverage: LogCoverage) => void = () => undefined,
): AsyncGenerator<LogLine, LogCoverage> {
  const tracker = new Tracker();
  for await (const hour of listHours(bucket, window)) {
    for await (const run of mergeObjects(bucket, hour, tracker)) {
      for (const line of run) if (line.at >= window.from && line.at < window.to && tracker.admit(line)) yield line;
    }
  }
  report(tracker.coverage);
  return tracker.coverage;
}

interface Listed extends LogKey {
  readonly key: string;
}

/** The objects of each hour of the window, in the order of epoch and first offset: keys sort like what they hold. */
async function* listHours(bucket: R2Bucket, { stream, from, to }: LogWindow): AsyncGenerator<Listed[]> {
  const end = hourPrefix(stream, hourOf(to - 1) + 1);
  let startAfter = hourPrefix(stream, hourOf(from));
  let folder = "";
  let listed: Listed[] = [];
  for (;;) {
    const page = await bucket.list({ prefix: streamPrefix(stream), startAfter });
    for (const { key } of page.objects) {
      if (key >= end) break;
      const name = parseLogKey(key);
      if (name === undefined) continue;
      const home = key.slice(0, key.lastIndexOf("/"));
      if (home !== folder && listed.length > 0) {
        yield listed;
        listed = [];
      }
      folder = home;
      listed.push({ key, ...name });
    }
    const last = page.objects.at(-1)?.key;
    if (!page.truncated || last === undefined || last >= end) break;
    startAfter = last;
  }
  if (listed.length > 0) yield listed;
}

/** Lines handed on at once: an await for each would cost more than the line. */
const runLinesMax = 1_000;

/** Merges one hour's objects into runs of lines in order. An object is opened when the merge reaches its first position, so disjoint
 *  ones are open one at a time. */
async function* mergeObjects(bucket: R2Bucket, objects: readonly Listed[], tracker: Tracker): AsyncGenerator<readonly LogLine[]> {
  const open: LogCursor[] = [];
  let next = 0;
  for (;;) {
    const [lowest, limit] = lowestOf(open);
    const candidate = objects[next];
    const candidateAt = candidate && { epoch: candidate.epoch, offset: candidate.first };
    if (candidateAt !== undefined && (lowest === undefined || comparePositions(candidateAt, lowest.line) <= 0)) {
      const cursor = await openObject(bucket, candidate?.key ?? "");
      next += 1;
      if (cursor === undefined) continue;
      tracker.objects += 1;
      open.push(cursor);
      requireRoom(open);
      continue;
    }
    if (lowest === undefined) return;
    const { run, ended } = takeRun(lowest, earlier(limit, candidateAt));
    if (ended) open.splice(open.indexOf(lowest), 1);
    yield run;
  }
}

/** The lines that come before anybody else's. */
function takeRun(cursor: LogCursor, limit: LogPosition | undefined): { run: LogLine[]; ended: boolean } {
  const run: LogLine[] = [];
  do {
    run.push(cursor.line);
    if (!cursor.advance()) return { run, ended: true };
  } while (run.length < runLinesMax && (limit === undefined || comparePositions(cursor.line, limit) < 0));
  return { run, ended: false };
}

/** The cursor that stands earliest, and where the one behind it stands. */
function lowestOf(open: readonly LogCursor[]): [lowest: LogCursor | undefined, second: LogPosition | undefined] {
  let lowest: LogCursor | undefined;
  let second: LogPosition | undefined;
  for (const cursor of open) {
    if (lowest === undefined || comparePositions(cursor.line, lowest.line) < 0) {
      second = earlier(second, lowest?.line);
      lowest = cursor;
    } else second = earlier(second, cursor.line);
  }
  return [lowest, second];
}

function earlier(a: LogPosition | undefined, b: LogPosition | undefined): LogPosition | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return comparePositions(a, b) <= 0 ? a : b;
}

function requireRoom(open: readonly LogCursor[]): void {
  const chars = open.reduce((sum, cursor) => sum + cursor.plainChars, 0);
  if (chars > openCharsMax) throw new Error(`${open.length} overlapping log objects hold ${chars} characters: compact this hour first`);
}

/** Drops copies and notes holes. Lines come in order, so the previous one is all it must remember. */
class Tracker {
  objects = 0;
  #events = 0;
  #copies = 0;
  #last: LogPosition | undefined;
  readonly #missing: { epoch: string; first: number; last: number }[] = [];

  admit({ epoch, offset }: LogLine): boolean {
    const last = this.#last?.epoch === epoch ? this.#last.offset : undefined;
    if (last !== undefined && offset <= last) {
      this.#copies += 1;
      return false;
    }
    if (last !== undefined && offset > last + 1) this.#missing.push({ epoch, first: last + 1, last: offset - 1 });
    this.#last = { epoch, offset };
    this.#events += 1;
    return true;
  }

  get coverage(): LogCoverage {
    return { objects: this.objects, events: this.#events, copies: this.#copies, missing: this.#missing };
  }
}
