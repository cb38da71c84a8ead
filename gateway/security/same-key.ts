/** Compares secrets in constant time. */
import { timingSafeEqual } from "node:crypto";
import { sha256Hex } from "../../platform/bytes.ts";

/** Keys are tens of characters; hashing them would take longer than the rest of a request's checks. */
const paddedBytes = 512;
const encoder = new TextEncoder();

/** Made once: comparing is synchronous, and all of them is written anew each time. */
const [left, right] = [new Uint8Array(paddedBytes), new Uint8Array(paddedBytes)];

/** Both are brought to one length first, so that neither the content nor the length of the expected key shows in the time taken. */
export function isSameKey(given: string, expected: string): boolean {
  const [a, b] = [encoder.encodeInto(given, left), encoder.encodeInto(expected, right)];
  const isWhole = a.read === given.length && b.read === expected.length;
  const isSame = isWhole
    ? timingSafeEqual(left, right) && a.written === b.written
    : timingSafeEqual(encoder.encode(sha256Hex(given)), encoder.encode(sha256Hex(expected)));
  // No key stays behind.
  left.fill(0);
  right.fill(0);
  return isSame;
}
