/** Undoes a body's content coding (RFC 9110, 8.4) as it streams, and ends a body that inflates out of proportion while it does. workerd's
 *  decoders do not wait for their reader within one piece of input, of which 26 bytes may hold 16 MiB: so what comes out is counted where
 *  it comes out, and pieces are small. How much may come out in all is read-body.ts's count. */
import { AppError } from "../../platform/errors.ts";
import { inflateRatioMax, zstdWindowLogMax } from "../../schemas/limits.ts";

const names = { gzip: "gzip", "x-gzip": "gzip", deflate: "deflate", br: "br", zstd: "zstd" } as const;

export type Coding = (typeof names)[keyof typeof names];

/** What the decoder makes at a time. */
const outputBytes = 65_536;
/** What it is given at a time: within the ratio, it makes no more than 800 KB of it before its reader is asked. */
const pieceBytes = 4_096;
/** Small bodies may shrink by any factor: up to here it does no harm. */
const ratioFreeBytes = 1_048_576;

/** The body's coding, undefined when it has none. Throws UNSUPPORTED_MEDIA_TYPE, naming those that are taken. */
export function codingOf(headers: Headers): Coding | undefined {
  const name = (headers.get("content-encoding") ?? "").trim().toLowerCase();
  if (name === "" || name === "identity") return undefined;
  if (Object.hasOwn(names, name)) return names[name as keyof typeof names];
  throw new AppError("UNSUPPORTED_MEDIA_TYPE", "the content encoding must be one of gzip, deflate, br, zstd, or identity");
}

/** Yields what the chunks inflate to. Throws INVALID_PARAMETERS when they are not of that coding or end too early, PAYLOAD_TOO_LARGE
 *  when they inflate out of proportion, and what `chunks` throws. Ends `chunks` when it is ended itself. */
export async function* decodeBody(chunks: AsyncIterable<Uint8Array>, coding: Coding): AsyncGenerator<Uint8Array> {
  // Loaded by the first compressed body: most isolates never see one.
  const [zlib, { Readable, pipeline }] = await Promise.all([import("node:zlib"), import("node:stream")]);
  const input = { bytes: 0, fault: undefined as unknown };
  const decoder = openDecoder(zlib, coding);
  // Errors come out of the iteration below; without a listener here they would end the isolate's request as unhandled.
  pipeline(Readable.from(counted(chunks, input), { objectMode: false }), guarded(decoder, input), () => undefined);
  try {
    for await (const piece of decoder) yield piece;
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    if (input.fault !== undefined) throw input.fault;
    throw new AppError("INVALID_PARAMETERS", `the body is not valid ${coding}, or was cut short`, { cause });
  } finally {
    decoder.destroy();
  }
}

function openDecoder(zlib: typeof import("node:zlib"), coding: Coding): Decoder {
  const options = { chunkSize: outputBytes };
  switch (coding) {
    case "gzip":
      return zlib.createGunzip(options);
    case "deflate":
      return zlib.createInflate(options);
    case "br":
      return zlib.createBrotliDecompress(options);
    case "zstd":
      return zlib.createZstdDecompress({ ...options, params: { [zlib.constants.ZSTD_d_windowLogMax]: zstdWindowLogMax } });
  }
}

type Decoder = import("node:zlib").Decoder;

/** Ends the decoder with what it is about to hand over when that is out of proportion to what it has been given. */
function guarded(decoder: Decoder, input: { readonly bytes: number }): Decoder {
  const push = decoder.push.bind(decoder);
  let bytes = 0;
  decoder.push = (piece) => {
    bytes += piece?.byteLength ?? 0;
    if (bytes <= ratioFreeBytes || bytes <= input.bytes * inflateRatioMax) return push(piece);
    decoder.destroy(outOfProportion(bytes));
    return false;
  };
  return decoder;
}

/** In small pieces, counted as the decoder takes them, so that a large chunk does not buy its first bytes a large output. */
async function* counted(chunks: AsyncIterable<Uint8Array>, input: { bytes: number; fault: unknown }): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of chunks) {
      for (let at = 0; at < chunk.byteLength; at += pieceBytes) {
        const piece = chunk.subarray(at, at + pieceBytes);
        input.bytes += piece.byteLength;
        yield piece;
      }
    }
  } catch (fault) {
    input.fault = fault;
    throw fault;
  }
}

function outOfProportion(inflatedBytes: number): AppError {
  return new AppError("PAYLOAD_TOO_LARGE", `the body inflates to more than ${inflateRatioMax} times its size`, {
    details: { inflated_bytes: inflatedBytes },
  });
}
