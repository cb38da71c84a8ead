/** The public halves of our own key pairs, as the owner of this list reads them: kept for a minute, so that a check costs no read and a key
 *  that was taken back is not trusted for long. A name that is not known is looked for again, seldom enough that forged names cost nothing. */
import { importJWK, type CryptoKey } from "jose";
import { z } from "zod";
import { AppError, messageOf } from "./errors.ts";
import { logWarning } from "./log.ts";
import { withTimeout } from "./timeout.ts";

/** Every key of ours is named like this, and no other issuer's key is looked for by such a name. */
export const ownKeyPrefix = "edge.";
export const ownAlgorithm = "ES256";

/** Of the curve of ES256 and without a private half. */
export const PublicJwk = z.strictObject({
  kty: z.literal("EC"),
  crv: z.literal("P-256"),
  x: z.string().length(43),
  y: z.string().length(43),
});
export type PublicJwk = z.infer<typeof PublicJwk>;

export interface PublishedKey {
  readonly kid: string;
  readonly jwk: PublicJwk;
  /** It verifies until then. */
  readonly untilMs: number;
}

export type ReadKeys = (nowMs: number) => Promise<readonly PublishedKey[]>;

export const ownKeysFreshMs = 60_000;
/** A failed read is tried again after this, and unknown names are looked for this often… */
const coolDownMs = 3_000;
/** …after so many at once: a key that signs from the moment it is made is found even right after a forged name. */
export const lookupsBurst = 5;
const readTimeoutMs = 2_000;

export class OwnKeys {
  readonly #read: ReadKeys;
  #kept: { readonly keys: ReadonlyMap<string, PublishedKey>; readonly atMs: number } | undefined;
  #failedMs = Number.NEGATIVE_INFINITY;
  #lookups = { left: lookupsBurst, atMs: Number.NEGATIVE_INFINITY };
  #imported = new Map<string, CryptoKey>();

  constructor(read: ReadKeys) {
    this.#read = read;
  }

  /** Undefined for a name that is none of ours, or no longer. Throws UPSTREAM_UNAVAILABLE when the keys were never read. */
  async find(kid: string, nowMs: number): Promise<CryptoKey | undefined> {
    const kept = await this.#keysAt(nowMs, (keys) => !keys.has(kid));
    const key = kept.get(kid);
    if (key === undefined || nowMs >= key.untilMs) return undefined;
    const imported = this.#imported.get(kid) ?? ((await importJWK({ ...key.jwk }, ownAlgorithm)) as CryptoKey);
    this.#imported.set(kid, imported);
    return imported;
  }

  /** All that verify. Throws UPSTREAM_UNAVAILABLE when they were never read. */
  async list(nowMs: number): Promise<PublishedKey[]> {
    const kept = await this.#keysAt(nowMs, () => false);
    return [...kept.values()].filter(({ untilMs }) => nowMs < untilMs);
  }

  /** Read anew with the next question: somebody here has changed them. */
  forget(): void {
    this.#kept = undefined;
    this.#failedMs = Number.NEGATIVE_INFINITY;
  }

  async #keysAt(
    nowMs: number,
    isLacking: (keys: ReadonlyMap<string, PublishedKey>) => boolean,
  ): Promise<ReadonlyMap<string, PublishedKey>> {
    const kept = this.#kept;
    const isDue = kept === undefined || nowMs - kept.atMs >= ownKeysFreshMs || (isLacking(kept.keys) && this.#mayLookUp(nowMs));
    if (isDue && nowMs - this.#failedMs >= coolDownMs) await this.#renew(nowMs);
    if (this.#kept === undefined) throw new AppError("UPSTREAM_UNAVAILABLE", "our keys are out of reach", { retryAfterSeconds: 3 });
    return this.#kept.keys;
  }

  #mayLookUp(nowMs: number): boolean {
    const { left, atMs } = this.#lookups;
    const now = Math.min(lookupsBurst, left + Math.max(0, nowMs - atMs) / coolDownMs);
    this.#lookups = { left: now < 1 ? now : now - 1, atMs: nowMs };
    return now >= 1;
  }

  /** While they cannot be read the last ones count: each has its own end. */
  async #renew(nowMs: number): Promise<void> {
    const before = this.#kept;
    // With keys at hand one request reads and the others go on; without any, each waits for its own read.
    if (before !== undefined) this.#kept = { ...before, atMs: nowMs };
    try {
      const keys = await withTimeout(this.#read(nowMs), readTimeoutMs, "our keys");
      this.#kept = { keys: new Map(keys.map((key) => [key.kid, key])), atMs: nowMs };
      this.#imported = new Map([...this.#imported].filter(([kid]) => this.#kept?.keys.has(kid)));
    } catch (error) {
      this.#failedMs = nowMs;
      this.#kept = before;
      logWarning("token.own_keys.unread", { reason: messageOf(error) });
    }
  }
}
