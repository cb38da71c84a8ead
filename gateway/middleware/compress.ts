/** Compresses what leaves: the outermost middleware, so that every answer passes here, errors and cached ones as well, and all behind it
 *  see plain bytes. What is compressed is decided in optimisation/compression/plan.ts; here a body is read as far as its size must be known.
 *
 *  Nothing authenticates by cookie, so no foreign page can have answers made that mix its text with somebody's secrets: sizes tell nothing
 *  to anyone who could not read the answer. */
import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import { messageOf } from "../../platform/errors.ts";
import { logWarning } from "../../platform/log.ts";
import { compressedStreamIdleMs, compressedStreamsMax, compressWholeBytesMax } from "../../schemas/limits.ts";
import type { Coding } from "../optimisation/compression/codings.ts";
import { encodeStream, encodeWhole, plainStream } from "../optimisation/compression/encode.ts";
import { Leases } from "../optimisation/compression/leases.ts";
import { acceptedBy } from "../optimisation/compression/negotiate.ts";
import { joined, Pieces } from "../optimisation/compression/pieces.ts";
import { encodedHeaders, planOf, tagOf304 } from "../optimisation/compression/plan.ts";
import type { Plan } from "../optimisation/compression/plan.ts";
import { withHeaders } from "./with-headers.ts";

type EncodePlan = Extract<Plan, { kind: "encode" }>;

const vary = { vary: "Accept-Encoding" };
/** What a body is read by until its size is known: most fit into one. */
const pieceBytes = 32_768;
const leases = new Leases({ leasesMax: compressedStreamsMax, idleMs: compressedStreamIdleMs });

export const compress = createMiddleware(async (c, next) => {
  await next();
  const { req, res } = c;
  if (res.webSocket !== null && res.webSocket !== undefined) return;
  const plan = planOf({ accepted: () => acceptedBy(req.raw), headers: req.raw.headers }, res);
  if (plan.kind === "leave") return;
  const tag = res.headers.get("etag");
  const isRetagged = plan.kind === "not-modified" && tag !== null;
  withHeaders(c, isRetagged ? { ...vary, etag: tagOf304(tag, req.header("if-none-match") ?? null) } : vary);
  if (plan.kind === "encode") await encode(c, plan);
});

async function encode(c: Context, plan: EncodePlan): Promise<void> {
  const { body, headers } = c.res;
  const isHead = c.req.method === "HEAD";
  // A route that answers HEAD itself says by its Content-Length what GET would have: planOf has looked.
  if (body === null) return isHead ? replace(c, null, encodedHeaders(headers, plan.coding)) : undefined;
  const pieces = new Pieces(body);
  const { bytes, isWhole, head } = plan.reading === "lines" ? nothingRead : await readHead(pieces);
  if (isWhole && bytes < plan.bytesMin) return replace(c, joined(head), headers);
  if (isHead) {
    await pieces.cancel();
    return replace(c, null, encodedHeaders(headers, plan.coding));
  }
  if (isWhole) return await replaceWhole(c, joined(head), plan.coding);
  const lease = leases.take(Date.now());
  const { coding, reading } = plan;
  if (lease === undefined) return replace(c, plainStream({ head, rest: pieces, reading }), headers);
  const onPiece = (): void => lease.renew(Date.now());
  const stream = await encodeStream({ coding, reading, head, rest: pieces, onPiece, onEnd: () => lease.end() });
  replace(c, stream, encodedHeaders(headers, coding));
}

/** A body that is there is never lost to its compressor. */
async function replaceWhole(c: Context, bytes: Uint8Array, coding: Coding): Promise<void> {
  const { headers } = c.res;
  try {
    replace(c, await encodeWhole(bytes, coding), encodedHeaders(headers, coding));
  } catch (error) {
    logWarning("compression.failed", { coding, bytes: bytes.byteLength, reason: messageOf(error) });
    replace(c, bytes, headers);
  }
}

interface Head {
  readonly head: readonly Uint8Array[];
  readonly bytes: number;
  readonly isWhole: boolean;
}

const nothingRead: Head = { head: [], bytes: 0, isWhole: false };

/** The whole body, or as much as is compressed in one call. One that fails here fails again when the rest is read: the transfer then breaks
 *  off, as it would have without this middleware. */
async function readHead(pieces: Pieces): Promise<Head> {
  const head: Uint8Array[] = [];
  let bytes = 0;
  while (bytes < compressWholeBytesMax) {
    const piece = await pieces.read(pieceBytes, pieceBytes).catch(() => "failed" as const);
    if (piece === "failed") break;
    if (piece === undefined) return { head, bytes, isWhole: true };
    head.push(piece);
    bytes += piece.byteLength;
  }
  return { head, bytes, isWhole: false };
}

/** Hono would merge the headers of the answer that stood there before, and a copy would be encoded by the runtime once more. */
function replace(c: Context, body: BodyInit | null, headers: Headers): void {
  const { status } = c.res;
  const encodeBody = headers.has("content-encoding") ? "manual" : "automatic";
  c.res = undefined;
  c.res = new Response(body, { status, headers, encodeBody });
}
