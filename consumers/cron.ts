/** What runs by the clock: pruning the hot cache (wrangler.toml says how often). */
import { logInfo } from "../platform/log.ts";
import { pruneHotCache } from "../stores/prune.ts";
import type { HotDatabases } from "../stores/prune.ts";

export async function runCron(databases: HotDatabases, now: number): Promise<void> {
  const deleted = await pruneHotCache(databases, { now });
  logInfo("cron.prune.done", deleted);
}
