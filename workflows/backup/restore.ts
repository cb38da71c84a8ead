/** The order of a restore's steps: every checksum, then every table's shape, and only then, a slice at a time, what would change and the change
 *  itself. Repeated after a death it ends with the same. A dry run stops before each change. Knows no store. */
import { countsOf, noCounts, ruleOf, sumOf } from "../../stores/backups-rules.ts";
import type { Compared } from "../../stores/backups-rules.ts";
import type { BackupPart, BackupSection, BackupSlice, PartName, RestoreCounts, StoredRestore } from "../../schemas/backup.ts";
import { done } from "../steps.ts";
import type { Steps } from "../steps.ts";

export interface RestoreSlice {
  readonly part: PartName;
  readonly section: BackupSection;
  readonly index: number;
}

/** Tables that are not there, or why the backup does not fit. */
export type Examined = { readonly absent: readonly string[] } | { readonly unfit: string };

export interface RestoreDeps {
  /** Undefined when it cannot be believed. */
  part(backup: string, name: PartName): Promise<BackupPart | undefined>;
  /** The first fault among them, or null. */
  check(slices: readonly BackupSlice[]): Promise<string | null>;
  examine(part: BackupPart): Promise<Examined>;
  create(part: PartName, section: BackupSection): Promise<void>;
  compare(slice: RestoreSlice): Promise<Compared>;
  write(slice: RestoreSlice): Promise<void>;
  finish(part: PartName, section: BackupSection): Promise<void>;
  /** Tells whoever keeps copies of these parts. */
  announce(parts: readonly PartName[]): Promise<void>;
  note(restore: StoredRestore): Promise<void>;
  nowMs(): number;
}

/** Objects read back in one step: some 64 MB at the most, a second or two. */
const checkedAtOnce = 16;

export async function runRestore(steps: Steps, deps: RestoreDeps, order: StoredRestore): Promise<StoredRestore> {
  const run = new RestoreRun(steps, deps, order);
  const parts: BackupPart[] = [];
  for (const name of order.parts) {
    const part = await steps.do(`${name}: manifest`, async () => (await deps.part(order.backup, name)) ?? null);
    if (part === null) return run.end(`${name}: the backup's manifest cannot be believed`);
    parts.push(part);
  }
  const refusal = await run.refuse(parts);
  if (refusal !== undefined) return run.end(refusal);
  for (const part of parts) await run.restore(part);
  if (!order.dry_run) await steps.do("announce", () => done(deps.announce(order.parts)));
  return run.end();
}

class RestoreRun {
  readonly #steps: Steps;
  readonly #deps: RestoreDeps;
  #state: StoredRestore;
  readonly #absent = new Map<PartName, readonly string[]>();

  constructor(steps: Steps, deps: RestoreDeps, order: StoredRestore) {
    this.#steps = steps;
    this.#deps = deps;
    this.#state = order;
  }

  /** Why nothing may be touched, if so. */
  async refuse(parts: readonly BackupPart[]): Promise<string | undefined> {
    const total = parts.flatMap(({ sections }) => sections).reduce((count, { slices }) => count + slices.length, 0);
    this.#state = { ...this.#state, progress: { done: 0, total } };
    for (const part of parts) {
      const slices = part.sections.flatMap((section) => section.slices);
      for (let at = 0; at < slices.length; at += checkedAtOnce) {
        const fault = await this.#steps.do(`${part.name}: check ${at}`, () => this.#deps.check(slices.slice(at, at + checkedAtOnce)));
        if (fault !== null) return `${part.name}: ${fault}`;
      }
      const examined = await this.#steps.do(`${part.name}: examine`, () => this.#deps.examine(part));
      if ("unfit" in examined) return `${part.name}: ${examined.unfit}`;
      this.#absent.set(part.name, examined.absent);
    }
    return undefined;
  }

  async restore(part: BackupPart): Promise<void> {
    const counts: RestoreCounts[] = [];
    for (const section of part.sections) {
      counts.push(await this.#restoreSection(part.name, section));
      const known = this.#state.counts.filter(({ name }) => name !== part.name);
      this.#state = { ...this.#state, counts: [...known, { name: part.name, ...sumOf(counts) }] };
      await this.#note(`${part.name}: ${section.name} noted`);
    }
  }

  async #restoreSection(part: PartName, section: BackupSection): Promise<RestoreCounts> {
    const { dry_run: isDry } = this.#state;
    const isAbsent = this.#absent.get(part)?.includes(section.name) === true;
    const step = (name: string, work: () => Promise<void>) => this.#steps.do(`${part}: ${section.name} ${name}`, () => done(work()));
    if (isAbsent && !isDry) await step("create", () => this.#deps.create(part, section));
    let sum = noCounts;
    for (const [index, { count }] of section.slices.entries()) {
      const slice: RestoreSlice = { part, section, index };
      const nothing: Compared = { total: count, matched: 0, same: 0, present: 0 };
      // Counted before the write and kept: a write that is repeated finds nothing to do.
      const compared = isAbsent
        ? nothing
        : await this.#steps.do(`${part}: ${section.name} ${index} compare`, () => this.#deps.compare(slice));
      sum = sumOf([sum, countsOf(ruleOf(part, section.name), compared)]);
      if (!isDry) await step(`${index} write`, () => this.#deps.write(slice));
      const { done: before, total } = this.#state.progress;
      this.#state = { ...this.#state, progress: { done: before + 1, total } };
    }
    if (!isDry) await step("finish", () => this.#deps.finish(part, section));
    return sum;
  }

  async end(error?: string): Promise<StoredRestore> {
    const endedMs = await this.#steps.do("end", async () => this.#deps.nowMs());
    const state = error === undefined ? ({ state: "done" } as const) : ({ state: "failed", error } as const);
    this.#state = { ...this.#state, ...state, ended_at: new Date(endedMs).toISOString() };
    await this.#note("ended");
    return this.#state;
  }

  async #note(name: string): Promise<void> {
    const state = this.#state;
    await this.#steps.do(name, () => done(this.#deps.note(state)));
  }
}
