/** When what cached answers were made from last changed: told here by whoever changed it, known at once in this isolate and to whoever asks
 *  in this data centre. Elsewhere answers live out their time. */
import { messageOf } from "../platform/errors.ts";
import { logWarning } from "../platform/log.ts";
import { withTimeout } from "../platform/timeout.ts";
import type { CacheTag } from "../schemas/cache.ts";
import { changeTimeoutMs } from "../schemas/limits-cache.ts";
import { writeChange } from "./colo-cache.ts";
import type { OpenCache } from "./colo-cache.ts";

/** Of the isolate: whoever changes and whoever reads in it share them. */
const changedMs = new Map<CacheTag, number>();
const toldMs = new Map<CacheTag, number>();

export function changedHereMs(tag: CacheTag): number {
  return changedMs.get(tag) ?? 0;
}

export interface Change {
  /** After the change was made. */
  readonly nowMs: number;
  /** The data centre is told of changes up to so much later as well, and is not told again before: for what changes many times a second. */
  readonly aheadMs?: number;
}

/** Never throws: a data centre that was not told keeps its answers for their time. */
export async function announceChange(tag: CacheTag, { nowMs, aheadMs = 0 }: Change, open?: OpenCache): Promise<void> {
  changedMs.set(tag, Math.max(nowMs, changedHereMs(tag)));
  if ((toldMs.get(tag) ?? 0) >= nowMs) return;
  const told = nowMs + aheadMs;
  toldMs.set(tag, told);
  try {
    await withTimeout(writeChange(tag, told, open), changeTimeoutMs, "the colo's cache");
  } catch (error) {
    // The next change tells it.
    if (toldMs.get(tag) === told) toldMs.delete(tag);
    logWarning("cache.change.untold", { tag, reason: messageOf(error) });
  }
}
