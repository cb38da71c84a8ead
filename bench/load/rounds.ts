/** What several rounds of one measurement say together. Pure. */

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low = Number.NaN, high = Number.NaN] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return { median: (low + high) / 2, min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN };
}

/** Each round begins with another one, so that nobody always runs behind the same neighbour. */
export function rotated<T>(items: readonly T[], round: number): T[] {
  const by = items.length === 0 ? 0 : round % items.length;
  return [...items.slice(by), ...items.slice(0, by)];
}

/** Rounds hold what was measured in the same minute: ratios are taken within each and then compared. */
export function ratioOf(ours: readonly number[], theirs: readonly number[]): Spread {
  return spreadOf(ours.flatMap((value, round) => (theirs[round] === undefined ? [] : [value / theirs[round]])));
}

export function showSpread({ median, min, max }: Spread, digits: number): string {
  return `${median.toFixed(digits)} [${min.toFixed(digits)}–${max.toFixed(digits)}]`;
}
