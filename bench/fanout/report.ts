/** The fan-out bench's tables. Pure. */
import { merge, percentileMs } from "../load/histogram.ts";
import type { Measurement } from "../load/measure.ts";
import { ratioOf, showSpread, spreadOf } from "../load/rounds.ts";
import { nameOf, type Cell } from "./cells.ts";
import { targets } from "./targets.ts";

/** Rounds of each contender in one cell. */
export type CellResult = ReadonlyMap<string, readonly Measurement[]>;

/** The reader sees seconds of lag instead of a rate that was never reached. */
const saturatedLagMs = 500;
const saturatedShare = 0.9;

export function perDeliveryMicros({ cpuMs, delivered }: Measurement): number {
  return (cpuMs * 1_000) / delivered;
}

export function isSaturated({ lag, delivered, load }: Measurement): boolean {
  const due = load.sockets * load.eventsPerSecond * load.seconds;
  // A window of a few posts may hold one more or less.
  return (percentileMs(lag, 0.5) ?? 0) > saturatedLagMs || (due > 1_000 && delivered < due * saturatedShare);
}

function showMs(ms: number | undefined): string {
  return ms === undefined ? "–" : ms < 10 ? ms.toFixed(1) : ms.toFixed(0);
}

export function renderCell(cell: Cell, result: CellResult): string {
  const lines = [...result].map(([name, rounds]) => renderRow(name, rounds, result.get("bare")));
  return [`${nameOf(cell)}`, ...lines].join("\n");
}

function renderRow(name: string, rounds: readonly Measurement[], bare: readonly Measurement[] | undefined): string {
  const costs = rounds.map(perDeliveryMicros);
  const lag = merge(rounds.map((round) => round.lag));
  const ratio = bare === undefined || name === "bare" ? "" : `${ratioOf(costs, bare.map(perDeliveryMicros)).median.toFixed(2)}× bare`;
  const cells = [
    `  ${name.padEnd(12)}`,
    `${showSpread(spreadOf(costs), 2)} µs`.padEnd(30),
    ratio.padEnd(13),
    `p50 ${showMs(percentileMs(lag, 0.5))} p99 ${showMs(percentileMs(lag, 0.99))} ms`.padEnd(26),
    `${spreadOf(rounds.map(({ cores }) => cores)).median.toFixed(2)} cores`,
    ...remarks(rounds),
  ];
  return cells.join(" ").trimEnd();
}

function remarks(rounds: readonly Measurement[]): string[] {
  const saturated = rounds.filter(isSaturated).length;
  const missing = rounds.reduce((sum, { expected, final }) => sum + Math.max(0, expected - final.delivered), 0);
  const holes = rounds.reduce((sum, { final }) => sum + final.holes + final.disordered, 0);
  const refused = rounds.reduce((sum, { posted }) => sum + posted.events - posted.acceptedEvents, 0);
  const late = Math.max(...rounds.map(({ posted }) => posted.lateMsMax));
  return [
    ...(saturated === 0 ? [] : [`SATURATED${saturated < rounds.length ? ` in ${saturated} of ${rounds.length}` : ""}`]),
    ...(missing === 0 ? [] : [`${missing} not delivered in time`]),
    ...(holes === 0 ? [] : [`${holes} HOLES`]),
    ...(refused === 0 ? [] : [`${refused} events refused`]),
    ...(late < 250 ? [] : [`posts up to ${late.toFixed(0)} ms late`]),
  ];
}

export function renderTargets(results: ReadonlyMap<string, CellResult>): string {
  const lines = targets.flatMap((target) => {
    const ours = results.get(nameOf(target.cell))?.get(target.ours);
    const theirs = results.get(nameOf(target.cell))?.get(target.against);
    if (ours === undefined || theirs === undefined) return [];
    const ratio = ratioOf(ours.map(perDeliveryMicros), theirs.map(perDeliveryMicros));
    const p50Ms = percentileMs(merge(ours.map(({ lag }) => lag)), 0.5) ?? Number.POSITIVE_INFINITY;
    const isMet = ratio.median <= target.ratioMax && p50Ms <= (target.p50MsMax ?? Number.POSITIVE_INFINITY);
    const wanted = `≤ ${target.ratioMax}×${target.p50MsMax === undefined ? "" : `, p50 ≤ ${target.p50MsMax} ms`}`;
    const seen = `${showSpread(ratio, 2)}×${target.p50MsMax === undefined ? "" : `, p50 ${showMs(p50Ms)} ms`}`;
    return [
      `  ${nameOf(target.cell).padEnd(14)} ${`${target.ours} / ${target.against}`.padEnd(22)} ${wanted.padEnd(22)} ${seen.padEnd(34)} ${isMet ? "met" : "MISSED"}`,
    ];
  });
  return ["Targets (CPU per delivered event, ratios within a round)", ...lines].join("\n");
}

/** `whole` and `path` are the same posts with no subscriber, with and without the stores behind the queues. */
export function renderStores(rate: number, path: readonly Measurement[], whole: readonly Measurement[]): string {
  const perEvent = ({ cpuMs, load }: Measurement): number => (cpuMs * 1_000) / (load.eventsPerSecond * load.seconds);
  const rest = whole.map((measurement, round) => perEvent(measurement) - (path[round] === undefined ? 0 : perEvent(path[round])));
  const cells = [whole.map(perEvent), path.map(perEvent), rest].map((values) => `${showSpread(spreadOf(values), 0)} µs`.padEnd(24));
  return `  ${`${rate}/s`.padEnd(8)} ${cells.join(" ")}`.trimEnd();
}
