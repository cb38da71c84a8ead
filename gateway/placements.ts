/** How many relays each region has, as operators set it and as this isolate has learned: read from KV once in some seconds. */
import { messageOf } from "../platform/errors.ts";
import { logWarning } from "../platform/log.ts";
import { withTimeout } from "../platform/timeout.ts";
import type { LocationHint } from "../platform/config.ts";
import { defaultPlacement, shardsMax, type Placement } from "../schemas/placement.ts";
import { readPlacement } from "../stores/placement.ts";

const freshMs = 10_000;
const readTimeoutMs = 1_000;
/** A region that did not answer is passed over for this long, then somebody tries it again. */
const silentMs = 10_000;
/** A relay beyond the configured ones that took a socket is asked like them for this long: its region is full. */
const learnedMs = 10 * 60_000;

export class Placements {
  readonly #read: () => Promise<Placement>;
  #placement = defaultPlacement;
  #readAt = Number.NEGATIVE_INFINITY;
  readonly #silent = new Map<LocationHint, number>();
  readonly #learned = new Map<LocationHint, { readonly shards: number; readonly until: number }>();

  constructor(read: () => Promise<Placement>) {
    this.#read = read;
  }

  /** The last one known while KV does not answer: sockets must not wait for it. */
  async now(nowMs: number): Promise<Placement> {
    if (nowMs - this.#readAt >= freshMs) await this.#renew(nowMs);
    const shards = { ...this.#placement.shards };
    for (const [region, learned] of this.#learned) {
      if (learned.until > nowMs) shards[region] = Math.max(shards[region] ?? 1, learned.shards);
    }
    const silent = [...this.#silent].filter(([, until]) => until > nowMs).map(([region]) => region);
    return { ...this.#placement, shards, drained: [...this.#placement.drained, ...silent] };
  }

  /** A relay of the region did not answer: others do not wait for it as well. */
  silent(region: LocationHint, nowMs: number): void {
    this.#silent.set(region, nowMs + silentMs);
  }

  /** A relay took a socket. */
  took(region: LocationHint, shard: number, nowMs: number): void {
    const known = Math.max(this.#placement.shards[region] ?? 1, this.#learned.get(region)?.shards ?? 1);
    if (shard >= known && shard < shardsMax) this.#learned.set(region, { shards: shard + 1, until: nowMs + learnedMs });
  }

  async #renew(nowMs: number): Promise<void> {
    // Whoever comes meanwhile goes on with what is known.
    this.#readAt = nowMs;
    try {
      this.#placement = await withTimeout(this.#read(), readTimeoutMs, "placement");
    } catch (error) {
      logWarning("placement.unread", { reason: messageOf(error) });
    }
  }
}

const known = new WeakMap<Env, Placements>();

/** One per isolate. */
export function placementsOf(env: Env): Placements {
  const kept = known.get(env) ?? new Placements(() => readPlacement(env.CONFIG_CACHE));
  known.set(env, kept);
  return kept;
}
