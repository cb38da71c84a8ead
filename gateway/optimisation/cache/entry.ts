/** A stored answer: a head and identity bytes. As text for the colo's cache and KV it is one line of JSON and the body; what comes back is parsed
 *  again, because other versions write there too. Pure. */
import { CachedHead } from "../../../schemas/cache.ts";

export interface Entry extends CachedHead {
  readonly body: Uint8Array;
}

/** Of an origin's headers these are kept; the rest belongs to one transfer. */
const keptHeaders = ["content-type", "content-language", "content-disposition", "etag", "last-modified", "link", "retry-after"];

export function kept(headers: Headers): [string, string][] {
  return keptHeaders.flatMap((name) => {
    const value = headers.get(name);
    return value === null ? [] : [[name, value] as [string, string]];
  });
}

export function encodeEntry({ body, ...head }: Entry): Uint8Array {
  const line = new TextEncoder().encode(`${JSON.stringify(head)}\n`);
  const bytes = new Uint8Array(line.byteLength + body.byteLength);
  bytes.set(line);
  bytes.set(body, line.byteLength);
  return bytes;
}

const lineBreak = 10;

/** Undefined for what is not an answer by this name: it is then as if nothing were there. */
export function decodeEntry(bytes: Uint8Array, key: string): Entry | undefined {
  const end = bytes.indexOf(lineBreak);
  if (end < 0) return undefined;
  const head = CachedHead.safeParse(parse(new TextDecoder().decode(bytes.subarray(0, end))));
  if (!head.success || head.data.key !== key) return undefined;
  return { ...head.data, body: bytes.subarray(end + 1) };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether an answer was made for a request with such headers. */
export function isMadeFor({ varying }: Pick<Entry, "varying">, headers: Headers): boolean {
  return varying.every(([name, value]) => headers.get(name) === value);
}

export function varyingValues(names: readonly string[], headers: Headers): [string, string | null][] {
  return names.map((name) => [name, headers.get(name)]);
}
