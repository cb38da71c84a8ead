/** Compares secrets in constant time. */
import { timingSafeEqual } from "node:crypto";
import { sha256Hex } from "../../platform/bytes.ts";

const encoder = new TextEncoder();

/** Hashes are of one length, so that neither the content nor the length of the expected key shows in the time taken. */
export function isSameKey(given: string, expected: string): boolean {
  return timingSafeEqual(encoder.encode(sha256Hex(given)), encoder.encode(sha256Hex(expected)));
}
