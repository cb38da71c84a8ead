/** The Workflow that replays a window of the log: hands run.ts the real stores and sinks. Wiring only. */
import { WorkflowEntrypoint } from "cloudflare:workers";
import type { WorkflowEvent, WorkflowStep } from "cloudflare:workers";
import { logInfo } from "../../platform/log.ts";
import { replayInstance } from "../../schemas/replay.ts";
import type { ReplayOrder } from "../../schemas/replay.ts";
import { extentOf, setAsideIn } from "../../stores/event-log-extent.ts";
import { readLog } from "../../stores/event-log-reader.ts";
import { beginRun, endRun, saveCheckpoint } from "../../stores/replays.ts";
import { runReplay } from "./run.ts";
import type { ReplayDeps, ReplayOutcome, ReplaySteps } from "./run.ts";
import { sinkOf } from "./sinks.ts";

/** A store that is away for some ten minutes costs nothing but time; after that an operator should know. Half an hour is for comparing tables. */
const patience = { retries: { limit: 6, delay: "10 seconds", backoff: "exponential" }, timeout: "30 minutes" } as const;

export class Replay extends WorkflowEntrypoint<Env, ReplayOrder> {
  override async run(event: WorkflowEvent<ReplayOrder>, step: WorkflowStep): Promise<ReplayOutcome> {
    const { id, run, leg } = event.payload;
    const steps: ReplaySteps = {
      // The step's own type wants a serializable answer, which run.ts's are.
      do: <T>(name: string, work: () => Promise<T>) => step.do(name, patience, work as () => Promise<never>) as Promise<T>,
      sleep: (name, ms) => step.sleep(name, ms),
    };
    const outcome = await runReplay(steps, replayDeps(this.env, { id, run, leg }));
    logInfo("replay.run.ended", { id, run, leg, outcome: outcome.kind });
    return outcome;
  }
}

export function replayDeps(env: Env, order: ReplayOrder): ReplayDeps {
  return {
    load: () => beginRun(env, order, Date.now()),
    save: (checkpoint) => saveCheckpoint(env, order, { checkpoint, nowMs: Date.now() }),
    end: (end) => endRun(env, order, { end, nowMs: Date.now() }),
    read: (window) => readLog(env.EDGE_LOGS, window),
    extent: (window) => extentOf(env.EDGE_LOGS, window),
    setAside: (window) => setAsideIn(env.EDGE_LOGS, window),
    sink: (spec) => sinkOf(env, order.id, spec),
    now: Date.now,
    wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    goOn: () => startLeg(env.REPLAY, { ...order, leg: order.leg + 1 }),
  };
}

/** Starting one that is there already is success: the step before died after its work. */
async function startLeg(workflow: Workflow<ReplayOrder>, order: ReplayOrder): Promise<void> {
  const id = replayInstance(order);
  try {
    await workflow.create({ id, params: order });
  } catch (error) {
    await workflow.get(id).catch(() => {
      throw error;
    });
  }
}
