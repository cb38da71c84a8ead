/** Newline-delimited JSON, split and parsed as it arrives. A line that cannot be read is an item of its own, so its neighbours go through. */
import type { Item } from "./item.ts";

export interface Line {
  /** As an editor counts: from 1, blank lines too. */
  readonly number: number;
  /** Without its newline; nothing of a line that is too long. */
  readonly bytes: Uint8Array;
  /** False for what follows the last newline: the end of a body that may have been cut short. */
  readonly terminated: boolean;
  readonly oversize: boolean;
}

const newline = 0x0a;
const nothing = new Uint8Array(0);

/** Splits bytes, not text: a newline is never part of another UTF-8 character, so a line is decoded whole or not at all. */
export class LineSplitter {
  readonly #lineBytesMax: number;
  #open: Uint8Array[] = [];
  #openBytes = 0;
  /** Bytes of the open line are dropped since it became too long. */
  #dropping = false;
  #count = 0;

  constructor(lineBytesMax = Number.POSITIVE_INFINITY) {
    this.#lineBytesMax = lineBytesMax;
  }

  /** Lines begun so far. */
  get count(): number {
    return this.#count + (this.#openBytes > 0 || this.#dropping ? 1 : 0);
  }

  /** Bytes held of the line that has no end yet. */
  get heldBytes(): number {
    return this.#openBytes;
  }

  /** The lines that end in this chunk, blank ones left out. */
  push(chunk: Uint8Array): Line[] {
    const lines: Line[] = [];
    let start = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      this.#hold(chunk.subarray(start, end));
      this.#close(lines, true);
      start = end + 1;
    }
    this.#hold(chunk.subarray(start));
    return lines;
  }

  /** What follows the last newline. */
  end(): Line[] {
    const lines: Line[] = [];
    if (this.#openBytes > 0 || this.#dropping) this.#close(lines, false);
    return lines;
  }

  #hold(part: Uint8Array): void {
    if (part.byteLength === 0 || this.#dropping) return;
    this.#openBytes += part.byteLength;
    if (this.#openBytes > this.#lineBytesMax) this.#drop();
    else this.#open.push(part);
  }

  #drop(): void {
    this.#dropping = true;
    this.#open = [];
    this.#openBytes = 0;
  }

  #close(lines: Line[], terminated: boolean): void {
    this.#count += 1;
    const bytes = joined(this.#open);
    if (this.#dropping || !isBlank(bytes)) lines.push({ number: this.#count, bytes, terminated, oversize: this.#dropping });
    this.#open = [];
    this.#openBytes = 0;
    this.#dropping = false;
  }
}

/** One item for each line that is not blank. */
export async function* parseLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Item> {
  const splitter = new LineSplitter();
  for await (const chunk of chunks) for (const line of splitter.push(chunk)) yield parseLine(line);
  for (const line of splitter.end()) yield parseLine(line);
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

export function parseLine({ bytes, terminated }: Line): Item {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    return { fault: terminated ? "the line is not valid UTF-8" : cutShort };
  }
  try {
    return { value: JSON.parse(text) };
  } catch {
    return { fault: terminated ? "the line is not valid JSON" : cutShort };
  }
}

const cutShort = "the last line is not valid JSON and has no newline: the body may have been cut short";

/** Spaces, tabs and the carriage returns of other systems: nothing that JSON would not skip as well. */
function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const [only = nothing] = parts;
  if (parts.length <= 1) return only;
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}
