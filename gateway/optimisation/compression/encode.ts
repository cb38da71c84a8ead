/** Compresses one body, whole or as it comes. Knows zlib, nothing of HTTP. The compressor works when it is given something, within the
 *  isolate's own time: what its reader does not ask for is not compressed. */
import type { Kind } from "./kinds.ts";
import { optionsOf } from "./levels.ts";
import type { Piecework } from "./levels.ts";
import type { Coding } from "./codings.ts";
import { joined } from "./pieces.ts";
import type { Pieces } from "./pieces.ts";

type Zlib = typeof import("node:zlib");
type Coder = import("node:zlib").Coder;

/** What a stream is read by. Of a document so much is waited for: small pieces cost more to hand over than to compress. */
const pieceBytes = 65_536;

let loading: Promise<Zlib> | undefined;

/** Loaded by the first body that is compressed: isolates that hold objects alone never see one. */
function loadZlib(): Promise<Zlib> {
  loading ??= import("node:zlib");
  return loading;
}

/** The whole body. */
export async function encodeWhole(bytes: Uint8Array, coding: Coding): Promise<Uint8Array> {
  const zlib = await loadZlib();
  const work = { bytes: bytes.byteLength, reading: "document" } as const;
  const options = optionsOf(zlib, coding, work);
  if (coding === "br") return zlib.brotliCompressSync(bytes, options);
  if (coding === "gzip") return zlib.gzipSync(bytes, options);
  try {
    return zlib.zstdCompressSync(bytes, options);
  } catch {
    // workerd's zstd fails where the call that ends a body gives out more than 40 KiB ("Unexpected end of file", workerd 20261102). A stream
    // that is flushed before it ends takes any body, but to open one costs more than to compress most.
    const encoder = new Encoder(zlib, coding, work);
    try {
      return joined([await encoder.write(bytes), await encoder.end()]);
    } finally {
      encoder.destroy();
    }
  }
}

export interface Streamed {
  readonly coding: Coding;
  readonly reading: Kind;
  /** What was read of the body already. */
  readonly head: readonly Uint8Array[];
  readonly rest: Pieces;
  /** Called with each piece, so that somebody may notice a stream that was left standing. */
  onPiece(): void;
  /** Called once, when it is over in any way. */
  onEnd(): void;
}

/** The body as it comes, encoded. One that fails breaks off: it never ends as if it were whole. */
export async function encodeStream(body: Streamed): Promise<ReadableStream<Uint8Array>> {
  const encoder = new Encoder(await loadZlib(), body.coding, { bytes: undefined, reading: body.reading });
  const pieces = piecesOf(body);
  const end = async (reason?: unknown): Promise<void> => {
    encoder.destroy();
    body.onEnd();
    if (reason !== undefined) await body.rest.cancel(reason);
  };
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const made = await nextMade(pieces, encoder, body);
        if (made !== undefined) return controller.enqueue(made);
        const tail = await encoder.end();
        if (tail.byteLength > 0) controller.enqueue(tail);
        controller.close();
        await end();
      } catch (error) {
        controller.error(error);
        await end(error);
      }
    },
    cancel: (reason) => end(reason ?? "the reader left"),
  });
}

/** The body as it comes, from where it was read to. */
export function plainStream(body: Pick<Streamed, "head" | "rest" | "reading">): ReadableStream<Uint8Array> {
  const pieces = piecesOf(body);
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await pieces.next();
      if (done === true) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => body.rest.cancel(reason),
  });
}

/** Until the encoder gives something out; undefined when the body is at its end. */
async function nextMade(pieces: AsyncGenerator<Uint8Array>, encoder: Encoder, body: Streamed): Promise<Uint8Array | undefined> {
  for (;;) {
    const { done, value } = await pieces.next();
    if (done === true) return undefined;
    body.onPiece();
    const made = await encoder.write(value);
    if (made.byteLength > 0) return made;
  }
}

async function* piecesOf({ head, rest, reading }: Pick<Streamed, "head" | "rest" | "reading">): AsyncGenerator<Uint8Array> {
  yield* head;
  for (;;) {
    const piece = await rest.read(reading === "lines" ? 1 : pieceBytes, pieceBytes);
    if (piece === undefined) return;
    yield piece;
  }
}

/** One zlib stream, asked and answered. */
class Encoder {
  readonly #coder: Coder;
  readonly #flushBeforeEnd: number | undefined;
  #made: Uint8Array[] = [];
  #fail: ((error: Error) => void) | undefined;

  constructor(zlib: Zlib, coding: Coding, work: Piecework) {
    const options = optionsOf(zlib, coding, work);
    this.#flushBeforeEnd = coding === "zstd" ? zlib.constants.ZSTD_e_flush : undefined;
    const open = { zstd: zlib.createZstdCompress, br: zlib.createBrotliCompress, gzip: zlib.createGzip }[coding];
    this.#coder = open({ ...options, chunkSize: pieceBytes });
    this.#coder.on("data", (bytes) => this.#made.push(bytes));
    // Without a listener an error would end the request as unhandled.
    this.#coder.on("error", (error) => this.#fail?.(error));
  }

  /** What came out of it; may be nothing yet. */
  write(bytes: Uint8Array): Promise<Uint8Array> {
    return this.#ask((done) => this.#coder.write(bytes, done));
  }

  async end(): Promise<Uint8Array> {
    const flush = this.#flushBeforeEnd;
    if (flush === undefined) return await this.#finish();
    return joined([await this.#ask((done) => this.#coder.flush(flush, done)), await this.#finish()]);
  }

  #finish(): Promise<Uint8Array> {
    return this.#ask((done) => {
      this.#coder.once("end", () => done());
      this.#coder.end();
    });
  }

  /** Its memory is the runtime's, not the collector's. */
  destroy(): void {
    this.#coder.destroy();
  }

  async #ask(question: (done: (error?: Error | null) => void) => void): Promise<Uint8Array> {
    await new Promise<void>((resolve, reject) => {
      this.#fail = reject;
      question((error) => (error instanceof Error ? reject(error) : resolve()));
    });
    const made = this.#made;
    this.#made = [];
    return joined(made);
  }
}
