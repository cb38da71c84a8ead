/** Runs replays of the real code in one request each: the steps of a Workflow one after the other, without what the engine adds. Beside it
 *  the log that they read is written, and compacted, as the real Workflow does it. */
import { startOfHour } from "../../../stores/event-log.ts";
import { createReplay, findReplay, pruneReplays } from "../../../stores/replays.ts";
import type { ReplaySpec } from "../../../schemas/replay.ts";
import { storeGeneratedLog } from "../../../tests/support/log-hours.ts";
import { compactionDeps } from "../../../workflows/compaction/compaction.ts";
import { runCompaction } from "../../../workflows/compaction/run.ts";
import { rebuildSink } from "../../../workflows/replay/rebuild-sink.ts";
import { replayDeps } from "../../../workflows/replay/replay.ts";
import { runReplay } from "../../../workflows/replay/run.ts";

export { Backup, Channel, Compaction, RateLimiter, Relay, Replay, Restore, Upstream } from "../../../worker.ts";

const stream = "opportunities";
const hourMs = 3_600_000;
/** As the event-log consumer leaves them: a batch of a hundred packed messages. */
const objectLines = 6_000;

const steps = { do: <T>(_: string, work: () => Promise<T>) => work(), sleep: async () => undefined };

export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    const hour = Number(searchParams.get("hour"));
    if (pathname === "/fill") return Response.json(await fill(env, hour, Number(searchParams.get("events"))));
    if (pathname === "/compact") return Response.json(await compact(env, hour));
    if (pathname === "/empty") return Response.json((await env.OPPORTUNITIES_DB.prepare("DELETE FROM opportunities").run()).success);
    return Response.json(await replay(env, hour, pathname === "/rebuild" ? "rebuild" : "dry-run"));
  },
} satisfies ExportedHandler<Env>;

async function fill(env: Env, hour: number, events: number): Promise<unknown> {
  const log = { stream, epoch: "0benchepoch", firstHour: hour, eventsOfHour: [events], objectLines, twicePercent: 0, latePercent: 0 };
  return (await storeGeneratedLog(env.EDGE_LOGS, log)).events;
}

function compact(env: Env, hour: number): Promise<unknown> {
  return runCompaction(steps, compactionDeps(env), { order: { stream, hour, marks: 0 }, work: "work/v1/bench/" });
}

async function replay(env: Env, hour: number, mode: "rebuild" | "dry-run"): Promise<unknown> {
  const fromMs = startOfHour(hour);
  const id = crypto.randomUUID().replaceAll("-", "");
  // Not slowed down for the sake of live traffic: there is none.
  const spec: ReplaySpec = {
    v: 1,
    mode,
    streams: [stream],
    fromMs,
    toMs: fromMs + hourMs,
    pace: "instant",
    eventsPerSecondMax: 1_000_000_000,
    verify: false,
  };
  if (!(await createReplay(env, { id, spec, requestedBy: "bench", nowMs: Date.now() }, 1))) throw new Error("another replay runs");
  // The hour is as long ago as it is for whoever replays it: what D1 would have pruned since is written as well.
  const sink = rebuildSink(env, { id, verify: false, isFiltered: false, now: () => fromMs + hourMs });
  const deps = replayDeps(env, { id, run: 1, leg: 0 });
  await runReplay(steps, { ...deps, sink: async () => (mode === "rebuild" ? sink : undefined) });
  const row = await findReplay(env, id);
  await pruneReplays(env, Number.MAX_SAFE_INTEGER);
  return { state: row?.state, error: row?.error, result: row?.result, matched: row?.checkpoint.matched };
}
