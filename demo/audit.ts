/** Says what of a run is where and what is missing. Pure. */
import type { Entry } from "./ledger.ts";

/** What an accepted event may take before it counts as lost while the run is going on; at the end nothing may be missing. */
export interface Patience {
  readonly socketMs: number;
  readonly cacheMs: number;
  readonly logMs: number;
}

/** A hole on a socket heals within 30 s (DESIGN 9); D1 takes a second, a thin stream's log object 30 s: each threefold, or nearly. */
export const livePatience: Patience = { socketMs: 30_000, cacheMs: 60_000, logMs: 90_000 };
export const noPatience: Patience = { socketMs: 0, cacheMs: 0, logMs: 0 };

export interface Audit {
  readonly onSocket: number;
  readonly inCache: number;
  readonly inLog: number;
  /** Events the log's reader gave more than once. */
  readonly repeatedInLog: readonly string[];
  /** `<id> (<stream>): not on the socket, not in R2` */
  readonly missing: readonly string[];
}

export function auditRun(entries: readonly Entry[], patience: Patience, nowMs: number): Audit {
  const missing: string[] = [];
  for (const entry of entries) {
    const where = missingPlaces(entry, patience, nowMs);
    if (where.length > 0) missing.push(`${entry.id} (${entry.stream}): ${where.map((place) => `not ${place}`).join(", ")}`);
  }
  return {
    onSocket: entries.filter((entry) => entry.onSocket > 0).length,
    inCache: entries.filter((entry) => entry.inCache).length,
    inLog: entries.filter((entry) => entry.inLog > 0).length,
    repeatedInLog: entries.filter((entry) => entry.inLog > 1).map((entry) => entry.id),
    missing,
  };
}

function missingPlaces(entry: Entry, patience: Patience, nowMs: number): string[] {
  const ageMs = nowMs - entry.postedAtMs;
  const places: string[] = [];
  if (entry.onSocket === 0 && ageMs >= patience.socketMs) places.push("on the socket");
  if (entry.row !== undefined && !entry.inCache && ageMs >= patience.cacheMs) places.push("in D1");
  if (entry.inLog === 0 && ageMs >= patience.logMs) places.push("in R2");
  return places;
}

/** The q-quantile of ascending values, or undefined of none. */
export function quantile(ascending: readonly number[], q: number): number | undefined {
  return ascending[Math.min(ascending.length - 1, Math.floor(q * ascending.length))];
}
