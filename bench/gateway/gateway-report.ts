/** The gateway bench's lines. Pure. */
import { ratioOf, showSpread, spreadOf } from "../load/rounds.ts";
import type { Asked } from "./asking.ts";

export type Rounds = Readonly<Record<string, readonly Asked[]>>;

export const bareName = "bare handler";
export const hitName = "anonymous hit";
/** Sends no body: a refusal is held against it apart. */
export const unsentName = "anonymous hit, 304";
export const hitRatioMax = 2;

const cpuOf = (rounds: readonly Asked[]): number[] => rounds.map(({ microsCpu }) => microsCpu);

export function renderGateway(rounds: Rounds): string {
  const bare = rounds[bareName] ?? [];
  return Object.entries(rounds)
    .map(([name, asked]) => renderLine(name, asked, bare))
    .join("\n");
}

function renderLine(name: string, asked: readonly Asked[], bare: readonly Asked[]): string {
  const cpu = showSpread(spreadOf(cpuOf(asked)), 0);
  const ratio = showSpread(ratioOf(cpuOf(asked), cpuOf(bare)), 2);
  const median = (pick: (one: Asked) => number): string => spreadOf(asked.map(pick)).median.toFixed(2);
  const outcomes = new Map<string, number>();
  for (const one of asked)
    for (const [outcome, count] of Object.entries(one.outcomes)) outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + count);
  const seen = [...outcomes].map(([outcome, count]) => `${count} × ${outcome}`).join(", ");
  return `${name.padEnd(26)} ${cpu} µs CPU  ${ratio}× bare  p50 ${median(({ p50Ms }) => p50Ms)} p99 ${median(({ p99Ms }) => p99Ms)} ms  ${seen}`;
}

/** What issue and design ask for: a hit at no more than twice the bare handler, and none of its answers cheaper than a refusal. */
export function renderTargets(rounds: Rounds, refusals: readonly string[]): string {
  const hit = ratioOf(cpuOf(rounds[hitName] ?? []), cpuOf(rounds[bareName] ?? [])).median;
  const medianOf = (name: string): number => spreadOf(cpuOf(rounds[name] ?? [])).median;
  const dearest = Math.max(...refusals.map(medianOf));
  const cheapest = Math.min(
    ...Object.keys(rounds)
      .filter((name) => name !== bareName && name !== unsentName && !refusals.includes(name))
      .map(medianOf),
  );
  const verdict = (micros: number): string => `${micros.toFixed(0)} µs: ${dearest < micros ? "met" : "MISSED"}`;
  return [
    `an anonymous hit costs ${hit.toFixed(2)}× the bare handler, aim ≤ ${hitRatioMax}×: ${hit <= hitRatioMax ? "met" : "MISSED"}`,
    `refusals cost up to ${dearest.toFixed(0)} µs, to be less than the cheapest hit or miss, ${verdict(cheapest)}; than a 304, ${verdict(medianOf(unsentName))}`,
  ].join("\n");
}

/** Each step behind all those before it; what it adds is taken within a round. */
export function renderSteps(rounds: Rounds): string {
  const all = Object.entries(rounds);
  return all
    .map(([name, asked], index) => {
      const before = cpuOf(all[index - 1]?.[1] ?? []);
      const added = cpuOf(asked).flatMap((micros, round) => (before[round] === undefined ? [] : [micros - before[round]]));
      const more = added.length === 0 ? "" : `  adds ${showSpread(spreadOf(added), 0)}`;
      return `${name.padEnd(18)} ${showSpread(spreadOf(cpuOf(asked)), 0)} µs CPU${more}`;
    })
    .join("\n");
}
