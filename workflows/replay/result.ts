/** What came of a replay, by its mode. Pure. */
import { replayNamedMax } from "../../schemas/limits-replay.ts";
import type { Quarantined } from "../../schemas/manifest.ts";
import type { ReplayRow } from "../../schemas/replay.ts";
import { dryRunResult } from "./dry-run.ts";

export interface Ends {
  /** What the sink says at the end. */
  readonly finished: Readonly<Record<string, unknown>>;
  readonly quarantined: readonly Quarantined[];
}

export function resultOf(
  { spec, checkpoint }: Pick<ReplayRow, "spec" | "checkpoint">,
  { finished, quarantined }: Ends,
): Record<string, unknown> {
  const { sent, taken, missing, missingPositions } = checkpoint;
  // An hour that two pieces of the window share is told of twice.
  const objects = new Map(quarantined.map(({ key, reason }) => [key, { key, reason }]));
  return {
    ...(spec.mode === "dry-run" ? dryRunResult(spec, checkpoint) : { sent, ...taken, ...finished }),
    missing,
    missing_positions: missingPositions,
    quarantined: [...objects.values()].slice(0, replayNamedMax),
  };
}
