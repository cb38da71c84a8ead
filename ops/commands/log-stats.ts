/** What a window of the log consists of: counts by type, source and hour, and how late events were when they were sequenced. Pure. */
import type { LoggedLine } from "./log-reading.ts";

export interface LogStats {
  readonly stream: string;
  readonly events: number;
  readonly bytes: number;
  readonly stale: number;
  readonly by_type: Readonly<Record<string, number>>;
  /** The most frequent ones. */
  readonly by_source: Readonly<Record<string, number>>;
  readonly by_hour: Readonly<Record<string, number>>;
  /** From the event's own time to its position, in milliseconds: clocks of producers included. */
  readonly lag_ms?: { readonly p50: number; readonly p99: number; readonly max: number };
}

const sourcesMax = 20;

export class StatsCounter {
  #events = 0;
  #bytes = 0;
  #stale = 0;
  readonly #types = new Map<string, number>();
  readonly #sources = new Map<string, number>();
  readonly #hours = new Map<string, number>();
  /** Lag → how often; rounded to two digits beyond a second, so that it stays small. */
  readonly #lags = new Map<number, number>();

  get events(): number {
    return this.#events;
  }

  line({ at, text }: LoggedLine): void {
    const { event, stale } = JSON.parse(text) as { event: unknown; stale?: boolean };
    const { type, source, time } = (typeof event === "object" && event !== null ? event : {}) as Record<string, unknown>;
    this.#events += 1;
    this.#bytes += Buffer.byteLength(text) + 1;
    if (stale === true) this.#stale += 1;
    count(this.#types, String(type ?? "none"));
    count(this.#sources, String(source ?? "none"));
    count(this.#hours, `${new Date(at).toISOString().slice(0, 13)}:00Z`);
    const lag = at - Date.parse(String(time));
    if (!Number.isNaN(lag)) count(this.#lags, rounded(lag));
  }

  stats(stream: string): LogStats {
    const lags = [...this.#lags].sort(([a], [b]) => a - b);
    const max = lags.at(-1)?.[0];
    return {
      stream,
      events: this.#events,
      bytes: this.#bytes,
      stale: this.#stale,
      by_type: ranked(this.#types),
      by_source: ranked(this.#sources, sourcesMax),
      by_hour: Object.fromEntries(this.#hours),
      ...(max === undefined ? {} : { lag_ms: { p50: quantile(lags, 0.5), p99: quantile(lags, 0.99), max } }),
    };
  }
}

function count<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function rounded(ms: number): number {
  return Math.abs(ms) < 1_000 ? ms : Number(ms.toPrecision(3));
}

function ranked(counts: ReadonlyMap<string, number>, max = Number.POSITIVE_INFINITY): Record<string, number> {
  return Object.fromEntries([...counts].sort(([, a], [, b]) => b - a).slice(0, max));
}

function quantile(sorted: readonly (readonly [number, number])[], share: number): number {
  const total = sorted.reduce((sum, [, times]) => sum + times, 0);
  let seen = 0;
  for (const [value, times] of sorted) {
    seen += times;
    if (seen >= share * total) return value;
  }
  return sorted.at(-1)?.[0] ?? 0;
}
