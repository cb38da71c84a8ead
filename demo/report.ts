/** What the demo prints: one live line a second, and the table at the end. Pure. */
import type { Audit } from "./audit.ts";
import { quantile } from "./audit.ts";
import type { Totals } from "./ledger.ts";
import type { ChannelWatch } from "./watch.ts";

export interface State {
  readonly totals: Totals;
  readonly audit: Audit;
  /** Ascending. */
  readonly latenciesMs: readonly number[];
  readonly watches: readonly ChannelWatch[];
}

const count = (value: number): string => value.toLocaleString("en-US");

/** Events that are overdue somewhere, and holes a socket has shown. */
export function lostOf({ audit, watches }: Pick<State, "audit" | "watches">): number {
  return audit.missing.length + watches.reduce((sum, watch) => sum + watch.holes, 0);
}

export function liveLine(state: State): string {
  const { totals, audit, latenciesMs } = state;
  const parts = [
    `posted ${count(totals.posted)}`,
    `accepted ${count(totals.accepted)}`,
    `dup ${count(totals.duplicates)}`,
    ...(totals.rejected === 0 ? [] : [`rejected ${count(totals.rejected)}`]),
    `D1 ${count(audit.inCache)}`,
    `R2 ${count(audit.inLog)}`,
    `sockets ${count(audit.onSocket)}`,
    latencyText(latenciesMs),
    `lost ${count(lostOf(state))}`,
  ];
  return parts.join("  ");
}

function latencyText(latenciesMs: readonly number[]): string {
  const text = (q: number): string => {
    const value = quantile(latenciesMs, q);
    return value === undefined ? "-" : `${Math.round(value)} ms`;
  };
  return `p50 ${text(0.5)} p99 ${text(0.99)}`;
}

export interface Summary extends State {
  readonly seconds: number;
  readonly cacheable: number;
}

export function summaryTable(summary: Summary): string {
  const { totals, audit, watches, seconds, cacheable, latenciesMs } = summary;
  const sum = (pick: (watch: ChannelWatch) => number): number => watches.reduce((total, watch) => total + pick(watch), 0);
  const rows: [string, string][] = [
    ["posted", `${count(totals.posted)} in ${seconds.toFixed(0)} s, ${count(totals.retried)} batches retried`],
    ["accepted", count(totals.accepted)],
    ["duplicates", count(totals.duplicates)],
    ["rejected", count(totals.rejected)],
    ["in D1", `${count(audit.inCache)} of ${count(cacheable)} states covered: each entity's newest`],
    ["in R2", `${count(audit.inLog)}, ${count(audit.repeatedInLog.length)} read twice`],
    [
      "on the socket",
      `${count(audit.onSocket)}, ${count(sum((watch) => watch.repeats))} twice, ${count(sum((watch) => watch.holes))} holes`,
    ],
    ["post to socket", latencyText(latenciesMs)],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`).join("\n");
}

const faultsShownMax = 10;

/** Everything that keeps a finished run from being complete; empty when nothing does. */
export function faultsOf(
  state: State,
  details: { readonly rejections: readonly string[]; readonly logRanges: readonly string[] },
): string[] {
  return [
    ...state.audit.missing.map((text) => `missing: ${text}`),
    ...state.audit.repeatedInLog.map((id) => `read twice from R2: ${id}`),
    ...details.logRanges.map((range) => `positions missing in R2: ${range}`),
    ...details.rejections.map((text) => `rejected: ${text}`),
    ...state.watches.flatMap((watch) => watchFaults(watch)),
  ];
}

function watchFaults({ channel, holes, repeats, resets }: ChannelWatch): string[] {
  const faults: string[] = [];
  if (holes > 0) faults.push(`${channel}: ${holes} times prev > last`);
  if (repeats > 0) faults.push(`${channel}: ${repeats} events twice`);
  if (resets > 0) faults.push(`${channel}: ${resets} times recovered:false`);
  return faults;
}

export function faultList(faults: readonly string[]): string {
  const shown = faults.slice(0, faultsShownMax).map((fault) => `  ${fault}`);
  return [...shown, ...(faults.length > faultsShownMax ? [`  … and ${faults.length - faultsShownMax} more`] : [])].join("\n");
}
