/** Sizes and hashes of text, the same in the Worker and inside objects. */
import { createHash } from "node:crypto";

const encoder = new TextEncoder();

/** Bytes of UTF-8 that `text` takes on the wire. */
export function utf8Bytes(text: string): number {
  // Three bytes a UTF-16 unit is the most there can be: short texts never need encoding to pass a far limit.
  return encoder.encode(text).byteLength;
}

/** First 64 bits of SHA-256 as 16 hex digits: a key that fits 8 bytes and sorts like its number. */
export function hash64(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

/** SHA-256 of the text, hex. */
export function sha256Hex(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
