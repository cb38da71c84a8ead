/** One object of the log as a cursor over its lines. An object that is truncated, corrupt or shorter than its metadata says is an
 *  error that names it, before any of its lines is believed. */
import { messageOf } from "../platform/errors.ts";
import type { LogLine } from "./event-log.ts";

export type LogPosition = Pick<LogLine, "epoch" | "offset">;

/** Epochs sort by their creation. */
export function comparePositions(a: LogPosition, b: LogPosition): number {
  if (a.epoch !== b.epoch) return a.epoch < b.epoch ? -1 : 1;
  return a.offset - b.offset;
}

/** Stands on a line; there is always a first. */
export class LogCursor {
  readonly plainChars: number;
  readonly #lines: readonly string[];
  #next = 1;
  line: LogLine;

  constructor(text: string, count: number) {
    const lines = text.split("\n");
    if (lines.pop() !== "") throw new Error("its last line is cut off");
    if (lines.length !== count) throw new Error(`it holds ${lines.length} events, its metadata says ${count}`);
    this.plainChars = text.length;
    this.#lines = lines;
    this.line = parseLine(lines[0] ?? "");
  }

  /** Moves on; false at the end. Lines are parsed as they come up. */
  advance(): boolean {
    const line = this.#lines[this.#next];
    if (line === undefined) return false;
    this.#next += 1;
    this.line = parseLine(line);
    return true;
  }
}

/** Undefined when the object was deleted since it was listed (compaction took it over). */
export async function openObject(bucket: R2Bucket, key: string): Promise<LogCursor | undefined> {
  const object = await bucket.get(key);
  if (object === null) return undefined;
  try {
    // Inflated whole: the runtime hands out 4 KB at a time otherwise, at six times the cost, and a half-read body holds one of the
    // Worker's six connections. The writer keeps objects small enough (consumers/event-log).
    const inflated = object.body.pipeThrough(new DecompressionStream("gzip"));
    return new LogCursor(await new Response(inflated).text(), Number(object.customMetadata?.["count"]));
  } catch (error) {
    throw new Error(`log object ${key} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

/** `{"epoch","offset","at","stale"?,"event":…}`: what precedes the event are scalars, so its first mention is its start. */
function parseLine(line: string): LogLine {
  const mark = ',"event":';
  const at = line.indexOf(mark);
  if (at < 0 || !line.endsWith("}")) throw new Error("a line is not a log line");
  const head = JSON.parse(`${line.slice(0, at)}}`) as Omit<LogLine, "text">;
  const event = line.slice(at + mark.length, -1);
  const text = event.startsWith('"') ? String(JSON.parse(event)) : event;
  return { epoch: head.epoch, offset: head.offset, at: head.at, stale: head.stale === true, text };
}
