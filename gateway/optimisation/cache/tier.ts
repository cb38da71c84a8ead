/** A cache behind a time limit and a breaker: one that fails or stalls is one that holds nothing, and is left alone for a while. */
import { admit, afterAnswer, afterFailure, closedBreaker } from "../../../platform/breaker.ts";
import type { Breaker } from "../../../platform/breaker.ts";
import { messageOf } from "../../../platform/errors.ts";
import { logWarning } from "../../../platform/log.ts";
import { withTimeout } from "../../../platform/timeout.ts";
import type { CacheTag } from "../../../schemas/cache.ts";
import type { Kept } from "../../../stores/api-cache.ts";

export interface TierStore {
  read(hash: string): Promise<Uint8Array | undefined>;
  write(hash: string, kept: Kept): Promise<void>;
  /** Epoch ms of what this store tells about a tag; 0 when nothing. */
  stamp(tag: CacheTag): Promise<number>;
}

export interface TierOptions {
  readonly name: "colo" | "kv";
  readonly timeoutMs: number;
  readonly writeTimeoutMs: number;
  clock(): number;
}

export class Tier {
  readonly #store: TierStore;
  readonly #options: TierOptions;
  #breaker: Breaker = closedBreaker;
  failures = 0;

  constructor(store: TierStore, options: TierOptions) {
    this.#store = store;
    this.#options = options;
  }

  get name(): TierOptions["name"] {
    return this.#options.name;
  }

  read(hash: string): Promise<Uint8Array | undefined> {
    return this.#attempt(() => this.#store.read(hash));
  }

  /** Nobody waits for a write: it is not tried while reads fail, and says nothing about them. */
  async write(hash: string, kept: Kept): Promise<void> {
    if (this.#breaker.kind === "open") return;
    try {
      await withTimeout(this.#store.write(hash, kept), this.#options.writeTimeoutMs, this.name);
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Undefined when the store did not tell. */
  stamp(tag: CacheTag): Promise<number | undefined> {
    return this.#attempt(() => this.#store.stamp(tag));
  }

  async #attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
    const startedAtMs = this.#options.clock();
    const { admitted, breaker } = admit(this.#breaker, startedAtMs);
    this.#breaker = breaker;
    if (!admitted) return undefined;
    try {
      const result = await withTimeout(work(), this.#options.timeoutMs, this.name);
      this.#breaker = afterAnswer(this.#options.clock());
      return result;
    } catch (error) {
      this.#breaker = afterFailure(this.#breaker, { startedAtMs, nowMs: this.#options.clock() });
      this.#failed(error);
      return undefined;
    }
  }

  #failed(error: unknown): void {
    this.failures += 1;
    logWarning("cache.tier.failed", { tier: this.name, reason: messageOf(error) });
  }
}
