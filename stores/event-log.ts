/** Writes the log in R2, which is the truth (DESIGN 14): one immutable object per stream, epoch, hour and batch, named by what it
 *  holds, so that writing it again is recognised by its hash. The reader is event-log-reader.ts. */
import { sha256Hex, utf8Bytes } from "../platform/bytes.ts";

export interface LogLine {
  readonly epoch: string;
  readonly offset: number;
  /** When it was sequenced, epoch ms: decides the hour. */
  readonly at: number;
  readonly stale: boolean;
  /** The event's wire text; what is not JSON is kept as well, in quotes. */
  readonly text: string;
}

export interface LogKey {
  readonly epoch: string;
  readonly first: number;
  readonly last: number;
  /** Of the plain text. */
  readonly sha256: string;
}

/** What a line says of its event. */
export type LogHead = Omit<LogLine, "text">;

const hourMs = 3_600_000;
/** Zero-padded so that keys sort like numbers; 16 digits hold every safe integer. */
const offsetDigits = 16;
const keyTail = /\/([^/]+)-(\d{16})-(\d{16})-([0-9a-f]{64})\.ndjson\.gz$/;
const hourFolder = /\/dt=(\d{4}-\d{2}-\d{2})\/hr=(\d{2})[./]/;

export function hourOf(at: number): number {
  return Math.floor(at / hourMs);
}

export function streamPrefix(stream: string): string {
  return `events/v1/stream=${stream}/`;
}

/** The folder of an hour (counted from 1970): `events/v1/stream=…/dt=2026-11-24/hr=07/`. */
export function hourPrefix(stream: string, hour: number): string {
  return `${streamPrefix(stream)}${hourPath(hour)}/`;
}

/** `dt=2026-11-24/hr=07`: sorts like the hour it names. */
export function hourPath(hour: number): string {
  const iso = new Date(hour * hourMs).toISOString();
  return `dt=${iso.slice(0, 10)}/hr=${iso.slice(11, 13)}`;
}

export function startOfHour(hour: number): number {
  return hour * hourMs;
}

/** The hour whose folder a key lies in, or undefined for a key outside of any. */
export function hourOfKey(key: string): number | undefined {
  const [, date, hour] = hourFolder.exec(key) ?? [];
  return date === undefined ? undefined : hourOf(Date.parse(`${date}T${hour}:00:00Z`));
}

/** What a key says of its object, or undefined for a key that is not the log's. */
export function parseLogKey(key: string): LogKey | undefined {
  const [, epoch, first, last, sha256] = keyTail.exec(key) ?? [];
  if (epoch === undefined || sha256 === undefined) return undefined;
  return { epoch, first: Number(first), last: Number(last), sha256 };
}

/** `{epoch}-{first}-{last}`: numbers padded, so that names sort like what they hold. */
export function rangeName({ epoch, first, last }: Omit<LogKey, "sha256">): string {
  return `${epoch}-${padded(first)}-${padded(last)}`;
}

/** One line of the log. The event's text is moved, never parsed and printed again. */
export function renderLogLine(line: LogLine): string {
  const event = isJson(line.text) ? line.text : JSON.stringify(line.text);
  return `${renderLogHead(line)}${event}}`;
}

/** A line up to its event, which is followed by one brace. */
export function renderLogHead({ epoch, offset, at, stale }: LogHead): string {
  return `{"epoch":${JSON.stringify(epoch)},"offset":${offset},"at":${at},${stale ? '"stale":true,' : ""}"event":`;
}

/** Stores lines of one stream, epoch and hour, sorted by offset. Throws unless the object is surely there. Returns its key. */
export async function putLogObject(bucket: R2Bucket, stream: string, lines: readonly LogLine[]): Promise<string> {
  const [head] = lines;
  const tail = lines.at(-1);
  if (head === undefined || tail === undefined) throw new Error("a log object holds at least one event");
  const plain = `${lines.map(renderLogLine).join("\n")}\n`;
  const sha256 = sha256Hex(plain);
  const key = `${hourPrefix(stream, hourOf(head.at))}${rangeName({ epoch: head.epoch, first: head.offset, last: tail.offset })}-${sha256}.ndjson.gz`;
  const stored = await bucket.put(key, await gzip(plain), {
    onlyIf: new Headers({ "If-None-Match": "*" }),
    httpMetadata: { contentType: "application/gzip" },
    customMetadata: {
      v: "1",
      sha256,
      count: String(lines.length),
      first: String(head.offset),
      last: String(tail.offset),
      bytes: String(utf8Bytes(plain)),
    },
  });
  if (stored === null) await requireSame(bucket, key, sha256);
  return key;
}

/** A refused put means that the key is taken: a repeat of ours, unless the stored text is another. */
async function requireSame(bucket: R2Bucket, key: string, sha256: string): Promise<void> {
  const held = (await bucket.head(key))?.customMetadata?.["sha256"];
  if (held !== sha256) throw new Error(`${key} was refused, and what is stored there is ${held ?? "nothing"}`);
}

function padded(offset: number): string {
  return String(offset).padStart(offsetDigits, "0");
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

async function gzip(text: string): Promise<ArrayBuffer> {
  const compressed = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Response(compressed).arrayBuffer();
}
