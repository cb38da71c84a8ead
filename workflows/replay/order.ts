/** The order of a replay across streams: by the time of sequencing, then by stream and position. Pure. */
import type { OriginalPosition } from "../../schemas/event.ts";
import type { ReplayLine } from "./sink.ts";

type Placed = Pick<ReplayLine, "stream" | "epoch" | "offset" | "at">;

/** Epochs sort by their creation. Within a stream positions decide alone: their times never decrease, but may be equal. */
export function compareLines(a: Placed, b: Placed): number {
  if (a.stream === b.stream) return a.epoch === b.epoch ? a.offset - b.offset : textOrder(a.epoch, b.epoch);
  return a.at - b.at || textOrder(a.stream, b.stream);
}

function textOrder(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** What of a batch comes after the last line that was taken. A batch that holds that line is cut behind it, whatever its order. */
export function afterPosition<T extends Placed>(lines: readonly T[], last: OriginalPosition | undefined): readonly T[] {
  if (last === undefined) return lines;
  const taken = { stream: last.channel, epoch: last.epoch, offset: last.offset, at: last.at };
  const index = lines.findIndex((line) => line.stream === taken.stream && line.epoch === taken.epoch && line.offset === taken.offset);
  return index < 0 ? lines.filter((line) => compareLines(line, taken) > 0) : lines.slice(index + 1);
}
