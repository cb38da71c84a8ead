/** Wiring only: which handler answers which trigger, and which classes are objects. */
import { runCron } from "./consumers/cron.ts";
import { consumeBatch } from "./consumers/index.ts";
import { runSecurityCron } from "./consumers/security-cron.ts";
import { UpstreamObject } from "./durable-objects/upstream/upstream.ts";
import { app } from "./gateway/app.ts";
import { configOf } from "./platform/config.ts";
import { raiseDeadLetterAlert } from "./producers/alerts/dead-letters.ts";
import { ingestDeps } from "./producers/ingest/deps.ts";
import { takeFrames } from "./producers/upstream/index.ts";
import { keepUpstream } from "./producers/upstream/keep.ts";
import { fetchMissed } from "./producers/upstream/missed.ts";
import { backupCron, runBackupCron } from "./workflows/backup/cron.ts";
import { logCron, runLogCron } from "./workflows/compaction/cron.ts";
import { runReplayCron } from "./workflows/replay/cron.ts";
import { waitingLetters } from "./stores/dead-letter-index.ts";
import type { MissedOrder, UpstreamFrame, UpstreamOutcome } from "./schemas/upstream.ts";

export { Backup, Restore } from "./workflows/backup/backup.ts";
export { Compaction } from "./workflows/compaction/compaction.ts";
export { Replay } from "./workflows/replay/replay.ts";
export { BilledChannel as Channel } from "./durable-objects/channel/billed.ts";
export { RateLimiter } from "./durable-objects/rate-limiter/rate-limiter.ts";
export { BilledRelay as Relay } from "./durable-objects/relay/billed.ts";

/** Objects do not know producers/: the way of its frames into the channels, and to what it missed, is handed to it here. */
export class Upstream extends UpstreamObject {
  protected override take(frames: readonly UpstreamFrame[]): Promise<UpstreamOutcome> {
    return takeFrames(frames, ingestDeps(this.env, "upstream"));
  }

  protected override missed(order: MissedOrder): Promise<readonly UpstreamFrame[]> {
    const { backend, upstream } = configOf(this.env);
    return fetchMissed(order, { backend, channels: upstream.channels, fetch: (...request) => fetch(...request), nowMs: Date.now });
  }
}

/** producers/ do not know stores/: what waits is handed over here. */
async function alertOfDeadLetters(env: Env): Promise<void> {
  await raiseDeadLetterAlert(await waitingLetters(env), ingestDeps(env, "edge"));
}

export default {
  fetch: app.fetch,
  queue: (batch, env) => consumeBatch(batch, env),
  scheduled: async ({ cron }, env) => {
    if (cron === logCron) return runLogCron(env, configOf(env).log, Date.now());
    if (cron === backupCron) return runBackupCron(env, Date.now());
    await Promise.all([
      runCron(env, Date.now()),
      runSecurityCron(env, Date.now()),
      keepUpstream(env),
      alertOfDeadLetters(env),
      runReplayCron(env, Date.now()),
    ]);
  },
} satisfies ExportedHandler<Env>;
