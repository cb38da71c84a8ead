/** Reads the beginning of an NDJSON body whose sender did not say how it wants it answered: a small one is one request like any other and is
 *  answered at once, whatever its coding and however it was transferred; only what is larger is a stream. */
import { requestBytesMax, requestEventsMax } from "../../schemas/limits.ts";

export type Head =
  /** The whole body. */
  | { readonly kind: "whole"; readonly body: Uint8Array }
  /** More than a request takes, and it goes on. */
  | { readonly kind: "stream"; readonly chunks: AsyncGenerator<Uint8Array> };

const newline = 0x0a;

/** Throws what `chunks` throws. */
export async function readHead(chunks: AsyncGenerator<Uint8Array>): Promise<Head> {
  const head: Uint8Array[] = [];
  let bytes = 0;
  let newlines = 0;
  for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) {
    head.push(next.value);
    bytes += next.value.byteLength;
    newlines += countNewlines(next.value);
    if (bytes > requestBytesMax || newlines > requestEventsMax) return { kind: "stream", chunks: prepended(head, chunks) };
  }
  return { kind: "whole", body: joined(head, bytes) };
}

function countNewlines(chunk: Uint8Array): number {
  let count = 0;
  for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, at + 1)) count += 1;
  return count;
}

async function* prepended(head: readonly Uint8Array[], rest: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* head;
  yield* rest;
}

function joined(parts: readonly Uint8Array[], bytes: number): Uint8Array {
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}
