/** The bounds of one message off the wire, and what a client is told of an error. Pure. */
import type { Refusal } from "../../channels/dialects/dialect.ts";
import { utf8Bytes } from "../../platform/bytes.ts";
import { AppError } from "../../platform/errors.ts";
import { socketFrameBytesMax } from "../../schemas/limits.ts";
import type { RequestId } from "../../schemas/socket.ts";

export function isTooBig(raw: string | ArrayBuffer): boolean {
  if (typeof raw !== "string") return raw.byteLength > socketFrameBytesMax;
  // A UTF-16 unit takes one to three bytes: most frames need not be encoded to know.
  if (raw.length > socketFrameBytesMax) return true;
  return raw.length * 3 > socketFrameBytesMax && utf8Bytes(raw) > socketFrameBytesMax;
}

/** Unexpected errors come from the hub being out of reach; their text is ours alone. */
export function refusalOf(error: unknown, id: RequestId | undefined): Refusal {
  if (!(error instanceof AppError)) return { code: "UPSTREAM_UNAVAILABLE", message: "the channel is out of reach, try again shortly", id };
  return { code: error.code, message: error.message, path: typeof error.details === "string" ? error.details : undefined, id };
}
