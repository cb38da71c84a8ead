/** What an upload must say of itself before a byte of it is read: its length, its digest if it has one, and what it may overwrite. */
import { AppError } from "../../platform/errors.ts";
import { assetBytesMax } from "../../schemas/limits.ts";
import type { AssetCondition } from "../../stores/assets.ts";
import { isHashedName } from "./policy.ts";

export interface UploadHead {
  readonly bytes: number;
  readonly sha256: string | undefined;
  readonly condition: AssetCondition;
}

/** Throws INVALID_PARAMETERS (400, 411, 428), UNSUPPORTED_MEDIA_TYPE, PAYLOAD_TOO_LARGE or CONFLICT, naming the header. */
export function parseUploadHead(key: string, headers: Headers): UploadHead {
  const coding = (headers.get("content-encoding") ?? "identity").trim().toLowerCase();
  if (coding !== "identity")
    throw new AppError("UNSUPPORTED_MEDIA_TYPE", "content-encoding: assets are stored as they are; send them plain");
  return { bytes: lengthIn(headers), sha256: digestIn(headers), condition: conditionIn(key, headers) };
}

/** The digest of RFC 9530: `sha-256=:<base64>:`, among others. In hex; undefined without the header. */
export function digestIn(headers: Headers): string | undefined {
  const header = headers.get("content-digest");
  if (header === null) return undefined;
  const [, base64 = ""] = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):\s*(?:,|$)/.exec(header) ?? [];
  if (base64 === "") throw refuse("content-digest", "must have the form sha-256=:<base64 of 32 bytes>:");
  return [...atob(base64)].map((char) => char.charCodeAt(0).toString(16).padStart(2, "0")).join("");
}

/** A tag that If-Match names alone; undefined without the header. */
export function matchIn(headers: Headers): string | undefined {
  const match = headers.get("if-match");
  if (match === null) return undefined;
  if (/^"[\x21\x23-\x7e]{1,128}"$/.test(match)) return match;
  throw refuse("if-match", 'must be one strong tag, such as "0123456789abcdef"');
}

function lengthIn(headers: Headers): number {
  const header = headers.get("content-length");
  // R2 must know it beforehand.
  if (header === null) throw refuse("content-length", "is needed", 411);
  const bytes = Number(header);
  if (!/^\d{1,15}$/.test(header)) throw refuse("content-length", "must be a whole number");
  if (bytes > assetBytesMax) throw new AppError("PAYLOAD_TOO_LARGE", `content-length: an asset has at most ${assetBytesMax} bytes`);
  return bytes;
}

/** Nobody overwrites what he has not seen: two operators who change the same asset notice each other. */
function conditionIn(key: string, headers: Headers): AssetCondition {
  const etag = matchIn(headers);
  const none = headers.get("if-none-match");
  if (none !== null && none.trim() !== "*") throw refuse("if-none-match", "must be *");
  if (etag !== undefined && none !== null) throw refuse("if-match", "excludes if-none-match");
  if (etag !== undefined && isHashedName(key))
    throw new AppError("CONFLICT", "path: what has its hash in its name is kept by browsers for a year; upload it by another name");
  if (etag !== undefined) return { kind: "is", etag };
  if (none !== null) return { kind: "absent" };
  throw refuse("if-none-match", "send * for a new asset, or if-match with the tag of the one to replace", 428);
}

function refuse(parameter: string, message: string, status = 400): AppError {
  return new AppError("INVALID_PARAMETERS", `${parameter}: ${message}`, { status, details: { parameter } });
}
