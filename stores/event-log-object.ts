/** One raw object of the log as a cursor over its lines. Its size, its hash and its count are checked before any of its lines is
 *  believed: an object that is truncated, corrupt or not what its name says is an error that names it. */
import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { messageOf } from "../platform/errors.ts";
import { logObjectReadBytesMax } from "../schemas/limits.ts";
import { parseLogKey } from "./event-log.ts";
import type { LogHead, LogLine } from "./event-log.ts";
import { HeadReader } from "./event-log-head.ts";
import type { HeadAt } from "./event-log-head.ts";

export type LogPosition = Pick<LogLine, "epoch" | "offset">;

/** Epochs sort by their creation. */
export function comparePositions(a: LogPosition, b: LogPosition): number {
  if (a.epoch !== b.epoch) return a.epoch < b.epoch ? -1 : 1;
  return a.offset - b.offset;
}

/** Stands on a line of one epoch; there is always a first. */
export interface LineCursor {
  readonly offset: number;
  readonly at: number;
  readonly stale: boolean;
  /** JSON text of the event, as bytes of memory that the cursor holds: copy what outlives it. */
  readonly event: Uint8Array;
  /** Memory it keeps, and what it took while it was opened. */
  readonly heldBytes: number;
  readonly openingBytes: number;
  /** False at the end. */
  advance(): boolean;
  /** Goes to the first line at or after the offset, forwards or back; false when there is none. */
  seek(offset: number): boolean;
}

/** The bytes were read and cannot be what was written. */
export class CorruptLogObject extends Error {
  readonly key: string;
  readonly etag: string;
  readonly reason: string;

  constructor(held: { readonly key: string; readonly etag: string }, reason: string, cause?: unknown) {
    super(`log object ${held.key} cannot be read: ${reason}`, { cause });
    this.name = "CorruptLogObject";
    this.key = held.key;
    this.etag = held.etag;
    this.reason = reason;
  }
}

const decoder = new TextDecoder();
const newline = 10;
const closingBrace = 0x7d;
/** What precedes an event: an epoch's name and three scalars. */
const headBytesMax = 512;

export class LogCursor implements LineCursor {
  readonly #bytes: Uint8Array;
  readonly #epoch: string;
  readonly #heads: HeadReader;
  /** Where each line begins, and the end behind them. */
  readonly #starts: Uint32Array;
  readonly openingBytes: number;
  #index = 0;
  offset = 0;
  at = 0;
  stale = false;
  event: Uint8Array = new Uint8Array();

  constructor(bytes: Uint8Array, { epoch, packedBytes }: { readonly epoch: string; readonly packedBytes: number }) {
    this.#bytes = bytes;
    this.#epoch = epoch;
    this.#heads = new HeadReader(epoch);
    this.#starts = startsOf(bytes);
    // Inflating ends with one copy of all its pieces.
    this.openingBytes = packedBytes + 2 * bytes.byteLength;
    if (this.count === 0) throw new Error("it holds no events");
    this.#stand(0);
  }

  get count(): number {
    return this.#starts.length - 1;
  }

  get heldBytes(): number {
    return this.#bytes.byteLength + this.#starts.byteLength;
  }

  /** The line as text. */
  get line(): LogLine {
    return { epoch: this.#epoch, offset: this.offset, at: this.at, stale: this.stale, text: textOfEvent(this.event) };
  }

  advance(): boolean {
    if (this.#index + 1 >= this.count) return false;
    this.#stand(this.#index + 1);
    return true;
  }

  seek(offset: number): boolean {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#headAt(middle).head.offset < offset) low = middle + 1;
      else high = middle;
    }
    if (low >= this.count) return false;
    this.#stand(low);
    return true;
  }

  #stand(index: number): void {
    const { head, eventAt } = this.#headAt(index);
    this.#index = index;
    this.offset = head.offset;
    this.at = head.at;
    this.stale = head.stale;
    this.event = this.#bytes.subarray(eventAt, (this.#starts[index + 1] ?? 0) - 2);
  }

  /** `{"epoch","offset","at","stale"?,"event":…}`: what precedes the event are scalars, so its first mention is its start. */
  #headAt(index: number): HeadAt {
    const start = this.#starts[index] ?? 0;
    const end = (this.#starts[index + 1] ?? 0) - 1;
    const written = this.#bytes[end - 1] === closingBrace ? this.#heads.read(this.#bytes, start) : undefined;
    return written !== undefined && written.eventAt < end ? written : this.#parseHead(index, start, end);
  }

  #parseHead(index: number, start: number, end: number): HeadAt {
    const text = decoder.decode(this.#bytes.subarray(start, Math.min(end, start + headBytesMax)));
    const mark = text.indexOf(',"event":');
    if (mark < 0 || this.#bytes[end - 1] !== closingBrace) throw new Error(`its line ${index + 1} is not a log line`);
    const head = JSON.parse(`${text.slice(0, mark)}}`) as LogHead;
    if (head.epoch !== this.#epoch) throw new Error(`its line ${index + 1} is of another epoch than its name`);
    // The head is ASCII: the channel makes the epoch's name, all else are numbers.
    return { head: { ...head, stale: head.stale === true }, eventAt: start + mark + ',"event":'.length };
  }
}

function startsOf(bytes: Uint8Array): Uint32Array {
  if (bytes.length > 0 && bytes[bytes.length - 1] !== newline) throw new Error("its last line is cut off");
  const starts = [0];
  for (let at = bytes.indexOf(newline); at >= 0; at = bytes.indexOf(newline, at + 1)) starts.push(at + 1);
  return Uint32Array.from(starts);
}

/** An event that is not JSON is kept in quotes. */
export function textOfEvent(event: Uint8Array): string {
  const text = decoder.decode(event);
  return text.startsWith('"') ? String(JSON.parse(text)) : text;
}

/** Undefined when the object was deleted since it was listed (compaction took it over). Throws CorruptLogObject, or what R2 throws. */
export async function openObject(bucket: R2Bucket, key: string): Promise<LogCursor | undefined> {
  const object = await bucket.get(key);
  if (object === null) return undefined;
  // Read whole first: a body half read holds one of the Worker's six connections, and a lost connection is not a corrupt object.
  const packed = object.size > logObjectReadBytesMax ? new Uint8Array() : new Uint8Array(await object.arrayBuffer());
  try {
    if (object.size > logObjectReadBytesMax) throw new Error(`it has ${object.size} bytes, more than any that was written`);
    return cursorOf(packed, { key, count: object.customMetadata?.["count"] });
  } catch (error) {
    throw new CorruptLogObject({ key, etag: object.etag }, messageOf(error), error);
  }
}

function cursorOf(packed: Uint8Array, { key, count }: { key: string; count: string | undefined }): LogCursor {
  const name = parseLogKey(key);
  if (name === undefined) throw new Error("its name is not that of a log object");
  // In one call: the runtime's stream hands out 4 KB at a time, at six times the cost.
  const bytes = gunzipSync(packed, { maxOutputLength: logObjectReadBytesMax });
  const cursor = new LogCursor(bytes, { epoch: name.epoch, packedBytes: packed.byteLength });
  // Named before the hash, as it says more. A copy that was restored by hand may lack its metadata.
  if (count !== undefined && Number(count) !== cursor.count) throw new Error(`it holds ${cursor.count} events, its metadata says ${count}`);
  if (createHash("sha256").update(bytes).digest("hex") !== name.sha256) throw new Error("its text has another hash than its name");
  return cursor;
}
