/** A map from 64-bit keys, given as two halves, to a fixed number of numbers, in typed arrays with open addressing:
 *  some 16 bytes a value and slot where a Map of strings takes over 100. Only grows; a segment of the window is dropped whole. */

const firstCapacity = 256;

/** Whoever looks a key up in many tables reads its digits once. */
export type Key64 = readonly [high: number, low: number];

/** Of 16 hex digits. */
export function key64(digits: string): Key64 {
  return [Number.parseInt(digits.slice(0, 8), 16), Number.parseInt(digits.slice(8, 16), 16)];
}

export class Table64 {
  readonly #width: number;
  #capacity = firstCapacity;
  #size = 0;
  #high: Uint32Array;
  #low: Uint32Array;
  #used: Uint8Array;
  #values: Float64Array;

  constructor(width: number) {
    this.#width = width;
    this.#high = new Uint32Array(firstCapacity);
    this.#low = new Uint32Array(firstCapacity);
    this.#used = new Uint8Array(firstCapacity);
    this.#values = new Float64Array(firstCapacity * width);
  }

  get size(): number {
    return this.#size;
  }

  get([high, low]: Key64): Float64Array | undefined {
    const slot = this.#slotOf(high, low);
    return this.#used[slot] === 1 ? this.#values.subarray(slot * this.#width, (slot + 1) * this.#width) : undefined;
  }

  set([high, low]: Key64, values: readonly number[]): void {
    // Two thirds full: probes stay short.
    if ((this.#size + 1) * 3 > this.#capacity * 2) this.#grow();
    this.#put(high, low, values);
  }

  #put(high: number, low: number, values: ArrayLike<number>): void {
    const slot = this.#slotOf(high, low);
    if (this.#used[slot] !== 1) this.#size += 1;
    this.#used[slot] = 1;
    this.#high[slot] = high;
    this.#low[slot] = low;
    this.#values.set(values, slot * this.#width);
  }

  /** The key's slot, or the free one where it would stand. Keys are parts of a SHA-256: any bits serve as the hash. */
  #slotOf(high: number, low: number): number {
    let slot = low & (this.#capacity - 1);
    while (this.#used[slot] === 1 && (this.#high[slot] !== high || this.#low[slot] !== low)) slot = (slot + 1) & (this.#capacity - 1);
    return slot;
  }

  #grow(): void {
    const [high, low, used, values] = [this.#high, this.#low, this.#used, this.#values];
    const before = this.#capacity;
    this.#capacity *= 2;
    this.#size = 0;
    this.#high = new Uint32Array(this.#capacity);
    this.#low = new Uint32Array(this.#capacity);
    this.#used = new Uint8Array(this.#capacity);
    this.#values = new Float64Array(this.#capacity * this.#width);
    for (let slot = 0; slot < before; slot += 1) {
      if (used[slot] === 1) this.#put(high[slot] ?? 0, low[slot] ?? 0, values.subarray(slot * this.#width, (slot + 1) * this.#width));
    }
  }
}
