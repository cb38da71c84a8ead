/** Delays in logarithmic buckets, each 3 % wide, with weights: how many sockets waited so long. Sums over any number of them stay small. */

const bucketsPerDoubling = 24;
const microsPerMs = 1_000;
/** Up to 2^36 µs, some 19 hours. */
const bucketCount = 36 * bucketsPerDoubling;

export class Spread {
  readonly #weights = new Float64Array(bucketCount);
  total = 0;
  maxMs = 0;

  add(ms: number, weight: number): void {
    const bucket = Math.floor(Math.log2(Math.max(1, ms * microsPerMs)) * bucketsPerDoubling);
    const index = Math.min(bucketCount - 1, bucket);
    this.#weights[index] = (this.#weights[index] ?? 0) + weight;
    this.total += weight;
    if (ms > this.maxMs) this.maxMs = ms;
  }

  merge(other: Spread): void {
    for (const [bucket, weight] of other.#weights.entries()) this.#weights[bucket] = (this.#weights[bucket] ?? 0) + weight;
    this.total += other.total;
    this.maxMs = Math.max(this.maxMs, other.maxMs);
  }

  /** Milliseconds within which this share of the weight lies; undefined of nothing. */
  percentileMs(share: number): number | undefined {
    if (this.total === 0) return undefined;
    let seen = 0;
    for (const [bucket, weight] of this.#weights.entries()) {
      seen += weight;
      if (seen >= this.total * share) return Math.min(this.maxMs, 2 ** ((bucket + 0.5) / bucketsPerDoubling) / microsPerMs);
    }
    return this.maxMs;
  }
}
