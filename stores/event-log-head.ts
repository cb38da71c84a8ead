/** Reads what precedes the event in a log line, as this project writes it, from its bytes: a reader does so for every line, and making a
 *  text of each and parsing that took as long as all the rest but inflating. What is written otherwise is left to whoever can say why. Pure. */
import type { LogHead } from "./event-log.ts";

export interface HeadAt {
  readonly head: Omit<LogHead, "epoch">;
  /** Where the event begins. */
  readonly eventAt: number;
}

const [zero, nine] = [0x30, 0x39];
/** 15 digits are exact as a number. */
const digitsMax = 15;
const encoder = new TextEncoder();
const beforeAt = encoder.encode(',"at":');
const beforeStale = encoder.encode(',"stale":true');
const beforeEvent = encoder.encode(',"event":');

export class HeadReader {
  readonly #start: Uint8Array;

  constructor(epoch: string) {
    this.#start = encoder.encode(`{"epoch":${JSON.stringify(epoch)},"offset":`);
  }

  /** The head of the line that begins at `start`; undefined when it is not as written, or of another epoch. */
  read(bytes: Uint8Array, start: number): HeadAt | undefined {
    if (!holds(bytes, start, this.#start)) return undefined;
    const offsetAt = start + this.#start.length;
    const offsetEnd = endOfDigits(bytes, offsetAt);
    if (!holds(bytes, offsetEnd, beforeAt)) return undefined;
    const timeAt = offsetEnd + beforeAt.length;
    const timeEnd = endOfDigits(bytes, timeAt);
    const stale = holds(bytes, timeEnd, beforeStale);
    const end = stale ? timeEnd + beforeStale.length : timeEnd;
    if (!holds(bytes, end, beforeEvent)) return undefined;
    const offset = numberIn(bytes, offsetAt, offsetEnd);
    const at = numberIn(bytes, timeAt, timeEnd);
    return offset === undefined || at === undefined ? undefined : { head: { offset, at, stale }, eventAt: end + beforeEvent.length };
  }
}

function holds(bytes: Uint8Array, from: number, wanted: Uint8Array): boolean {
  for (let index = 0; index < wanted.length; index += 1) if (bytes[from + index] !== wanted[index]) return false;
  return true;
}

function endOfDigits(bytes: Uint8Array, from: number): number {
  let end = from;
  while (isDigit(bytes[end])) end += 1;
  return end;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= zero && byte <= nine;
}

/** Undefined for what is no whole number of JSON, or too long for one. */
function numberIn(bytes: Uint8Array, from: number, end: number): number | undefined {
  if (end === from || end - from > digitsMax || (bytes[from] === zero && end - from > 1)) return undefined;
  let value = 0;
  for (let at = from; at < end; at += 1) value = value * 10 + ((bytes[at] ?? zero) - zero);
  return value;
}
