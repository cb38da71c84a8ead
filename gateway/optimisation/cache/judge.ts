/** What a stored answer may still be used for, now that some time has passed and something may have changed. Pure. */
import type { CachedHead } from "../../../schemas/cache.ts";
import type { Policy } from "./policies.ts";

export type Verdict =
  | "fresh"
  /** While a new one is fetched. */
  | "stale"
  /** When no new one can be had. */
  | "last-resort"
  | "gone";

/** When what a tag stands for last changed, and when operators last purged it. */
export interface Stamps {
  readonly changedMs: number;
  readonly purgedMs: number;
}

type Times = Pick<CachedHead, "startedAtMs" | "freshUntilMs" | "staleUntilMs" | "errorUntilMs">;

export function judge(
  answer: Times,
  stamps: Stamps,
  now: { readonly ms: number; readonly changeSeconds: Policy["changeSeconds"] },
): Verdict {
  // What was asked for in the very millisecond may have been read before the change.
  if (now.ms >= answer.errorUntilMs || answer.startedAtMs <= stamps.purgedMs) return "gone";
  const isOld = now.ms - answer.startedAtMs >= 1_000 * now.changeSeconds;
  if (isOld && answer.startedAtMs <= stamps.changedMs) return "last-resort";
  if (now.ms < answer.freshUntilMs) return "fresh";
  return now.ms < answer.staleUntilMs ? "stale" : "last-resort";
}
