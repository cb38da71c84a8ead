/** What the rounds of the replay bench say together, as text. Pure. */
import { ratioOf, showSpread, spreadOf } from "../load/rounds.ts";

export interface Measured {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

/** By what ran; rounds in order. */
export type Results = Readonly<Record<"zcat" | "raw" | "parquet" | "rebuild raw" | "rebuild parquet", readonly Measured[]>>;

/** A dry run reads, checks, merges and counts; a pipe only inflates and counts lines. */
export const ratioMin = 0.25;

const titles: Readonly<Record<keyof Results, string>> = {
  zcat: "zcat | wc -l",
  raw: "dry run, raw objects",
  parquet: "dry run, Parquet",
  "rebuild raw": "rebuild of D1, raw objects",
  "rebuild parquet": "rebuild of D1, Parquet",
};

export function renderReport(events: number, results: Results): string {
  const names = Object.keys(titles) as (keyof Results)[];
  const lines = names.filter((name) => results[name].length > 0).map((name) => renderLine(events, { name, results }));
  const reached = (["raw", "parquet"] as const).filter((name) => speedRatio(results, name).median >= ratioMin).length === 2;
  return [
    `${events} events in an hour; events a second, CPU per event, and events a second beside zcat | wc -l; median [range] of the rounds`,
    ...lines,
    `dry run at least ${ratioMin} of the pipe: ${reached ? "yes" : "no"}`,
  ].join("\n");
}

function renderLine(events: number, { name, results }: { readonly name: keyof Results; readonly results: Results }): string {
  const rate = spreadOf(results[name].map(({ seconds }) => events / seconds));
  const micros = spreadOf(results[name].map(({ cpuSeconds }) => (cpuSeconds * 1e6) / events));
  const ratio = name === "zcat" ? "" : `  ${showSpread(speedRatio(results, name), 2)}×`;
  return `  ${titles[name].padEnd(28)} ${showSpread(rate, 0)}/s  ${showSpread(micros, 1)} µs${ratio}`;
}

export function speedRatio(results: Results, name: keyof Results): ReturnType<typeof ratioOf> {
  return ratioOf(
    results[name].map(({ seconds }) => 1 / seconds),
    results.zcat.map(({ seconds }) => 1 / seconds),
  );
}
