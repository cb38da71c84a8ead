/** Lets in who may post events: by a signature over the body's bytes or by an ingest key. A signed body is read whole, within the limit of a
 *  request, before anything else looks at it; any other is left to stream. */
import type { Context } from "hono";
import { configOf } from "../../platform/config.ts";
import { AppError } from "../../platform/errors.ts";
import { senderOf } from "../../producers/ingest/deps.ts";
import { readChunks } from "../../producers/ingest/read-body.ts";
import { ingestLimits } from "../../producers/ingest/read-items.ts";
import type { Signed } from "../../producers/ingest/validate.ts";
import type { GatewayEnv } from "../middleware/request-id.ts";
import { requireIngestKey } from "./ingest-keys.ts";
import { claimOf, isSigned } from "./signatures.ts";

export interface Admitted {
  /** To be read in place of the original, whose body may be spent. */
  readonly request: Request;
  readonly signed?: Signed;
  /** Whose allowance of events pays: each ingest key and each webhook secret has its own. */
  readonly sender: string;
}

/** Throws UNAUTHORIZED, and for a signed body what reading it throws. */
export async function admitPoster(c: Context<GatewayEnv>, nowMs: number): Promise<Admitted> {
  const request = c.req.raw;
  if (!isSigned(request.headers)) {
    await requireIngestKey(c, async () => undefined);
    return { request, sender: senderOf(request.headers, c.env) };
  }
  const claim = claimOf(request.headers, { secrets: configOf(c.env).webhookSecrets, nowMs });
  const body = await readSignedText(request);
  const sender = `secret:${claim.verify(body)}`;
  return { request: new Request(request.url, { method: request.method, headers: request.headers, body }), signed: claim.signed, sender };
}

/** The text whose UTF-8 is exactly the bytes that came: a signature is of bytes, and a byte order mark is one of them. */
async function readSignedText(request: Request): Promise<string> {
  if ((request.headers.get("content-encoding") ?? "identity").toLowerCase() !== "identity") {
    throw new AppError("UNSUPPORTED_MEDIA_TYPE", "a signature covers the body as it is sent: send a signed body uncompressed");
  }
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const chunks: Uint8Array[] = [];
  for await (const chunk of readChunks(request, ingestLimits)) chunks.push(chunk);
  try {
    return chunks.map((chunk) => decoder.decode(chunk, { stream: true })).join("") + decoder.decode();
  } catch (cause) {
    throw new AppError("INVALID_PARAMETERS", "the body is not valid UTF-8", { cause });
  }
}
