/** The order of a replay's steps: begin, see how much there is, slice after slice, finish, end. How far it is stands in the replay's row and not
 *  in the steps' answers, so a step that dies is done again from there, and a run that is left behind by a resume finds nothing to do. */
import { replayNamedMax, replayPlanHours, replaySlicesPerInstance } from "../../schemas/limits-replay.ts";
import type { Quarantined } from "../../schemas/manifest.ts";
import { messageOf } from "../../platform/errors.ts";
import type { ReplayRow, ReplaySpec } from "../../schemas/replay.ts";
import type { LogExtent } from "../../stores/event-log-extent.ts";
import type { LogWindow } from "../../stores/event-log-reader.ts";
import type { ReplayEnd } from "../../stores/replays.ts";
import { done } from "../steps.ts";
import type { Steps } from "../steps.ts";
import { resultOf } from "./result.ts";
import { runSlice } from "./slice.ts";
import type { SliceBounds, SliceDeps, SliceOutcome } from "./slice.ts";

/** A replay at its own pace sleeps as well. */
export interface ReplaySteps extends Steps {
  sleep(name: string, ms: number): Promise<void>;
}

export interface ReplayDeps extends SliceDeps {
  extent(window: LogWindow): Promise<LogExtent>;
  setAside(window: LogWindow): Promise<readonly Quarantined[]>;
  /** False when this run is not the one that may end it, or is not to end that way any more. */
  end(end: ReplayEnd): Promise<boolean>;
  /** Another instance goes on with the same run. */
  goOn(): Promise<void>;
}

export type ReplayOutcome = { readonly kind: "superseded" | "continued" | ReplayEnd["state"] };

export interface ReplayOptions {
  readonly bounds?: SliceBounds;
  readonly slicesMax?: number;
}

export async function runReplay(steps: ReplaySteps, deps: ReplayDeps, options: ReplayOptions = {}): Promise<ReplayOutcome> {
  try {
    return await replay(steps, deps, options);
  } catch (error) {
    const reason = `${messageOf(error)}; what was done is kept: resume it once that is repaired`;
    await steps.do("fail", () => deps.end({ state: "failed", error: reason }));
    return { kind: "failed" };
  }
}

async function replay(
  steps: ReplaySteps,
  deps: ReplayDeps,
  { bounds, slicesMax = replaySlicesPerInstance }: ReplayOptions,
): Promise<ReplayOutcome> {
  const begun = await steps.do("begin", async () => plannedOf(await deps.load()));
  if (begun === null) return { kind: "superseded" };
  if (begun.total === null) await plan(steps, deps, begun.spec);
  for (let slice = 0; slice < slicesMax; slice += 1) {
    const outcome = await steps.do(`slice ${slice}`, () => runSlice(deps, bounds));
    if (outcome.kind === "more") continue;
    if (outcome.kind === "wait") await steps.sleep(`wait ${slice}`, outcome.waitMs);
    else {
      const ended = await settle(steps, deps, { outcome, slice, spec: begun.spec });
      if (ended !== undefined) return ended;
    }
  }
  await steps.do("go on", () => done(deps.goOn()));
  return { kind: "continued" };
}

/** Null, as an answer must survive as JSON. */
function plannedOf(row: ReplayRow | undefined): { readonly spec: ReplaySpec; readonly total: number | null } | null {
  return row === undefined ? null : { spec: row.spec, total: row.checkpoint.total ?? null };
}

interface Settled {
  readonly outcome: Exclude<SliceOutcome, { kind: "more" | "wait" }>;
  readonly slice: number;
  readonly spec: ReplaySpec;
}

/** Undefined when it goes on after all: what was wished is not wished any more. */
async function settle(steps: ReplaySteps, deps: ReplayDeps, { outcome, slice, spec }: Settled): Promise<ReplayOutcome | undefined> {
  const end = async (how: ReplayEnd): Promise<ReplayOutcome | undefined> =>
    (await steps.do(`${how.state} ${slice}`, () => deps.end(how))) ? { kind: how.state } : undefined;
  switch (outcome.kind) {
    case "superseded":
      return { kind: "superseded" };
    case "pause":
      return end({ state: "paused" });
    case "cancel":
      return end({ state: "cancelled" });
    case "corrupt": {
      const todo = "have its hour compacted (POST /ops/logs/hours), which sets it aside, then resume";
      return end({ state: "failed", error: `${outcome.reason}; ${todo}` });
    }
    case "end":
      return finish(steps, deps, { spec, slice });
  }
}

async function finish(steps: ReplaySteps, deps: ReplayDeps, { spec, slice }: Omit<Settled, "outcome">): Promise<ReplayOutcome> {
  const finished = await steps.do(`finish ${slice}`, async () => {
    const row = await deps.load();
    return row === undefined ? null : ((await (await deps.sink(row.spec))?.finish()) ?? {});
  });
  if (finished === null) return { kind: "superseded" };
  const quarantined: Quarantined[] = [];
  for (const { name, window } of windowsOf(spec))
    quarantined.push(...(await steps.do(`set aside ${name}`, async () => (await deps.setAside(window)).slice(0, replayNamedMax))));
  const ended = await steps.do(`done ${slice}`, async () => {
    const row = await deps.load();
    return row !== undefined && deps.end({ state: "done", result: resultOf(row, { finished, quarantined }) });
  });
  if (!ended) return { kind: "superseded" };
  await steps.do("clean", () => done(clean(deps, spec)));
  return { kind: "done" };
}

async function clean(deps: ReplayDeps, spec: ReplaySpec): Promise<void> {
  await (await deps.sink(spec))?.clean?.();
}

/** Counts what there is, so that progress has an end to go to. */
async function plan(steps: ReplaySteps, deps: ReplayDeps, spec: ReplaySpec): Promise<void> {
  let total = 0;
  let objects = 0;
  for (const { name, window } of windowsOf(spec)) {
    const extent = await steps.do(`plan ${name}`, () => deps.extent(window));
    total += extent.positions;
    objects += extent.objects;
  }
  await steps.do("plan", async () => {
    const row = await deps.load();
    if (row !== undefined && row.checkpoint.total === undefined) await deps.save({ ...row.checkpoint, total, objects });
    return true;
  });
}

/** Of each stream, in pieces of which one step can read the manifests. */
function windowsOf({ streams, fromMs, toMs }: ReplaySpec): { readonly name: string; readonly window: LogWindow }[] {
  const pieceMs = replayPlanHours * 3_600_000;
  return streams.flatMap((stream) =>
    Array.from({ length: Math.ceil((toMs - fromMs) / pieceMs) }, (_, index) => {
      const from = fromMs + index * pieceMs;
      return { name: `${stream} ${index}`, window: { stream, from, to: Math.min(toMs, from + pieceMs) } };
    }),
  );
}
