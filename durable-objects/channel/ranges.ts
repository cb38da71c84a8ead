/** What of a stream is settled: a watermark and the islands beyond it. Pure and persisted as it stands, so that a snapshot never
 *  claims more than D1 has (DESIGN 12, 13). */
import type { Range } from "../../schemas/rpc.ts";

export interface Settled {
  /** Everything up to here is applied or listed as incomplete. */
  readonly offset: number;
  /** Applied beyond a gap: sorted, disjoint, not adjacent. */
  readonly islands: readonly Range[];
  /** Settled as dead letters, not applied: sorted, disjoint. */
  readonly incomplete: readonly Range[];
}

export const nothingSettled: Settled = { offset: 0, islands: [], incomplete: [] };

/** Incomplete ranges a snapshot lists at most: the newest, older ones are long out of any client's view. */
const incompleteMax = 1_000;

export function settle(state: Settled, applied: readonly Range[], incomplete: readonly Range[] = []): Settled {
  const islands = union([[1, state.offset] as const, ...state.islands, ...applied, ...incomplete].filter(isRange));
  const [head, ...rest] = islands;
  const reached = head !== undefined && head[0] <= 1;
  return {
    offset: reached ? head[1] : state.offset,
    islands: reached ? rest : islands,
    // A re-driven dead letter that was applied after all is complete again.
    incomplete: subtract(union([...state.incomplete, ...incomplete]), applied).slice(-incompleteMax),
  };
}

function isRange([first, last]: Range): boolean {
  return first >= 1 && last >= first;
}

/** Sorted, with overlapping and adjacent ranges joined. */
export function union(ranges: readonly Range[]): Range[] {
  const joined: [number, number][] = [];
  for (const [first, last] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const tail = joined.at(-1);
    if (tail !== undefined && first <= tail[1] + 1) tail[1] = Math.max(tail[1], last);
    else joined.push([first, last]);
  }
  return joined;
}

/** What of `ranges` no range of `gone` covers. */
export function subtract(ranges: readonly Range[], gone: readonly Range[]): Range[] {
  let left: Range[] = [...ranges];
  for (const [first, last] of gone) {
    left = left.flatMap(([from, to]): Range[] => {
      if (last < from || first > to) return [[from, to]];
      const parts: Range[] = [];
      if (from < first) parts.push([from, first - 1]);
      if (to > last) parts.push([last + 1, to]);
      return parts;
    });
  }
  return left;
}
