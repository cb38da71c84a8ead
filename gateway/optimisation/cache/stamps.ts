/** When each tag last changed and was last purged, as far as this isolate knows: its own changes at once, the colo's within a second, purges
 *  from everywhere within a minute. What cannot be asked is as it was last known: answers then live out their time, which is as short. */
import type { CacheTag } from "../../../schemas/cache.ts";
import { changeFreshMs, purgeFreshMs } from "../../../schemas/limits-cache.ts";
import type { Stamps } from "./judge.ts";
import type { Tier } from "./tier.ts";

interface Known {
  readonly atMs: number;
  readonly askedAtMs: number;
}

const unknown: Known = { atMs: 0, askedAtMs: Number.NEGATIVE_INFINITY };

export interface StampSources {
  readonly colo: Pick<Tier, "stamp">;
  readonly kv: Pick<Tier, "stamp">;
  /** Of this isolate. */
  changedHereMs(tag: CacheTag): number;
}

export class TagStamps {
  readonly #sources: StampSources;
  readonly #changed = new Map<CacheTag, Known>();
  readonly #purged = new Map<CacheTag, Known>();

  constructor(sources: StampSources) {
    this.#sources = sources;
  }

  async of(tag: CacheTag, nowMs: number, waitUntil: (work: Promise<unknown>) => void): Promise<Stamps> {
    const changed = this.#changed.get(tag) ?? unknown;
    const purged = this.#purged.get(tag) ?? unknown;
    const isChangeOld = nowMs - changed.askedAtMs >= changeFreshMs;
    const isPurgeOld = nowMs - purged.askedAtMs >= purgeFreshMs;
    const changeAsked = isChangeOld ? this.#ask(this.#changed, tag, { from: this.#sources.colo, nowMs }) : undefined;
    const purgeAsked = isPurgeOld ? this.#ask(this.#purged, tag, { from: this.#sources.kv, nowMs }) : undefined;
    await changeAsked;
    // KV may be far: only a fresh isolate, which knows nothing, waits for it.
    if (purged === unknown) await purgeAsked;
    else if (purgeAsked !== undefined) waitUntil(purgeAsked);
    return {
      changedMs: Math.max(this.#sources.changedHereMs(tag), this.#changed.get(tag)?.atMs ?? 0),
      purgedMs: this.#purged.get(tag)?.atMs ?? 0,
    };
  }

  /** By an operator whose request came to this isolate. */
  purgedHere(tag: CacheTag, atMs: number): void {
    const known = this.#purged.get(tag) ?? unknown;
    this.#purged.set(tag, { ...known, atMs: Math.max(known.atMs, atMs) });
  }

  async #ask(known: Map<CacheTag, Known>, tag: CacheTag, { from, nowMs }: { from: Pick<Tier, "stamp">; nowMs: number }): Promise<void> {
    const before = known.get(tag);
    // Others go on meanwhile with what is known; where nothing is, each asks.
    if (before !== undefined) known.set(tag, { ...before, askedAtMs: nowMs });
    const atMs = (await from.stamp(tag)) ?? 0;
    known.set(tag, { atMs: Math.max(atMs, known.get(tag)?.atMs ?? 0), askedAtMs: nowMs });
  }
}
