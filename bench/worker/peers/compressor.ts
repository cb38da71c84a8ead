/** Compresses the body it is posted, again and again, with the edge's own code or at a level of the caller's choice; says how large it came out.
 *  What it costs is measured from outside: a Worker's clock stands still while it works. */
import * as zlib from "node:zlib";
import { encodeStream, encodeWhole } from "../../../gateway/optimisation/compression/encode.ts";
import { codings } from "../../../gateway/optimisation/compression/codings.ts";
import type { Coding } from "../../../gateway/optimisation/compression/codings.ts";
import type { Kind } from "../../../gateway/optimisation/compression/kinds.ts";
import { Pieces } from "../../../gateway/optimisation/compression/pieces.ts";
import { compressWholeBytesMax } from "../../../schemas/limits.ts";

type Encode = (bytes: Uint8Array) => Promise<number>;

export default {
  async fetch(request) {
    const { searchParams } = new URL(request.url);
    const coding = codings.find((name) => name === searchParams.get("coding"));
    if (coding === undefined) return new Response(null, { status: 404 });
    const encode = encoderOf(coding, { level: searchParams.get("level"), lines: searchParams.has("lines") });
    const bytes = new Uint8Array(await request.arrayBuffer());
    let size = 0;
    for (let time = Number(searchParams.get("times")); time > 0; time -= 1) size = await encode(bytes);
    return Response.json({ bytes: size });
  },
} satisfies ExportedHandler;

function encoderOf(coding: Coding, { level, lines }: { level: string | null; lines: boolean }): Encode {
  if (lines) return (bytes) => streamed(bytes, coding, "lines");
  if (level === null) {
    return async (bytes) => {
      if (bytes.byteLength > compressWholeBytesMax) return streamed(bytes, coding, "document");
      return (await encodeWhole(bytes, coding)).byteLength;
    };
  }
  return async (bytes) => atLevel(bytes, coding, Number(level));
}

function atLevel(bytes: Uint8Array, coding: Coding, level: number): number {
  const { constants } = zlib;
  if (coding === "gzip") return zlib.gzipSync(bytes, { level }).byteLength;
  if (coding === "zstd") return zlib.zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: level } }).byteLength;
  const window = Math.min(22, Math.max(16, Math.ceil(Math.log2(bytes.byteLength))));
  const params = { [constants.BROTLI_PARAM_QUALITY]: level, [constants.BROTLI_PARAM_LGWIN]: window };
  return zlib.brotliCompressSync(bytes, { params }).byteLength;
}

/** In pieces as /ops/logs makes them. */
async function streamed(bytes: Uint8Array, coding: Coding, reading: Kind): Promise<number> {
  let at = 0;
  const source = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (at >= bytes.byteLength) return controller.close();
      controller.enqueue(bytes.slice(at, at + 65_536));
      at += 65_536;
    },
  });
  const nothing = (): void => undefined;
  const encoded = await encodeStream({ coding, reading, head: [], rest: new Pieces(source), onPiece: nothing, onEnd: nothing });
  let size = 0;
  for await (const piece of encoded) size += (piece as Uint8Array).byteLength;
  return size;
}
