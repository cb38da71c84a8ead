/** Offsets to inclusive ranges, merged: a mark is one call per stream and epoch, however many messages it covers. */
import type { Range } from "../../schemas/rpc.ts";

export function rangesOf(offsets: Iterable<number>): Range[] {
  const ranges: [number, number][] = [];
  for (const offset of [...offsets].toSorted((a, b) => a - b)) {
    const open = ranges.at(-1);
    if (open !== undefined && offset <= open[1] + 1) open[1] = offset;
    else ranges.push([offset, offset]);
  }
  return ranges;
}
