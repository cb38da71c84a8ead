/** The Workflow that compacts one hour of one stream: hands run.ts the real stores. Wiring only. */
import { WorkflowEntrypoint } from "cloudflare:workers";
import type { WorkflowEvent, WorkflowStep } from "cloudflare:workers";
import { logInfo } from "../../platform/log.ts";
import { dropWork, publishManifest, verifyParts, writePart } from "../../stores/compaction.ts";
import { settleHour } from "../../stores/compaction-hours.ts";
import { storePlan, workPrefix } from "../../stores/compaction-plan.ts";
import { runCompaction } from "./run.ts";
import type { CompactionDeps, CompactionOrder, CompactionResult } from "./run.ts";

/** A store that is away for minutes costs nothing but time; after two hours an operator should know. */
const patience = { retries: { limit: 12, delay: "10 seconds", backoff: "exponential" }, timeout: "10 minutes" } as const;

export class Compaction extends WorkflowEntrypoint<Env, CompactionOrder> {
  override async run(event: WorkflowEvent<CompactionOrder>, step: WorkflowStep): Promise<CompactionResult> {
    const { stream, hour, marks } = event.payload;
    // The step's own type wants a serializable answer, which run.ts's are.
    const steps = { do: <T>(name: string, work: () => Promise<T>) => step.do(name, patience, work as () => Promise<never>) as Promise<T> };
    const work = `${workPrefix}${event.instanceId}/`;
    const result = await runCompaction(steps, compactionDeps(this.env), { order: { stream, hour, marks }, work });
    logInfo("compaction.done", { stream, ...result, hour });
    return result;
  }
}

export function compactionDeps({ EDGE_LOGS, METRICS_DB }: Pick<Env, "EDGE_LOGS" | "METRICS_DB">): CompactionDeps {
  return {
    plan: (job) => storePlan(EDGE_LOGS, job),
    writePart: (job, order) => writePart(EDGE_LOGS, job, order),
    verify: (parts) => verifyParts(EDGE_LOGS, parts),
    publish: (job, result) => publishManifest(EDGE_LOGS, job, result),
    settle: (order) => settleHour(METRICS_DB, { ...order, now: Date.now() }),
    drop: (work) => dropWork(EDGE_LOGS, work),
  };
}
