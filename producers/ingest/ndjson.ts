/** Newline-delimited JSON, parsed as it streams. A line that cannot be read is an item of its own, so its neighbours go through. */
import type { Item } from "./item.ts";

interface Line {
  readonly bytes: Uint8Array;
  /** False for what follows the last newline: the end of a body that may have been cut short. */
  readonly terminated: boolean;
}

const newline = 0x0a;
const nothing = new Uint8Array(0);

/** One item for each line that is not blank. */
export async function* parseLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Item> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });
  for await (const line of splitLines(chunks)) {
    const item = parseLine(line, decoder);
    if (item !== undefined) yield item;
  }
}

/** Splits bytes, not text: a newline is never part of another UTF-8 character, so a line is decoded whole or not at all. */
async function* splitLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Line> {
  let open: Uint8Array[] = [];
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      yield { bytes: joined([...open, chunk.subarray(start, end)]), terminated: true };
      open = [];
      start = end + 1;
    }
    if (start < chunk.byteLength) open.push(chunk.subarray(start));
  }
  if (open.length > 0) yield { bytes: joined(open), terminated: false };
}

function parseLine({ bytes, terminated }: Line, decoder: TextDecoder): Item | undefined {
  let text: string;
  try {
    text = decoder.decode(bytes).trim();
  } catch {
    return { fault: terminated ? "the line is not valid UTF-8" : cutShort };
  }
  if (text === "") return undefined;
  try {
    return { value: JSON.parse(text) };
  } catch {
    return { fault: terminated ? "the line is not valid JSON" : cutShort };
  }
}

const cutShort = "the last line is not valid JSON and has no newline: the body may have been cut short";

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
