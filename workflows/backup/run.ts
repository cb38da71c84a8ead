/** The order of a backup's steps: the tables of a part, one slice after the other, and at the end the manifest. A step that has answered is not
 *  run again, one that died in the middle is, and writes under the same name. Knows no store. */
import { sha256Hex } from "../../platform/bytes.ts";
import type {
  After,
  BackupManifest,
  BackupOrder,
  BackupPart,
  BackupSection,
  BackupSlice,
  PartName,
  SectionHead,
} from "../../schemas/backup.ts";
import { done } from "../steps.ts";
import type { Steps } from "../steps.ts";

export interface SliceOrder {
  readonly part: PartName;
  readonly head: SectionHead;
  readonly index: number;
  readonly after: After;
}

/** `next` is what lies before the next slice; null behind the last. */
export interface SliceOutcome {
  readonly slice: BackupSlice;
  readonly next: After;
}

export interface BackupDeps {
  begin(order: BackupOrder): Promise<void>;
  sections(part: PartName): Promise<SectionHead[]>;
  slice(order: SliceOrder): Promise<SliceOutcome>;
  nowMs(): number;
  finish(manifest: BackupManifest): Promise<void>;
}

export interface BackupResult {
  readonly id: string;
  readonly count: number;
  readonly bytes: number;
}

export async function runBackup(steps: Steps, deps: BackupDeps, order: BackupOrder): Promise<BackupResult> {
  await steps.do("begin", () => done(deps.begin(order)));
  const parts: BackupPart[] = [];
  for (const name of order.parts) parts.push(await backUpPart(steps, deps, name));
  // A step of its own: repeated, the manifest has the same time.
  const endedMs = await steps.do("end", async () => deps.nowMs());
  const manifest: BackupManifest = { ...order, ended_at: new Date(endedMs).toISOString(), parts };
  await steps.do("manifest", () => done(deps.finish(manifest)));
  return { id: order.id, count: sum(parts.map(({ count }) => count)), bytes: sum(parts.map(({ bytes }) => bytes)) };
}

async function backUpPart(steps: Steps, deps: BackupDeps, part: PartName): Promise<BackupPart> {
  const heads = await steps.do(`${part}: sections`, () => deps.sections(part));
  const sections: BackupSection[] = [];
  for (const head of heads) sections.push({ ...head, slices: await backUpSection(steps, deps, { part, head }) });
  const slices = sections.flatMap((section) => section.slices);
  return {
    name: part,
    count: sum(slices.map(({ count }) => count)),
    bytes: sum(slices.map(({ bytes }) => bytes)),
    sha256: sha256Hex(slices.map(({ sha256 }) => sha256).join("\n")),
    sections,
  };
}

/** At least one slice: that a table was empty is something to restore as well. */
async function backUpSection(
  steps: Steps,
  deps: BackupDeps,
  { part, head }: { readonly part: PartName; readonly head: SectionHead },
): Promise<BackupSlice[]> {
  const slices: BackupSlice[] = [];
  for (let after: After = null; ;) {
    const order: SliceOrder = { part, head, index: slices.length, after };
    const { slice, next } = await steps.do(`${part}: ${head.name} ${order.index}`, () => deps.slice(order));
    slices.push(slice);
    if (next === null) return slices;
    after = next;
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
