/** Where a replay puts what it reads: the boundary between run.ts, which reads, paces and stops, and the sinks, which have an effect. */
import type { LogLine } from "../../stores/event-log.ts";

/** A line of the log with the stream it was read from. */
export interface ReplayLine extends LogLine {
  readonly stream: string;
}

/** What became of a batch; counts that a sink does not know are absent. */
export type Taken = Readonly<Record<string, number>>;

export interface ReplaySink {
  /** Takes lines in the order of the replay. Repeated with the same batch it has the effect of once: a step may die after its work. */
  take(lines: readonly ReplayLine[]): Promise<Taken>;
  /** After the last line. What it returns is part of the replay's result; must survive as JSON. Repeated
   *  it returns the same. */
  finish(): Promise<Readonly<Record<string, unknown>>>;
  /** Once that is written down: drops what only `finish` needed. May be lost, and may come twice. */
  clean?(): Promise<void>;
}
