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

/** Beside each of the two that give a queue one message for each event; the design speaks of sending one, which is `singly`. */
export function renderTarget({ edge, bare, singly }: Rounds): string {
  const verdict = (theirs: readonly Measured[]): string => {
    const { median } = ratioOf(microsOf(edge), microsOf(theirs));
    return median <= ratioMax ? "met" : "MISSED";
  };
  return `  target ≤ ${ratioMax}× CPU: ${verdict(singly)} beside singly, ${verdict(bare)} beside bare`;
}
