/** Whether an origin is asked at all: cockatiel's circuit breaker, and what it lacks here. A request that dies as the probe would leave it half
 *  open for good, with everybody waiting; who finds it probing is told so instead, and a probe that is overdue counts as failed. */
import { BrokenCircuitError, CircuitState, DelegateBackoff, SamplingBreaker, circuitBreaker, handleWhen } from "cockatiel";
import type { CircuitBreakerPolicy } from "cockatiel";
import { backoffMs } from "../../platform/backoff.ts";
import { breakerCallsMin, breakerFailureShare, breakerPause, breakerSampleMs } from "../../schemas/limits-proxy.ts";

/** `ready`: open, and due to be asked again. */
export type BreakerState = "closed" | "open" | "probing" | "ready";

export interface BreakerDeps {
  random(): number;
  /** Which errors are the origin's fault. */
  isFault(error: unknown): boolean;
  opened(pauseMs: number): void;
  closed(): void;
}

/** By the system's clock, as cockatiel is. */
export class OriginBreaker {
  readonly #deps: BreakerDeps;
  #policy: CircuitBreakerPolicy;
  #retryAtMs = 0;
  #probeUntilMs = 0;
  opened = 0;

  constructor(deps: BreakerDeps) {
    this.#deps = deps;
    this.#policy = this.#make();
  }

  get state(): BreakerState {
    const nowMs = Date.now();
    switch (this.#policy.state) {
      case CircuitState.Closed:
        return "closed";
      case CircuitState.HalfOpen:
        return nowMs < this.#probeUntilMs ? "probing" : "ready";
      default:
        return nowMs < this.#retryAtMs ? "open" : "ready";
    }
  }

  /** How long until it is asked again. */
  get waitMs(): number {
    return Math.max(0, (this.state === "probing" ? this.#probeUntilMs : this.#retryAtMs) - Date.now());
  }

  /** Undefined when it may not be asked now. `withinMs` is how long the work takes at most. */
  async run<T>(work: () => Promise<T>, withinMs: number): Promise<{ readonly value: T } | undefined> {
    const { state } = this;
    if (state === "open" || state === "probing") return undefined;
    if (state === "ready") {
      if (this.#policy.state === CircuitState.HalfOpen) this.#policy = this.#make(this.#policy.toJSON());
      this.#probeUntilMs = Date.now() + withinMs;
    }
    try {
      return { value: await this.#policy.execute(work) };
    } catch (error) {
      // Its clock may be a millisecond behind.
      if (error instanceof BrokenCircuitError) return undefined;
      throw error;
    }
  }

  #make(initialState?: unknown): CircuitBreakerPolicy {
    const pauses = new DelegateBackoff<{ readonly attempt: number }>(({ attempt }) => {
      const pauseMs = backoffMs(breakerPause, attempt, this.#deps.random());
      this.#retryAtMs = Date.now() + pauseMs;
      return pauseMs;
    });
    const policy = circuitBreaker(handleWhen(this.#deps.isFault), {
      halfOpenAfter: pauses,
      breaker: new SamplingBreaker({
        threshold: breakerFailureShare,
        duration: breakerSampleMs,
        minimumRps: (breakerCallsMin * 1_000) / breakerSampleMs,
      }),
      ...(initialState === undefined ? {} : { initialState }),
    });
    policy.onBreak(() => {
      this.opened += 1;
      this.#deps.opened(this.waitMs);
    });
    policy.onReset(() => this.#deps.closed());
    return policy;
  }
}
