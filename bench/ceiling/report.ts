/** The ceiling bench's lines. Pure. */
import { percentileMs, type Histogram } from "../load/histogram.ts";
import { showStatuses } from "../load/poster.ts";
import type { CeilingResult, Phase } from "./run.ts";

/** What the design asks of an overloaded stream. */
const acceptedShareMin = 0.8;

export function renderCeiling({ plan, ceiling, overload, recovery }: CeilingResult): string {
  const share = overload.acceptedPerSecond / ceiling.acceptedPerSecond;
  const { accepted, sequenced, delivered, holes, settledSeconds, isComplete } = recovery;
  return [
    `  posts of ${plan.batch}`,
    `    ceiling   ${renderPhase(ceiling)}`,
    `    ${plan.factor}× offered ${renderPhase(overload)}`,
    `              accepted ${(share * 100).toFixed(0)} % of the ceiling (≥ ${acceptedShareMin * 100} %): ${share >= acceptedShareMin ? "met" : "MISSED"}`,
    `    0.5× after ${renderPhase(recovery.phase)}`,
    `              ${accepted} accepted, ${sequenced} sequenced, ${delivered} delivered, ${holes} holes; all ${settledSeconds.toFixed(0)} s after the overload: ${isComplete ? "complete" : "NOT COMPLETE"}`,
  ].join("\n");
}

function renderPhase({ posted, acceptedPerSecond, sequencedPerSecond, cores, loadCores }: Phase): string {
  const at = (delays: Histogram, share: number): string => percentileMs(delays, share)?.toFixed(0) ?? "–";
  const points = (delays: Histogram): string => `p50 ${at(delays, 0.5)} p99 ${at(delays, 0.99)} ms`;
  return [
    `${acceptedPerSecond.toFixed(0)} events/s accepted`,
    `${sequencedPerSecond.toFixed(0)} sequenced`,
    `${(posted.posts / posted.seconds).toFixed(0)} posts/s`,
    `answered ${points(posted.answered)}, of it on a connection ${points(posted.served)}`,
    `edge ${cores.toFixed(2)} cores, load ${loadCores.toFixed(2)}`,
    showStatuses(posted),
  ].join(" · ");
}
