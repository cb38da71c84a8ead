/** The RateLimiter object: the allowances of the keys whose hash falls to it, exact among all isolates that ask. This shell remembers and
 *  writes down; what may be taken is decided in bucket.ts. A debt is written before it is worth more than a share of the burst, and then
 *  some way ahead: a death gives nobody a new burst, and a busy key costs a row for many requests. */
import { DurableObject } from "cloudflare:workers";
import { messageOf } from "../../platform/errors.ts";
import { logError } from "../../platform/log.ts";
import {
  limiterKeysMax,
  limiterLeaseMs,
  limiterLeaseReturnMs,
  limiterSaveAfterMs,
  limiterUnsavedShare,
} from "../../schemas/limits-requests.ts";
import type { Allowance, RateLimiterRpc, TakeReply, TakeRequest } from "../../schemas/rate-limit.ts";
import { emptyBucket, isWhole, takeFrom } from "./bucket.ts";
import type { Bucket } from "./bucket.ts";
import { originMs } from "./gcra.ts";
import { DebtStorage } from "./storage.ts";
import type { Debt } from "./storage.ts";

interface Entry {
  readonly bucket: Bucket;
  /** The `tat` that is written down: at least what is owed, less the share that may be lost. */
  readonly savedMs: number;
  /** What may be lost, as time at the steady rate. */
  readonly shareMs: number;
  readonly touchedMs: number;
}

export class RateLimiter extends DurableObject<Env> implements RateLimiterRpc {
  readonly #storage: DebtStorage;
  readonly #keys = new Map<string, Entry>();
  readonly #unsaved = new Set<string>();
  #leases = 0;
  #isTimed = false;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#storage = new DebtStorage(ctx.storage.sql);
    const nowMs = this.now();
    for (const [key, tatMs] of this.#storage.load(nowMs)) {
      this.#keys.set(key, { bucket: { tatMs, leases: [] }, savedMs: tatMs, shareMs: 0, touchedMs: nowMs });
    }
  }

  async take({ key, allowance, need, want, returned }: TakeRequest): Promise<TakeReply> {
    const nowMs = this.now();
    const before = this.#keys.get(key);
    this.#leases += 1;
    const terms = { nowMs, allowance, leaseMs: limiterLeaseReturnMs, leaseId: this.#leases };
    const taken = takeFrom(before?.bucket ?? emptyBucket, { need, want, returned }, terms);
    this.#remember(key, taken.bucket, { nowMs, allowance, savedMs: before?.savedMs ?? 0 });
    const { granted, lease, remaining, retryAfterMs } = taken;
    const fullAfterMs = Math.max(0, Math.ceil(taken.bucket.tatMs - nowMs));
    const held = lease === undefined ? {} : { lease: { id: lease.id, tokens: lease.tokens, ttlMs: limiterLeaseMs } };
    return { v: 1, granted, remaining, fullAfterMs, retryAfterMs, ...held };
  }

  protected now(): number {
    return Date.now() - originMs;
  }

  #remember(key: string, bucket: Bucket, { nowMs, allowance, savedMs }: { nowMs: number; allowance: Allowance; savedMs: number }): void {
    const owedMs = bucket.tatMs + (bucket.leases.length > 0 ? limiterLeaseReturnMs : 0);
    const shareMs = Math.floor(allowance.burst * limiterUnsavedShare) * allowance.intervalMs;
    const isCovered = Math.max(savedMs, nowMs + shareMs) >= owedMs;
    // No further than an empty allowance: what is ahead is lost to the key, should the object die now.
    const aheadMs = Math.min(owedMs + shareMs, nowMs + allowance.burst * allowance.intervalMs + limiterLeaseReturnMs);
    this.#keys.set(key, { bucket, savedMs: isCovered ? savedMs : Math.max(aheadMs, owedMs), shareMs, touchedMs: nowMs });
    this.#unsaved.add(key);
    // In this very turn: the answer leaves when the row is durable.
    if (!isCovered) this.#write([[key, Math.max(aheadMs, owedMs)]], nowMs);
    if (this.#keys.size > limiterKeysMax) this.#forget(nowMs);
    this.#settleLater();
  }

  #settleLater(): void {
    if (this.#isTimed) return;
    this.#isTimed = true;
    setTimeout(() => this.#settle(), limiterSaveAfterMs);
  }

  /** Writes what quiet keys owe exactly, unless it is so little that it may be lost: a row costs more than six calls. Forgets those that owe
   *  nothing. A timer keeps the object in memory, so it is a short one. */
  #settle(): void {
    this.#isTimed = false;
    try {
      const nowMs = this.now();
      const quiet = [...this.#unsaved].filter((key) => (this.#keys.get(key)?.touchedMs ?? 0) + limiterSaveAfterMs <= nowMs);
      const changed = quiet.flatMap((key) => this.#exactly(key, nowMs));
      for (const key of quiet) this.#unsaved.delete(key);
      this.#write(changed, nowMs);
      for (const [key, { bucket }] of this.#keys) if (isWhole(bucket, nowMs)) this.#keys.delete(key);
    } catch (error) {
      logError("limiter.save.failed", { reason: messageOf(error) });
    }
    if (this.#unsaved.size > 0) this.#settleLater();
  }

  #exactly(key: string, nowMs: number): Debt[] {
    const entry = this.#keys.get(key);
    const owedMs = entry?.bucket.tatMs ?? 0;
    if (entry === undefined || owedMs === entry.savedMs || owedMs <= nowMs + entry.shareMs) return [];
    this.#keys.set(key, { ...entry, savedMs: owedMs });
    return [[key, owedMs]];
  }

  #write(changed: readonly Debt[], nowMs: number): void {
    const all = (): Debt[] =>
      [...this.#keys]
        .map(([key, { bucket, savedMs }]): Debt => [key, Math.max(bucket.tatMs, savedMs)])
        .filter(([, tatMs]) => tatMs > nowMs);
    this.#storage.write(changed, all, nowMs);
  }

  /** Those that owe nothing, then those that owe least: they gain least by it. */
  #forget(nowMs: number): void {
    for (const [key, { bucket }] of this.#keys) if (isWhole(bucket, nowMs)) this.#keys.delete(key);
    const tooMany = this.#keys.size - Math.floor(limiterKeysMax * 0.9);
    if (tooMany <= 0) return;
    const owingLeast = [...this.#keys].sort(([, a], [, b]) => a.bucket.tatMs - b.bucket.tatMs).slice(0, tooMany);
    for (const [key] of owingLeast) this.#keys.delete(key);
  }
}
