/** Sizes and hashes of text, the same in the Worker and inside objects. */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { shortHash64 } from "./sha256.ts";

/** Bytes of UTF-8 that `text` takes on the wire: counted, where a TextEncoder would make them. */
export function utf8Bytes(text: string): number {
  return Buffer.byteLength(text);
}

/** First 64 bits of SHA-256 as 16 hex digits: a key that fits 8 bytes and sorts like its number. */
export function hash64(text: string): string {
  const short = typeof text === "string" ? shortHash64(text) : undefined;
  return short ?? createHash("sha256").update(text).digest("hex").slice(0, 16);
}

/** SHA-256 of the text, hex. */
export function sha256Hex(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
