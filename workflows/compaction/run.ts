/** The order of a compaction's steps: plan, one part after the other, read back, swap, settle. A step that has answered is not run again
 *  (Workflows keep answers), one that died in the middle is; the stores' part of each is safe to repeat. Knows neither R2 nor D1. */
import type { ManifestPart, Quarantined } from "../../schemas/manifest.ts";
import type { CompactedHour, PartOrder, PartOutcome, WrittenPart } from "../../stores/compaction.ts";
import type { CompactionJob } from "../../stores/compaction-plan.ts";
import { done } from "../steps.ts";
import type { Steps } from "../steps.ts";

export interface CompactionOrder {
  readonly stream: string;
  readonly hour: number;
  /** The hour's marks when it was started: later ones leave it dirty. */
  readonly marks: number;
}

export interface CompactionDeps {
  /** False when the manifest covers everything already. */
  plan(job: CompactionJob): Promise<boolean>;
  writePart(job: CompactionJob, order: PartOrder): Promise<PartOutcome>;
  verify(parts: readonly ManifestPart[]): Promise<void>;
  /** Undefined when another compaction was faster. */
  publish(
    job: CompactionJob,
    result: { readonly written: readonly WrittenPart[]; readonly quarantined: readonly Quarantined[] },
  ): Promise<CompactedHour | undefined>;
  settle(order: CompactionOrder): Promise<void>;
  drop(work: string): Promise<void>;
}

export type CompactionResult =
  | { readonly kind: "nothing" }
  | ({ readonly kind: "compacted"; readonly parts: number; readonly quarantined: number; readonly peakBytes: number } & CompactedHour);

/** Another compaction of the hour may be faster a few times, not for ever. */
const attemptsMax = 3;
/** Parts read back in one step: some 128 MB of text, a few seconds of CPU. */
const verifyParts = 8;

/** `work` is the folder for what lies between the steps, its own for every instance. */
export async function runCompaction(
  steps: Steps,
  deps: CompactionDeps,
  { order, work }: { readonly order: CompactionOrder; readonly work: string },
): Promise<CompactionResult> {
  for (let attempt = 1; attempt <= attemptsMax; attempt += 1) {
    const named: Steps = { do: (name, run) => steps.do(`${attempt}: ${name}`, run) };
    const job: CompactionJob = { stream: order.stream, hour: order.hour, work: `${work}${attempt}/` };
    const result = await compactOnce(named, deps, job);
    if (result === undefined) continue;
    await named.do("settle", () => done(deps.settle(order)));
    return result;
  }
  throw new Error(`${attemptsMax} times another compaction of ${order.stream} ${order.hour} was faster`);
}

async function compactOnce(steps: Steps, deps: CompactionDeps, job: CompactionJob): Promise<CompactionResult | undefined> {
  if (!(await steps.do("plan", () => deps.plan(job)))) return { kind: "nothing" };
  const { written, quarantined } = await writeParts(steps, deps, job);
  const parts = written.map(({ part }) => part);
  for (let at = 0; at < parts.length; at += verifyParts) {
    await steps.do(`verify ${at}`, () => done(deps.verify(parts.slice(at, at + verifyParts))));
  }
  // Null, as an answer must survive as JSON.
  const published = await steps.do("publish", async () => (await deps.publish(job, { written, quarantined })) ?? null);
  await steps.do("clean", () => done(deps.drop(job.work)));
  if (published === null) return undefined;
  const peakBytes = written.reduce((peak, part) => Math.max(peak, part.peakBytes), 0);
  return { kind: "compacted", parts: parts.length, quarantined: quarantined.length, peakBytes, ...published };
}

async function writeParts(
  steps: Steps,
  deps: CompactionDeps,
  job: CompactionJob,
): Promise<{ written: WrittenPart[]; quarantined: Quarantined[] }> {
  const written: WrittenPart[] = [];
  const quarantined: Quarantined[] = [];
  let from: PartOrder["from"] = null;
  for (let turn = 0; ; turn += 1) {
    const order: PartOrder = { index: written.length, from, skip: quarantined.map(({ key }) => key) };
    const outcome = await steps.do(`part ${turn}`, () => deps.writePart(job, order));
    if (outcome.kind === "empty") break;
    if (outcome.kind === "corrupt") {
      quarantined.push(outcome.quarantined);
      continue;
    }
    written.push(outcome.written);
    if (outcome.next === null) break;
    from = outcome.next;
  }
  return { written, quarantined };
}
