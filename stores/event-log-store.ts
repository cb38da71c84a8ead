/** Stores lines and marks their hour as one that compaction has to look at, in this order: a mark without its object could be taken
 *  away before the object is there. Both are done before the step lets a message be acknowledged. */
import type { HourMarker, LogStores } from "./compaction-hours.ts";
import { putLogObject } from "./event-log.ts";
import type { LogLine } from "./event-log.ts";

export interface StoreDeps {
  readonly stores: LogStores;
  readonly marker: HourMarker;
  now(): number;
}

export async function storeLines({ stores, marker, now }: StoreDeps, stream: string, lines: readonly LogLine[]): Promise<void> {
  const object = await putLogObject(stores.EDGE_LOGS, stream, lines);
  // Asked afterwards: what counts is whether a compaction could have listed the hour before the object was there.
  await marker.mark(stores, { object, stream, now: now() });
}
