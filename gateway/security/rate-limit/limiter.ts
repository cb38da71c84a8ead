/** Reaches the limiter that has a key: the first line, then the object in the client's region, with a short budget and a breaker for each
 *  region. What happens when nobody can count is the caller's to decide. */
import { hash64 } from "../../../platform/bytes.ts";
import { admit, afterAnswer, afterFailure, closedBreaker } from "../../../platform/breaker.ts";
import type { Breaker } from "../../../platform/breaker.ts";
import { messageOf } from "../../../platform/errors.ts";
import { logWarning } from "../../../platform/log.ts";
import { withPatience } from "../../../platform/timeout.ts";
import { rateLimiterStub } from "../../../durable-objects/stubs.ts";
import { firstLinePerMinute, limiterShards, limiterPatience } from "../../../schemas/limits-requests.ts";
import type { RateLimiterRpc, TakeReply } from "../../../schemas/rate-limit.ts";
import { LeaseBook } from "./lease-book.ts";
import type { Question, Standing } from "./lease-book.ts";
import type { Policy } from "./policy.ts";

export interface LimiterDeps {
  now(): number;
  limiter(env: Env, region: string, shard: number): RateLimiterRpc;
}

export const limiterDeps: LimiterDeps = { now: Date.now, limiter: rateLimiterStub };

export interface LimitOrder {
  readonly env: Env;
  /** Who asks: "user:…", "ip:…", "operator". */
  readonly who: string;
  readonly policy: Policy;
  /** Where the object stands: asked for only when it is needed. */
  region(): string;
  readonly isFirstLineOn: boolean;
  keep(work: Promise<unknown>): void;
}

/** Counters of this isolate, for operators. */
export interface LimiterCounts {
  decided: number;
  refused: number;
  calls: number;
  failures: number;
  firstLineRefusals: number;
}

export class Limiter {
  readonly counts: LimiterCounts = { decided: 0, refused: 0, calls: 0, failures: 0, firstLineRefusals: 0 };
  readonly #deps: LimiterDeps;
  readonly #book: LeaseBook;
  readonly #breakers = new Map<string, Breaker>();

  constructor(deps: LimiterDeps = limiterDeps) {
    this.#deps = deps;
    this.#book = new LeaseBook(() => deps.now());
  }

  /** A promise only when somebody has to be asked. */
  decide(order: LimitOrder): Standing | Promise<Standing> {
    this.counts.decided += 1;
    const { who, policy, keep } = order;
    const key = `${policy.name}|${who}`;
    const ask = (question: Question): Promise<TakeReply> => this.#ask(order, key, question);
    const standing = this.#book.take({ key, allowance: policy.allowance, ask, keep });
    return standing instanceof Promise ? this.#answered(order, key, standing) : this.#counted(standing);
  }

  /** Regions whose limiters do not answer. */
  openBreakers(): string[] {
    return [...this.#breakers].filter(([, { kind }]) => kind === "open").map(([region]) => region);
  }

  /** Where no limiter counts, the first line counts every request. */
  async #answered(order: LimitOrder, key: string, asked: Promise<Standing>): Promise<Standing> {
    const standing = await asked;
    if (standing.kind !== "unreachable" || (await this.#firstLine(order, key))) return this.#counted(standing);
    return this.#counted({ kind: "refused", ...floodedReply });
  }

  #counted(standing: Standing): Standing {
    if (standing.kind === "refused") this.counts.refused += 1;
    return standing;
  }

  async #firstLine({ env, policy, isFirstLineOn }: LimitOrder, key: string): Promise<boolean> {
    // Absent where the platform or a deployment has none; of no use where a policy allows more than it does.
    const binding = env.FIRST_LINE as RateLimit | undefined;
    if (binding === undefined || !isFirstLineOn || perMinute(policy) > firstLinePerMinute) return true;
    try {
      const { success } = await withPatience(binding.limit({ key }), limiterPatience, "the first line");
      if (!success) this.counts.firstLineRefusals += 1;
      return success;
    } catch (error) {
      logWarning("limiter.first_line.failed", { reason: messageOf(error) });
      return true;
    }
  }

  async #ask(order: LimitOrder, key: string, question: Question): Promise<TakeReply> {
    const { env, policy } = order;
    const region = order.region();
    const startedAtMs = this.#deps.now();
    const { admitted, breaker } = admit(this.#breakers.get(region) ?? closedBreaker, startedAtMs);
    this.#breakers.set(region, breaker);
    if (!admitted) throw new Error("the limiters of this region do not answer");
    // Before the object: it is there to keep a flood away from it.
    if (!(await this.#firstLine(order, key))) return { v: 1, granted: 0, ...floodedReply };
    this.counts.calls += 1;
    const hash = hash64(key);
    const shard = Number.parseInt(hash.slice(0, 4), 16) % limiterShards;
    try {
      const request = { v: 1, key: hash, allowance: policy.allowance, ...question } as const;
      const reply = await withPatience(this.#deps.limiter(env, region, shard).take(request), limiterPatience, "the limiter");
      this.#breakers.set(region, afterAnswer(this.#deps.now()));
      return reply;
    } catch (error) {
      this.counts.failures += 1;
      const nowMs = this.#deps.now();
      this.#breakers.set(region, afterFailure(this.#breakers.get(region) ?? closedBreaker, { startedAtMs, nowMs }));
      logWarning("limiter.unreachable", { region, shard, reason: messageOf(error) });
      throw error;
    }
  }
}

/** What the first line lets pass again is not known: a second later it is asked anew. */
const floodedReply = { remaining: 0, fullAfterMs: 60_000, retryAfterMs: 1_000 } as const;

function perMinute({ allowance: { burst, intervalMs } }: Policy): number {
  return burst + 60_000 / intervalMs;
}
