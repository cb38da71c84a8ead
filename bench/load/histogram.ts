/** Delays in logarithmic buckets, each 3 % wide: a fixed size however many there are, and sums of several runs stay exact. Pure. */

const bucketsPerDoubling = 24;
/** Up to 2^36 µs, some 19 hours. */
const buckets = 36 * bucketsPerDoubling;

export type Histogram = Uint32Array;

export function newHistogram(): Histogram {
  return new Uint32Array(buckets);
}

export function record(histogram: Histogram, micros: number): void {
  const bucket = Math.min(buckets - 1, Math.floor(Math.log2(Math.max(1, micros)) * bucketsPerDoubling));
  histogram[bucket] = (histogram[bucket] ?? 0) + 1;
}

export function merge(histograms: readonly Histogram[]): Histogram {
  const sum = newHistogram();
  for (const histogram of histograms) for (const [bucket, count] of histogram.entries()) sum[bucket] = (sum[bucket] ?? 0) + count;
  return sum;
}

/** Milliseconds below which `share` of the delays lie; undefined when there are none. */
export function percentileMs(histogram: Histogram, share: number): number | undefined {
  const total = histogram.reduce((sum, count) => sum + count, 0);
  if (total === 0) return undefined;
  let seen = 0;
  for (const [bucket, count] of histogram.entries()) {
    seen += count;
    if (seen >= total * share) return 2 ** ((bucket + 0.5) / bucketsPerDoubling) / 1e3;
  }
  return undefined;
}
