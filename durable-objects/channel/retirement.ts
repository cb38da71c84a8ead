/** When the channel of a replay is cleared away: its positions are a copy of what the log has, and objects that nobody uses would pile up.
 *  Pure. */
import { isReplayChannel } from "../../channels/catalogue.ts";
import { replayChannelIdleMs, replayChannelLookMs } from "../../schemas/limits.ts";

export interface Use {
  readonly stream: string;
  readonly createdAt: number;
  /** When the last event was sequenced; 0 before the first. */
  readonly lastAt: number;
  /** Relays that hear it. */
  readonly relays: number;
}

/** When to look, or undefined for a stream that is kept for good. */
export function retirementDue(use: Use, now: number): number | undefined {
  if (!isReplayChannel(use.stream)) return undefined;
  return use.relays > 0 ? Math.max(idleAt(use), now + replayChannelLookMs) : idleAt(use);
}

export function isRetired(use: Use, now: number): boolean {
  return isReplayChannel(use.stream) && use.relays === 0 && now >= idleAt(use);
}

function idleAt({ createdAt, lastAt }: Use): number {
  return Math.max(createdAt, lastAt) + replayChannelIdleMs;
}
