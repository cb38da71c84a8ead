/** How far limits are tightened, by how the backend does: its latency and its failures, averaged so that old answers fade. Pure. Tightened
 *  at once and again while it is ill, loosened step by step once it is well; between ill and well nothing moves, so it does not swing. */
import type { Adaptive } from "../../../schemas/runtime-config.ts";

export interface Health {
  readonly latencyMs: number;
  /** 0 to 1. */
  readonly errorRate: number;
  readonly observedMs: number;
  /** 1 when limits are as configured. */
  readonly factor: number;
  readonly movedMs: number;
}

export interface Answered {
  readonly tookMs: number;
  readonly failed: boolean;
}

export const healthy: Health = { latencyMs: 0, errorRate: 0, observedMs: 0, factor: 1, movedMs: 0 };

/** Twenty answers make an opinion. */
const weight = 0.1;
/** An answer says little of the backend half a minute later: what was measured fades by half, so that limits that keep everybody away do
 *  not stay because nobody measures. */
const fadeMs = 30_000;
const tightenEveryMs = 2_000;
const tightenBy = 0.7;
const loosenEveryMs = 5_000;
const loosenBy = 0.1;
/** Well is below half of what counts as ill. */
const wellShare = 0.5;

export function observed(before: Health, { tookMs, failed }: Answered, nowMs: number): Health {
  const kept = faded(before, nowMs);
  return {
    ...kept,
    latencyMs: kept.latencyMs + weight * (tookMs - kept.latencyMs),
    errorRate: kept.errorRate + weight * ((failed ? 1 : 0) - kept.errorRate),
    observedMs: nowMs,
  };
}

/** Moves the factor if it is time. */
export function adapted(before: Health, bounds: Adaptive, nowMs: number): Health {
  if (before === healthy) return before;
  if (!bounds.enabled) return { ...before, factor: 1 };
  const now = faded(before, nowMs);
  if (isAbove(now, bounds, 1)) {
    if (nowMs - before.movedMs < tightenEveryMs) return before;
    return { ...before, factor: Math.max(bounds.factor_min, before.factor * tightenBy), movedMs: nowMs };
  }
  if (before.factor >= 1 || isAbove(now, bounds, wellShare) || nowMs - before.movedMs < loosenEveryMs) return before;
  return { ...before, factor: Math.min(1, before.factor + loosenBy), movedMs: nowMs };
}

function isAbove({ latencyMs, errorRate }: Health, bounds: Adaptive, share: number): boolean {
  return latencyMs > bounds.latency_ms * share || errorRate > bounds.error_rate * share;
}

function faded(health: Health, nowMs: number): Health {
  const kept = 0.5 ** (Math.max(0, nowMs - health.observedMs) / fadeMs);
  return { ...health, latencyMs: health.latencyMs * kept, errorRate: health.errorRate * kept };
}
