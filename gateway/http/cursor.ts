/** Opaque pagination cursors: base64url of a versioned JSON value. A client can only hand one back; what comes back is untrusted. */
import { base64url } from "jose";
import type { z } from "zod";
import { AppError } from "../../platform/errors.ts";

/** Cursors end in an address: longer ones were never ours (an id has at most 128 characters). */
const cursorCharsMax = 2_048;

export function encodeCursor(value: unknown): string {
  return base64url.encode(JSON.stringify(value));
}

/** Throws INVALID_PARAMETERS naming `cursor` for anything that encodeCursor did not make for this listing. */
export function decodeCursor<T>(schema: z.ZodType<T>, text: string): T {
  const parsed = schema.safeParse(readJson(text));
  if (parsed.success) return parsed.data;
  throw new AppError("INVALID_PARAMETERS", "cursor: not a cursor of this listing; start again without one", {
    details: { parameter: "cursor" },
  });
}

function readJson(text: string): unknown {
  if (text.length > cursorCharsMax) return undefined;
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(base64url.decode(text)));
  } catch {
    // Not base64url, not UTF-8 or not JSON: all the same to the client.
    return undefined;
  }
}
