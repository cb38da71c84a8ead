/** What /health asks and how it judges the answers. Pure but for the clock it is handed; the bindings are behind each check's `run`. */
import { messageOf } from "../../platform/errors.ts";
import { logWarning } from "../../platform/log.ts";
import { TimeoutError, withTimeout } from "../../platform/timeout.ts";

export type Health = "healthy" | "degraded" | "unhealthy";
export type Figures = Readonly<Record<string, number>>;

export interface Check {
  readonly name: string;
  /** Throws when what it asks is out of reach; `slow` when it answers but falls behind. */
  run(): Promise<{ readonly slow: boolean; readonly figures?: Figures }>;
}

export interface CheckResult {
  readonly status: "up" | "slow" | "down";
  readonly latency_ms: number;
  /** Only what anybody may know: never the error's own text. */
  readonly reason?: "timeout" | "error";
  readonly figures?: Figures;
}

export interface HealthReport {
  readonly status: Health;
  readonly checks: Readonly<Record<string, CheckResult>>;
}

/** A monitor gives up after a few seconds; a dependency silent for this long would not serve a reader either. */
export const checkTimeoutMs = 2_000;

/** All checks at once: the report takes as long as the slowest, never longer than one timeout. */
export async function runChecks(checks: readonly Check[], clock: () => number, timeoutMs = checkTimeoutMs): Promise<HealthReport> {
  const results = await Promise.all(checks.map(async (check) => [check.name, await runCheck(check, clock, timeoutMs)] as const));
  const report = Object.fromEntries(results);
  return { status: judge(report), checks: report };
}

async function runCheck(check: Check, clock: () => number, timeoutMs: number): Promise<CheckResult> {
  const startedMs = clock();
  try {
    const { slow, figures } = await withTimeout(check.run(), timeoutMs, check.name);
    return { status: slow ? "slow" : "up", latency_ms: clock() - startedMs, ...(figures === undefined ? {} : { figures }) };
  } catch (error) {
    logWarning("health.check.failed", { check: check.name, error: messageOf(error) });
    return { status: "down", latency_ms: clock() - startedMs, reason: error instanceof TimeoutError ? "timeout" : "error" };
  }
}

const channelPrefix = "channel:";

/** `unhealthy` is when nothing can be accepted: the configuration is unusable, or no channel answers and the inbox, the acceptance of
 *  last resort, does not either. Anything less is `degraded`: events are still accepted, some later or unread for now. */
export function judge(checks: Readonly<Record<string, CheckResult>>): Health {
  const entries = Object.entries(checks);
  const isDown = (name: string): boolean => checks[name]?.status === "down";
  const channels = entries.filter(([name]) => name.startsWith(channelPrefix));
  const channelsDown = channels.length > 0 && channels.every(([, result]) => result.status === "down");
  if (isDown("config") || (channelsDown && isDown("inbox"))) return "unhealthy";
  return entries.every(([, result]) => result.status === "up") ? "healthy" : "degraded";
}

/** Remembers one answer for a while and lets only one computation run: a burst of monitors costs one round of checks. */
export class Recent<T> {
  readonly #ttlMs: number;
  readonly #joinMs: number;
  #kept: { readonly atMs: number; readonly value: Promise<T> } | undefined;

  /** `joinMs`: how long to wait for a computation another request started; it may have died with that request. */
  constructor(bounds: { readonly ttlMs: number; readonly joinMs: number }) {
    this.#ttlMs = bounds.ttlMs;
    this.#joinMs = bounds.joinMs;
  }

  async get(nowMs: number, compute: () => Promise<T>): Promise<T> {
    if (this.#kept !== undefined && nowMs - this.#kept.atMs < this.#ttlMs) {
      try {
        return await withTimeout(this.#kept.value, this.#joinMs, "the computation of another request");
      } catch {
        // It failed or died: this request asks for itself.
      }
    }
    const value = compute();
    this.#kept = { atMs: nowMs, value };
    return value;
  }
}
