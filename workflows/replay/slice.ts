/** One slice of a replay, which is one step of its Workflow: from the position that was written down, some hundred thousand lines or a minute
 *  further. It hands lines over first and writes its position afterwards, so that a death in between repeats and never skips. */
import {
  replayBatchChars,
  replayBatchLines,
  replaySaveMs,
  replaySleepMs,
  replaySliceChars,
  replaySliceLines,
  replaySliceMs,
  replayWaitMs,
} from "../../schemas/limits-replay.ts";
import { factorOf } from "../../schemas/replay.ts";
import type { Cursor, ReplayCheckpoint, ReplayRow, ReplaySpec } from "../../schemas/replay.ts";
import { CorruptLogObject } from "../../stores/event-log-object.ts";
import type { LogLine } from "../../stores/event-log.ts";
import type { ReplayCommand } from "../../stores/replays.ts";
import { DryRun } from "./dry-run.ts";
import { matcherOf } from "./filter.ts";
import { mergeStreams } from "./merge.ts";
import { dueMs, nextFreeMs } from "./pace.ts";
import { Progress } from "./progress.ts";
import type { ReplayLine, ReplaySink } from "./sink.ts";

export interface SliceDeps {
  /** The replay, if this run is still to be done. */
  load(): Promise<ReplayRow | undefined>;
  save(checkpoint: ReplayCheckpoint): Promise<ReplayCommand>;
  read(window: {
    readonly stream: string;
    readonly from: number;
    readonly to: number;
    readonly after: Cursor | undefined;
    readonly readers: number;
  }): AsyncGenerator<LogLine, unknown>;
  /** Undefined for a dry run, which is all counting. */
  sink(spec: ReplaySpec): Promise<ReplaySink | undefined>;
  now(): number;
  wait(ms: number): Promise<void>;
}

/** How large a slice may be, and a batch of it. */
export interface SliceBounds {
  readonly lines: number;
  readonly batchLines: number;
}

const usual: SliceBounds = { lines: replaySliceLines, batchLines: replayBatchLines };

export type SliceOutcome =
  | { readonly kind: "more" | "end" | "superseded" | "pause" | "cancel" }
  /** Nothing is due before that. */
  | { readonly kind: "wait"; readonly waitMs: number }
  /** An object of the log cannot be read. */
  | { readonly kind: "corrupt"; readonly reason: string };

export async function runSlice(deps: SliceDeps, bounds: SliceBounds = usual): Promise<SliceOutcome> {
  const row = await deps.load();
  if (row === undefined) return { kind: "superseded" };
  if (row.wanted !== undefined) return { kind: row.wanted };
  const slice = new Slice(row, { deps, bounds, sink: await deps.sink(row.spec) });
  const { streams, fromMs: from, toMs: to } = row.spec;
  const lines = mergeStreams(
    streams.map((stream) => ({
      stream,
      lines: deps.read({ stream, from, to, after: row.checkpoint.cursors[stream], readers: streams.length }),
    })),
  );
  try {
    return await slice.run(lines);
  } catch (error) {
    if (!(error instanceof CorruptLogObject)) throw error;
    return (await slice.stop()) ?? { kind: "corrupt", reason: error.message };
  } finally {
    await lines.return();
  }
}

class Slice {
  readonly #row: ReplayRow;
  readonly #deps: SliceDeps;
  readonly #bounds: SliceBounds;
  readonly #sink: ReplaySink | undefined;
  readonly #dryRun: DryRun;
  readonly #progress: Progress;
  readonly #matches: ((line: ReplayLine) => boolean) | undefined;
  readonly #factor: number;
  readonly #startMs: number;
  #savedMs: number;
  #batch: ReplayLine[] = [];
  #batchChars = 0;
  #read = 0;
  #chars = 0;
  #freeMs = 0;

  constructor(
    row: ReplayRow,
    { deps, bounds, sink }: { readonly deps: SliceDeps; readonly bounds: SliceBounds; readonly sink: ReplaySink | undefined },
  ) {
    this.#row = row;
    this.#deps = deps;
    this.#bounds = { ...bounds, batchLines: Math.min(bounds.batchLines, row.spec.eventsPerSecondMax) };
    this.#sink = sink;
    this.#startMs = deps.now();
    this.#savedMs = this.#startMs;
    this.#progress = new Progress(row.checkpoint, { run: row.run, nowMs: this.#startMs });
    this.#dryRun = new DryRun(row.spec, row.checkpoint);
    this.#matches = matcherOf(row.spec);
    this.#factor = factorOf(row.spec.pace) ?? Number.POSITIVE_INFINITY;
  }

  async run(lines: AsyncGenerator<ReplayLine, void>): Promise<SliceOutcome> {
    if (this.#isEnough) return { kind: "end" };
    for await (const line of lines) {
      const stopped = (await this.#untilDue(line)) ?? (await this.#add(line));
      if (stopped !== undefined) return stopped;
      if (this.#isEnough) break;
      if (this.#isOver) return (await this.stop()) ?? { kind: "more" };
    }
    return (await this.stop()) ?? { kind: "end" };
  }

  /** Hands over what is left and writes the position down; tells what else than going on there is to do. */
  async stop(): Promise<SliceOutcome | undefined> {
    await this.#handOver();
    return this.#save();
  }

  get #isOver(): boolean {
    return this.#read >= this.#bounds.lines || this.#chars >= replaySliceChars || this.#deps.now() - this.#startMs >= replaySliceMs;
  }

  get #isEnough(): boolean {
    return this.#progress.matched >= (this.#row.spec.deliveryLimit ?? Number.POSITIVE_INFINITY);
  }

  /** Where a line is not due yet, all before it goes out first. */
  async #untilDue(line: ReplayLine): Promise<SliceOutcome | undefined> {
    if (!Number.isFinite(this.#factor)) return undefined;
    const anchor = this.#progress.anchorAt(line, this.#deps.now());
    const due = dueMs(line.at, { anchor, factor: this.#factor });
    if (due <= this.#deps.now()) return undefined;
    const stopped = await this.#flush();
    if (stopped !== undefined) return stopped;
    const waitMs = due - this.#deps.now();
    if (waitMs > replayWaitMs) return (await this.stop()) ?? { kind: "wait", waitMs: Math.min(waitMs, replaySleepMs) };
    if (waitMs > 0) await this.#deps.wait(waitMs);
    return undefined;
  }

  async #add(line: ReplayLine): Promise<SliceOutcome | undefined> {
    const matches = this.#matches?.(line) ?? true;
    this.#progress.note(line, matches);
    this.#read += 1;
    this.#chars += line.text.length;
    if (!matches) return undefined;
    this.#batch.push(line);
    this.#batchChars += line.text.length;
    if (this.#batch.length < this.#bounds.batchLines && this.#batchChars < replayBatchChars) return undefined;
    return this.#flush();
  }

  async #flush(): Promise<SliceOutcome | undefined> {
    await this.#handOver();
    return this.#deps.now() - this.#savedMs < replaySaveMs ? undefined : this.#save();
  }

  async #handOver(): Promise<void> {
    const lines = this.#batch;
    if (lines.length === 0) return;
    this.#batch = [];
    this.#batchChars = 0;
    if (this.#sink === undefined) {
      for (const line of lines) this.#dryRun.add(line);
      return;
    }
    const { eventsPerSecondMax } = this.#row.spec;
    this.#freeMs = nextFreeMs({ freeMs: this.#freeMs, nowMs: this.#deps.now(), sent: lines.length }, eventsPerSecondMax);
    this.#progress.sent(lines.length, await this.#sink.take(lines));
    const waitMs = this.#freeMs - this.#deps.now();
    if (waitMs > 0) await this.#deps.wait(waitMs);
  }

  async #save(): Promise<SliceOutcome | undefined> {
    const { checkpoint } = this.#progress;
    const tally = this.#sink === undefined ? { tally: this.#dryRun.tally } : {};
    const command = await this.#deps.save({ ...checkpoint, ...tally });
    this.#savedMs = this.#deps.now();
    return command === "go" ? undefined : { kind: command };
  }
}
