/** All origins of the backend behind one call: which is asked first, what is tried again, and what a client is told when none answers. What may
 *  not happen twice is sent once, to an origin that is known to work. */
import pRetry, { AbortError } from "p-retry";
import { backoffMs } from "../../platform/backoff.ts";
import type { BackendConfig } from "../../platform/config.ts";
import { backendAttemptMsMin, backendRetriesMax, backendRetryMs, healthCheckEveryMs } from "../../schemas/limits-proxy.ts";
import type { BreakerState } from "./breaker.ts";
import { BackendError } from "./call.ts";
import type { BackendCall, CallContext } from "./call.ts";
import { choose } from "./choose.ts";
import type { Tried } from "./choose.ts";
import { NotSent, OriginFault } from "./faults.ts";
import { Origin } from "./origin.ts";
import type { Deps } from "./origin.ts";

export type { Deps } from "./origin.ts";

export interface OriginStatus {
  readonly origin: string;
  readonly state: BreakerState;
  readonly opened: number;
  readonly in_flight: number;
  readonly waiting: number;
  readonly counts: Origin["counts"];
}

export interface BackendStatus {
  readonly origins: readonly OriginStatus[];
  /** Attempts beyond a call's first: to the same origin, to another one. */
  readonly retries: number;
  readonly failovers: number;
}

/** One call on its way through the origins. */
interface Journey {
  readonly call: BackendCall;
  readonly deadlineMs: number;
  readonly tried: Map<Origin, Tried>;
  attempts: number;
  /** What is told when nothing is left to try. */
  last: OriginFault | NotSent | undefined;
}

export class Backend {
  readonly #origins: readonly Origin[];
  readonly #deps: Deps;
  readonly #counts = { retries: 0, failovers: 0 };

  constructor(config: BackendConfig, deps: Deps) {
    this.#deps = deps;
    this.#origins = config.origins.map((url) => new Origin(url, config, deps));
  }

  async proxyTo(call: BackendCall, context: CallContext): Promise<Response> {
    if (this.#origins.length === 0) throw new BackendError("UPSTREAM_UNAVAILABLE", "no backend is configured", { sent: "no" });
    const { clock } = this.#deps;
    const journey: Journey = { call, deadlineMs: clock() + call.route.totalMs, tried: new Map(), attempts: 0, last: undefined };
    this.#checkHealth(context);
    if (!call.route.isIdempotent) await this.#findWorking();
    try {
      return await pRetry(() => this.#attempt(journey), {
        retries: Math.max(backendRetriesMax, this.#origins.length - 1),
        // The wait is before an origin is asked a second time, not before another one is.
        minTimeout: 0,
        shouldRetry: ({ error }) => isWorthAnother(error, call),
      });
    } catch (error) {
      throw toldAs(error instanceof NotSent ? (journey.last ?? error) : error);
    }
  }

  status(): BackendStatus {
    const origins = this.#origins.map(({ url, breaker, pool, counts }) => ({
      origin: url,
      state: breaker.state,
      opened: breaker.opened,
      in_flight: pool.inFlight,
      waiting: pool.waiting,
      counts: { ...counts },
    }));
    return { origins, ...this.#counts };
  }

  async #attempt(journey: Journey): Promise<Response> {
    const { call, deadlineMs, tried } = journey;
    const { clock, random } = this.#deps;
    const candidates = this.#origins.map((origin) => ({ state: origin.breaker.state, tried: tried.get(origin) }));
    const origin = this.#origins[choose(candidates, call.route.isIdempotent) ?? -1];
    if (origin === undefined) throw new AbortError(journey.last ?? new NotSent("open", this.#waitMs()));
    if (journey.attempts > 0) this.#counts[tried.has(origin) ? "retries" : "failovers"] += 1;
    if (tried.has(origin)) await sleep(backoffMs({ firstMs: backendRetryMs, maxMs: 4 * backendRetryMs }, journey.attempts, random()));
    const leftMs = deadlineMs - clock();
    if (leftMs < backendAttemptMsMin) throw new AbortError(journey.last ?? new OriginFault("did not answer in time", late));
    journey.attempts += 1;
    try {
      return await origin.attempt(call, Math.min(call.route.headersMs, leftMs));
    } catch (error) {
      // What an origin did wrong says more than that another was not asked.
      if (error instanceof OriginFault || (error instanceof NotSent && journey.last === undefined)) journey.last = error;
      // Asked again at once, who was too slow would be slower still.
      tried.set(origin, error instanceof OriginFault && error.retryable && error.kind !== "timeout" ? "again" : "never");
      throw error;
    }
  }

  /** Of the origin that is asked again first. */
  #waitMs(): number {
    return Math.min(...this.#origins.map(({ breaker }) => breaker.waitMs));
  }

  /** A read may find out whether an origin is well again, what happens only once may not: then somebody is asked first how they are. */
  async #findWorking(): Promise<void> {
    if (this.#origins.some(({ breaker }) => breaker.state === "closed")) return;
    await this.#origins.find(({ breaker }) => breaker.state === "ready")?.check();
  }

  /** No timer runs between requests: those who come bring the checks with them. An origin that is ill is asked before a call has to be, unless there
   *  is none that works: then the call itself finds out. */
  #checkHealth({ waitUntil }: CallContext): void {
    if (this.#origins.length < 2) return;
    const nowMs = this.#deps.clock();
    const serving = this.#origins.find(({ breaker }) => breaker.state === "closed");
    if (serving === undefined) return;
    for (const origin of this.#origins) {
      const { state } = origin.breaker;
      const isQuiet = state === "closed" && nowMs - origin.heardMs >= healthCheckEveryMs;
      if (origin !== serving && (state === "ready" || isQuiet)) waitUntil(origin.check());
    }
  }
}

const late = { kind: "timeout", retryable: false } as const;

function isWorthAnother(error: Error, { route }: BackendCall): boolean {
  if (error instanceof NotSent) return true;
  return route.isIdempotent && error instanceof OriginFault && error.retryable;
}

/** What a client hears of it. */
function toldAs(error: unknown): unknown {
  if (error instanceof NotSent) {
    const retryAfterSeconds = Math.max(1, Math.ceil(error.waitMs / 1_000));
    const options = { sent: "no", retryAfterSeconds } as const;
    if (error.reason === "capacity") return new BackendError("CAPACITY_EXCEEDED", "too many calls wait for the backend", options);
    return new BackendError("UPSTREAM_UNAVAILABLE", "the backend is out of reach", options);
  }
  if (!(error instanceof OriginFault)) return error;
  const options = { sent: "maybe", cause: error, retryAfterSeconds: 1 } as const;
  const message = `the backend ${error.message}`;
  if (error.kind === "timeout") return new BackendError("UPSTREAM_TIMEOUT", message, options);
  return new BackendError("UPSTREAM_UNAVAILABLE", message, { ...options, status: error.kind === "status" ? 502 : 503 });
}

async function sleep(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
