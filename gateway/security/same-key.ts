/** Compares secrets in constant time. */
import { timingSafeEqual } from "node:crypto";
import { sha256Hex } from "../../platform/bytes.ts";

/** Keys are tens of characters; hashing them would take longer than the rest of a request's checks. */
const paddedBytes = 512;
const encoder = new TextEncoder();

/** Made once: comparing is synchronous, and all of them is written anew each time. */
const [left, right] = [new Uint8Array(paddedBytes + 4), new Uint8Array(paddedBytes + 4)];

/** Both are brought to one length first, so that neither the content nor the length of the expected key shows in the time taken. */
export function isSameKey(given: string, expected: string): boolean {
  const [a, b] = [padded(given, left), padded(expected, right)];
  const isSame =
    a === undefined || b === undefined
      ? timingSafeEqual(encoder.encode(sha256Hex(given)), encoder.encode(sha256Hex(expected)))
      : timingSafeEqual(a, b);
  // No key stays behind.
  left.fill(0);
  right.fill(0);
  return isSame;
}

/** The text, zeros, and its length; undefined for one that is too long. */
function padded(text: string, bytes: Uint8Array): Uint8Array | undefined {
  const { read, written } = encoder.encodeInto(text, bytes.subarray(0, paddedBytes));
  if (read < text.length) return undefined;
  new DataView(bytes.buffer).setUint32(paddedBytes, written);
  return bytes;
}
