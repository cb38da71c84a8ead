/** How many objects were put into the log: each is one write that R2 bills. Raw objects stay for hours after their compaction, so that listing
 *  finds all of a day. */
import { listAll } from "./event-log-sources.ts";
import { hourOf, hourPrefix } from "./event-log.ts";

export interface LogPeriod {
  readonly stream: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** Hours of events looked at before the period: what waited in a queue is put later than its hour. */
const lateHours = 1;

export async function countLogObjects(bucket: R2Bucket, { stream, fromMs, toMs }: LogPeriod): Promise<number> {
  let count = 0;
  for (let hour = hourOf(fromMs) - lateHours; hour <= hourOf(toMs); hour += 1) {
    for await (const { uploaded } of listAll(bucket, { prefix: hourPrefix(stream, hour) }))
      if (uploaded.getTime() >= fromMs && uploaded.getTime() <= toMs) count += 1;
  }
  return count;
}
