/** What the hourly cron does for the log: starts a compaction for each dirty hour that is old enough, and deletes what has had its time. */
import { streams } from "../../channels/catalogue.ts";
import { messageOf } from "../../platform/errors.ts";
import { logError, logInfo } from "../../platform/log.ts";
import { compactionsPerCronMax } from "../../schemas/limits.ts";
import { dirtyHours, takeOverMarks } from "../../stores/compaction-hours.ts";
import type { HourRow, LogStores } from "../../stores/compaction-hours.ts";
import { sweepLog } from "../../stores/compaction-sweep.ts";
import type { CompactionOrder } from "./run.ts";

/** As in wrangler.toml: one Worker has one handler for all its crons. */
export const logCron = "20 * * * *";

export interface CompactionBindings extends LogStores {
  readonly COMPACTION: Workflow<CompactionOrder>;
}

export interface LogKeeping {
  readonly graceMs: number;
  readonly retentionMs: number | undefined;
}

/** One failure does not keep the other tasks from being done. */
export async function runLogCron(env: CompactionBindings, keeping: LogKeeping, now: number): Promise<void> {
  await attempt("marks", async () => ({ taken: await takeOverMarks(env, now) }));
  await attempt("start", async () => ({ started: await startCompactions(env, now) }));
  const names = streams.map(({ name }) => name);
  await attempt("sweep", async () => ({ ...(await sweepLog(env, { now, ...keeping, streams: names })) }));
}

async function attempt(task: string, work: () => Promise<Record<string, number>>): Promise<void> {
  try {
    logInfo("cron.log.done", { task, ...(await work()) });
  } catch (error) {
    logError("cron.log.failed", { task, reason: messageOf(error) });
  }
}

/** Compactions started, or started again. */
export async function startCompactions(env: CompactionBindings, now: number): Promise<number> {
  const rows = await dirtyHours(env.METRICS_DB, { now, max: compactionsPerCronMax });
  if (rows.length === 0) return 0;
  const orders = rows.map((row) => ({ id: instanceId(row), params: { stream: row.stream, hour: row.hour, marks: row.marks } }));
  const { created, errors } = await env.COMPACTION.createBatch({ instances: orders });
  let started = created.length;
  for (const { index, message } of errors) if (await startAgain(env.COMPACTION, orders[index]?.id ?? "", message)) started += 1;
  return started;
}

/** The same mark of the same hour is the same instance: a cron that fires twice starts one. */
export function instanceId({ stream, hour, marks, marked_ms: markedMs }: Omit<HourRow, "done" | "compacted_ms">): string {
  return `${stream}-${hour}-${marks}-${markedMs.toString(36)}`;
}

/** What was refused is there already, as a rule: if it gave up, it begins again, as its hour is still dirty. */
async function startAgain(workflow: Workflow<CompactionOrder>, id: string, refusal: string): Promise<boolean> {
  try {
    const instance = await workflow.get(id);
    const { status } = await instance.status();
    if (status !== "errored" && status !== "terminated") return false;
    logError("compaction.failed.restarted", { instance: id, status });
    await instance.restart();
    return true;
  } catch (error) {
    logError("compaction.start.failed", { instance: id, refusal, reason: messageOf(error) });
    return false;
  }
}
