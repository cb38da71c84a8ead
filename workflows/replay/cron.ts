/** What the cron does for replays: ends those whose Workflow was lost without a word, so that they can be resumed, and forgets old ones. */
import { messageOf } from "../../platform/errors.ts";
import { logError, logInfo } from "../../platform/log.ts";
import { replayKeptMs, replayLostMs, replaySilentMs } from "../../schemas/limits-replay.ts";
import { replayInstance } from "../../schemas/replay.ts";
import type { ReplayOrder } from "../../schemas/replay.ts";
import { endRun, pruneReplays, silentRuns } from "../../stores/replays.ts";
import type { ReplayStores } from "../../stores/replays.ts";

export interface ReplayCronBindings extends ReplayStores {
  readonly REPLAY: Pick<Workflow<ReplayOrder>, "get">;
}

/** Never throws: the other tasks of the same cron know nothing of replays. */
export async function runReplayCron(env: ReplayCronBindings, nowMs: number): Promise<void> {
  try {
    const lost = await endLostRuns(env, nowMs);
    const forgotten = await pruneReplays(env, nowMs - replayKeptMs);
    if (lost + forgotten > 0) logInfo("cron.replays.done", { lost, forgotten });
  } catch (error) {
    logError("cron.replays.failed", { reason: messageOf(error) });
  }
}

async function endLostRuns(env: ReplayCronBindings, nowMs: number): Promise<number> {
  let lost = 0;
  for (const { touchedMs, ...order } of await silentRuns(env, nowMs - replaySilentMs)) {
    const status = await statusOf(env.REPLAY, order);
    if (isAlive(status) && touchedMs > nowMs - replayLostMs) continue;
    const end = { state: "failed", error: `its Workflow was lost (${status}); what was done is kept: resume it` } as const;
    if (await endRun(env, order, { end, nowMs })) lost += 1;
  }
  return lost;
}

async function statusOf(workflow: ReplayCronBindings["REPLAY"], order: ReplayOrder): Promise<string> {
  try {
    return (await (await workflow.get(replayInstance(order))).status()).status;
  } catch (error) {
    return messageOf(error);
  }
}

/** Whatever is not known to work is lost: a run that is found to live after all is refused, and nothing is done twice. */
function isAlive(status: string): boolean {
  return ["queued", "running", "waiting", "waitingForPause", "paused"].includes(status);
}
