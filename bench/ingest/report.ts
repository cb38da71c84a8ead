/** The ingest bench's lines. Pure. */
import { ratioOf, showSpread, spreadOf } from "../load/rounds.ts";

export interface Measured {
  readonly accepted: number;
  readonly microsPerEvent: number;
  readonly eventsPerSecond: number;
}

export type Rounds = Readonly<Record<"edge" | "bare" | "singly", readonly Measured[]>>;

/** What the design asks of batches of a hundred. */
export const ratioMax = 0.5;

const microsOf = (rounds: readonly Measured[]): number[] => rounds.map(({ microsPerEvent }) => microsPerEvent);
const rateOf = (rounds: readonly Measured[]): number[] => rounds.map(({ eventsPerSecond }) => eventsPerSecond);

export function renderShape(name: string, { edge, bare, singly }: Rounds): string {
  const line = (who: string, rounds: readonly Measured[]): string =>
    `  ${who.padEnd(6)} ${showSpread(spreadOf(microsOf(rounds)), 1)} µs an event · ${showSpread(spreadOf(rateOf(rounds)), 0)} events/s`;
  return [
    name,
    line("edge", edge),
    line("bare", bare),
    line("singly", singly),
    ratios("bare", edge, bare),
    ratios("singly", edge, singly),
  ].join("\n");
}

function ratios(name: string, ours: readonly Measured[], theirs: readonly Measured[]): string {
  const cpu = showSpread(ratioOf(microsOf(ours), microsOf(theirs)), 2);
  return `  edge / ${name.padEnd(6)} ${cpu}× CPU · ${showSpread(ratioOf(rateOf(ours), rateOf(theirs)), 2)}× events/s`;
}

/** Judged beside the cheaper of the two. */
export function renderTarget({ edge, bare }: Rounds): string {
  const { median } = ratioOf(microsOf(edge), microsOf(bare));
  return `  target ≤ ${ratioMax}× CPU: ${median <= ratioMax ? "met" : "MISSED"}`;
}
