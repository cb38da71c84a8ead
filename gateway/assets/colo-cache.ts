/** Small assets in this colo's cache, before R2. A cache that fails is a cache that has nothing. */
import { messageOf } from "../../platform/errors.ts";
import { logWarning } from "../../platform/log.ts";
import type { AssetFacts } from "../../stores/assets.ts";
import { coloKeepSeconds } from "./policy.ts";

export interface CachedAsset {
  readonly facts: AssetFacts;
  readonly ageSeconds: number;
  readonly bytes: Uint8Array;
}

/** `cache` is `caches.default`; `origin` is part of the name, as the cache belongs to a zone. */
export class ColoCache {
  readonly #cache: Cache;
  readonly #origin: string;

  constructor(cache: Cache, origin: string) {
    this.#cache = cache;
    this.#origin = origin;
  }

  async find(key: string, nowMs: number): Promise<CachedAsset | undefined> {
    try {
      const found = await this.#cache.match(this.#name(key));
      return found === undefined ? undefined : await read(key, found, nowMs);
    } catch (error) {
      logWarning("assets.cache.failed", { key, reason: messageOf(error) });
      return undefined;
    }
  }

  async put({ key, etag, uploadedMs, sha256 }: AssetFacts, bytes: Uint8Array, nowMs: number): Promise<void> {
    const headers = new Headers({
      "cache-control": `max-age=${coloKeepSeconds(key)}`,
      [heldName]: JSON.stringify({ etag, uploadedMs, nowMs, sha256 }),
    });
    await this.#attempt(key, () => this.#cache.put(this.#name(key), new Response(bytes, { headers })));
  }

  /** In this colo; others keep theirs until its time is over. */
  async forget(key: string): Promise<void> {
    await this.#attempt(key, () => this.#cache.delete(this.#name(key)));
  }

  async #attempt(key: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      logWarning("assets.cache.failed", { key, reason: messageOf(error) });
    }
  }

  #name(key: string): string {
    return `${this.#origin}/assets/${key}`;
  }
}

/** Not `etag`: the cache would act on it. */
const heldName = "x-asset";

async function read(key: string, found: Response, nowMs: number): Promise<CachedAsset | undefined> {
  const held = JSON.parse(found.headers.get(heldName) ?? "{}") as Partial<AssetFacts & { nowMs: number }>;
  const bytes = new Uint8Array(await found.arrayBuffer());
  const { etag, uploadedMs, sha256, nowMs: storedMs } = held;
  if (etag === undefined || uploadedMs === undefined || storedMs === undefined) return undefined;
  const ageSeconds = Math.max(0, Math.floor((nowMs - storedMs) / 1_000));
  return { facts: { key, bytes: bytes.byteLength, etag, uploadedMs, sha256 }, ageSeconds, bytes };
}
