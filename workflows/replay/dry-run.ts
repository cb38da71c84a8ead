/** What a dry run counts, and what it says a replay would cost. Goes on from what was counted before; `take` is a sink's. */
import { replayBatchLines, replayMinutesMs, replaySampleChars, replaySampleLines, replaySliceLines } from "../../schemas/limits-replay.ts";
import type { ReplayCheckpoint, ReplaySpec, ReplayTally, SampleLine } from "../../schemas/replay.ts";
import { attributeOf } from "./filter.ts";
import type { ReplayLine } from "./sink.ts";

/** Dollars for one, paid plan, read from developers.cloudflare.com in 2026-11. */
const prices = { objectRequest: 0.15e-6, objectRow: 1e-6, d1Row: 1e-6, r2Read: 0.36e-6, step: 8e-6, cpuMs: 0.02e-6 } as const;
/** A batch of the channel's: its log's row, its dedupe row, its head. */
const channelRowsPerBatch = 3;
/** The row and its one index; an event that is not the newest of its entity writes none, so this is the most. */
const d1RowsPerEvent = 2;
/** Reading, checking and handing on a line of a kilobyte. */
const cpuMsPerLine = 0.02;

export class DryRun {
  readonly #byType: Map<string, number>;
  readonly #byTime: Map<number, number>;
  readonly #barMs: number;
  #sample: SampleLine[];
  #stride: number;
  #seen: number;

  constructor(spec: Pick<ReplaySpec, "fromMs" | "toMs">, { tally, matched }: Pick<ReplayCheckpoint, "tally" | "matched">) {
    this.#barMs = barMsOf(spec);
    this.#byType = new Map(Object.entries(tally?.byType ?? {}));
    this.#byTime = new Map(Object.entries(tally?.byTime ?? {}).map(([bar, events]) => [Number(bar), events]));
    this.#sample = [...(tally?.sample ?? [])];
    this.#stride = tally?.stride ?? 1;
    this.#seen = matched;
  }

  get tally(): ReplayTally {
    return {
      byType: Object.fromEntries(this.#byType),
      byTime: Object.fromEntries(this.#byTime),
      stride: this.#stride,
      sample: this.#sample,
    };
  }

  add(line: ReplayLine): void {
    const type = attributeOf(line.text, "type") ?? "unreadable";
    const bar = Math.floor(line.at / this.#barMs);
    this.#byType.set(type, (this.#byType.get(type) ?? 0) + 1);
    this.#byTime.set(bar, (this.#byTime.get(bar) ?? 0) + 1);
    if (this.#seen % this.#stride === 0) this.#keep(line);
    this.#seen += 1;
  }

  /** As many as fit, evenly spread over all that came. */
  #keep({ stream, epoch, offset, at, text }: ReplayLine): void {
    if (this.#sample.length === replaySampleLines) {
      this.#sample = this.#sample.filter((_, index) => index % 2 === 0);
      this.#stride *= 2;
      if (this.#seen % this.#stride !== 0) return;
    }
    this.#sample.push({ stream, epoch, offset, at, event: shown(text) });
  }
}

function barMsOf({ fromMs, toMs }: Pick<ReplaySpec, "fromMs" | "toMs">): number {
  return toMs - fromMs <= replayMinutesMs ? 60_000 : 3_600_000;
}

function shown(text: string): unknown {
  if (text.length > replaySampleChars) return text.slice(0, replaySampleChars).toWellFormed();
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** What a dry run has found, as its result. */
export function dryRunResult(spec: ReplaySpec, checkpoint: ReplayCheckpoint): Record<string, unknown> {
  const barMs = barMsOf(spec);
  const { byType = {}, byTime = {}, sample = [] } = checkpoint.tally ?? {};
  const bars = Object.entries(byTime)
    .map(([bar, events]) => ({ start: Number(bar) * barMs, events }))
    .toSorted((a, b) => a.start - b.start)
    .map(({ start, events }) => ({ at: new Date(start).toISOString(), events }));
  return {
    events: checkpoint.matched,
    characters: checkpoint.chars,
    by_type: byType,
    [barMs === 60_000 ? "by_minute" : "by_hour"]: bars,
    sample: sample.map((line) => ({ ...line, at: new Date(line.at).toISOString() })),
    cost_usd_estimate: costOf(checkpoint),
  };
}

/** At most, without the plan's included volumes. */
function costOf({ read, matched, objects = 0 }: ReplayCheckpoint): { readonly channel: number; readonly rebuild: number } {
  const batches = Math.ceil(matched / replayBatchLines);
  const steps = Math.ceil(read / replaySliceLines) + 5;
  const reading = objects * prices.r2Read + read * cpuMsPerLine * prices.cpuMs + steps * prices.step;
  const rounded = (dollars: number): number => Number(dollars.toFixed(6));
  return {
    channel: rounded(reading + batches * (prices.objectRequest + channelRowsPerBatch * prices.objectRow)),
    rebuild: rounded(reading + matched * d1RowsPerEvent * prices.d1Row),
  };
}
