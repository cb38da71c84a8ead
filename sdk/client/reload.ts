/** Reads a snapshot until it is one that continues what was delivered, a few times and further and further apart. */
import { messageOf } from "./errors.ts";
import type { Pause } from "./pause.ts";
import { jitterMs } from "./reconnect.ts";
import { SnapshotError, type Snapshot } from "./snapshot.ts";

export interface ReloadDeps<D> {
  load(signal: AbortSignal): Promise<Snapshot<D>>;
  /** Whether nothing that was delivered would come again. */
  isUsable(snapshot: Snapshot<D>): boolean;
  readonly random: () => number;
  readonly pause: Pause;
}

/** Events are held off meanwhile: after so many failures the live stream matters more. */
const attemptsMax = 4;

/** The reason when there is none to be had; undefined when aborted. */
export async function loadUsable<D>(
  deps: ReloadDeps<D>,
  signal: AbortSignal,
  firstDelayMs: number,
): Promise<Snapshot<D> | SnapshotError | undefined> {
  let delayMs = firstDelayMs;
  for (let attempt = 1; ; attempt++) {
    await deps.pause.wait(delayMs);
    if (signal.aborted) return undefined;
    const outcome = await loadOnce(deps, signal);
    if (signal.aborted) return undefined;
    if (!(outcome instanceof SnapshotError) || !outcome.isRetryable || attempt >= attemptsMax) return outcome;
    delayMs = (outcome.retryAfterMs ?? 0) + jitterMs(attempt, deps.random());
  }
}

async function loadOnce<D>({ load, isUsable }: ReloadDeps<D>, signal: AbortSignal): Promise<Snapshot<D> | SnapshotError> {
  try {
    const snapshot = await load(signal);
    if (isUsable(snapshot)) return snapshot;
    return new SnapshotError("SNAPSHOT_BEHIND", "the snapshot is older than what was already delivered", { isRetryable: true });
  } catch (error) {
    return error instanceof SnapshotError ? error : new SnapshotError("SNAPSHOT_UNREACHABLE", messageOf(error), { isRetryable: true });
  }
}
