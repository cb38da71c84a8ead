/** The first 64 bits of SHA-256 (FIPS 180-4) of short ASCII text. The runtime's own hash takes five to ten times as long for a text of a block
 *  or two, most of it to get there and back, and each event needs two. Texts of any other kind are for platform/bytes.ts to hash. */

/** Two blocks, less the end mark and the length. */
export const shortTextMax = 119;

/** Square and cube roots of the first primes, of which the standard takes the first 32 bits behind the point. */
const primes = firstPrimes(64);
const roundConstants = Int32Array.from(primes, (prime) => fraction(Math.cbrt(prime)));
const initialState = Int32Array.from(primes.slice(0, 8), (prime) => fraction(Math.sqrt(prime)));

/** Made once: hashing is synchronous, and nothing is left in them that the next text would see. */
const words = new Int32Array(64);
const state = new Int32Array(8);

/** 16 hex digits, or undefined for text that is too long or not ASCII. */
export function shortHash64(text: string): string | undefined {
  const { length } = text;
  if (length > shortTextMax) return undefined;
  state.set(initialState);
  const blocks = length < 56 ? 1 : 2;
  for (let block = 0; block < blocks; block += 1) {
    if (!fillWords(text, block * 64)) return undefined;
    if (block === blocks - 1) words[15] = length * 8;
    compress();
  }
  return hex(state[0] ?? 0) + hex(state[1] ?? 0);
}

/** A block's bytes as big-endian words; behind the text one bit, then zeros. */
function fillWords(text: string, from: number): boolean {
  for (let word = 0; word < 16; word += 1) {
    let value = 0;
    for (let at = from + word * 4, end = at + 4; at < end; at += 1) {
      const code = at < text.length ? text.charCodeAt(at) : at === text.length ? 0x80 : 0;
      if (code > 0x7f && at !== text.length) return false;
      value = (value << 8) | code;
    }
    words[word] = value;
  }
  return true;
}

function compress(): void {
  for (let at = 16; at < 64; at += 1) {
    const early = words[at - 15] ?? 0;
    const late = words[at - 2] ?? 0;
    const s0 = turn(early, 7) ^ turn(early, 18) ^ (early >>> 3);
    const s1 = turn(late, 17) ^ turn(late, 19) ^ (late >>> 10);
    words[at] = (words[at - 16] ?? 0) + s0 + (words[at - 7] ?? 0) + s1;
  }
  let a = state[0] ?? 0;
  let b = state[1] ?? 0;
  let c = state[2] ?? 0;
  let d = state[3] ?? 0;
  let e = state[4] ?? 0;
  let f = state[5] ?? 0;
  let g = state[6] ?? 0;
  let h = state[7] ?? 0;
  for (let at = 0; at < 64; at += 1) {
    const sum1 = turn(e, 6) ^ turn(e, 11) ^ turn(e, 25);
    const first = (h + sum1 + ((e & f) ^ (~e & g)) + (roundConstants[at] ?? 0) + (words[at] ?? 0)) | 0;
    const sum0 = turn(a, 2) ^ turn(a, 13) ^ turn(a, 22);
    const second = (sum0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + first) | 0;
    d = c;
    c = b;
    b = a;
    a = (first + second) | 0;
  }
  add(0, a);
  add(1, b);
  add(2, c);
  add(3, d);
  add(4, e);
  add(5, f);
  add(6, g);
  add(7, h);
}

function add(at: number, value: number): void {
  state[at] = (state[at] ?? 0) + value;
}

function turn(value: number, bits: number): number {
  return (value >>> bits) | (value << (32 - bits));
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}

function fraction(root: number): number {
  return ((root - Math.floor(root)) * 2 ** 32) | 0;
}

function firstPrimes(count: number): number[] {
  const found: number[] = [];
  for (let candidate = 2; found.length < count; candidate += 1) if (found.every((prime) => candidate % prime !== 0)) found.push(candidate);
  return found;
}
