/** Which object a path names. Only what is listed here is a path: no dots that climb, no encoded slashes, no control characters, no names that
 *  two systems would read differently. Pure. */
import { AppError } from "../../platform/errors.ts";
import { assetPathCharsMax } from "../../schemas/limits.ts";

/** One folder or file: begins with a letter, a digit or `_`, so neither `..` nor a hidden file. */
const segment = /^\w[\w.@+~-]*$/;
const rule = "letters, digits and - _ . @ + ~ between single slashes, no name beginning with a dot";

/** `raw` as it stands in the address, still encoded. Throws INVALID_PARAMETERS naming `path`. */
export function parseAssetPath(raw: string): string {
  // Encoded, each character takes three.
  if (raw.length > 3 * assetPathCharsMax) throw refuse(`must have at most ${assetPathCharsMax} characters`);
  const path = decoded(raw);
  if (path.length > assetPathCharsMax) throw refuse(`must have at most ${assetPathCharsMax} characters`);
  // Decoded once: what still holds a % or a slash too many is refused here.
  if (!path.split("/").every((name) => segment.test(name)) || raw.split("/").length !== path.split("/").length)
    throw refuse(`must be ${rule}`);
  return path;
}

function decoded(raw: string): string {
  try {
    return decodeURIComponent(raw);
  } catch {
    throw refuse("is not valid percent-encoding");
  }
}

function refuse(message: string): AppError {
  return new AppError("INVALID_PARAMETERS", `path: ${message}`, { details: { parameter: "path" } });
}
