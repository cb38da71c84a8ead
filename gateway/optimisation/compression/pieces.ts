/** Reads a body in larger pieces than the runtime hands out by itself (4 KB of a body that it made from a text), but never waits for more
 *  than `bytesMin` of them. */

export class Pieces {
  readonly #reader: ReadableStreamBYOBReader | undefined;
  readonly #plain: ReadableStreamDefaultReader<Uint8Array> | undefined;

  constructor(body: ReadableStream<Uint8Array>) {
    try {
      this.#reader = body.getReader({ mode: "byob" });
    } catch {
      // A stream of the Worker's own hands out what it was given.
      this.#plain = body.getReader();
    }
  }

  /** At least `bytesMin` and at most `bytesMax` where the body allows it; undefined at its end. */
  async read(bytesMin: number, bytesMax: number): Promise<Uint8Array | undefined> {
    if (this.#plain !== undefined) return (await this.#plain.read()).value;
    const read = await this.#reader?.readAtLeast(bytesMin, new Uint8Array(bytesMax));
    return read === undefined || read.done || read.value.byteLength === 0 ? undefined : read.value;
  }

  /** The body is not wanted any more. Never throws: whoever made it may have failed already. */
  async cancel(reason?: unknown): Promise<void> {
    await (this.#plain ?? this.#reader)?.cancel(reason).catch(() => undefined);
  }
}

export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts;
  if (first !== undefined && parts.length === 1) return first;
  const all = new Uint8Array(parts.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.byteLength;
  }
  return all;
}
