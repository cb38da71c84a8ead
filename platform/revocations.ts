/** Which verified tokens no longer hold. Keeps the list of live revocations for seconds, so that a check costs nothing and a revocation is
 *  known soon; where the list comes from is its owner's. An entry that was told directly counts at once. */
import type { Revocation } from "../schemas/revocation.ts";
import type { Claims } from "./claims.ts";
import { messageOf } from "./errors.ts";
import { logWarning } from "./log.ts";
import { withTimeout } from "./timeout.ts";

/** A revocation is known everywhere within this and the time of a read. */
export const revocationsFreshMs = 3_000;
const readTimeoutMs = 2_000;
/** Twenty renewals of a relay: one that was not told and could not read for as long leaves the rest to the tokens' own end. */
const recentMs = 10 * 60_000;

export type ReadRevocations = (nowMs: number) => Promise<readonly Revocation[]>;

/** Whether an entry ends this token. A user's new token, issued after the entry, is a new login. */
export function isRevokedBy({ kind, value, revokedMs, untilMs }: Revocation, { jti, sid, sub, iat = 0 }: Claims, nowMs: number): boolean {
  if (nowMs >= untilMs) return false;
  if (kind === "jti") return jti === value;
  if (kind === "sid") return sid === value;
  // `iat` is in whole seconds: what was issued in the very second of the revocation counts as before it.
  return sub === value && iat * 1_000 <= revokedMs;
}

export class Revocations {
  readonly #read: ReadRevocations;
  #list = new Map<string, Revocation>();
  #isKnown = false;
  #triedMs = Number.NEGATIVE_INFINITY;

  constructor(read: ReadRevocations) {
    this.#read = read;
  }

  /** Looks at the list as it was a few seconds ago at most. While it can't be read the last one counts: an outage of the store must not
   *  be one of every token, and tokens end by themselves. */
  async covers(claims: Claims, nowMs: number): Promise<boolean> {
    if (claims.jti === undefined && claims.sid === undefined && claims.sub === undefined) return false;
    if (nowMs - this.#triedMs >= revocationsFreshMs) await this.#renew(nowMs);
    return this.isKnownFor(claims, nowMs);
  }

  /** By what is known right now. */
  isKnownFor(claims: Claims, nowMs: number): boolean {
    const { jti, sid, sub } = claims;
    const entries = [this.#list.get(`jti:${jti}`), this.#list.get(`sid:${sid}`), this.#list.get(`sub:${sub}`)];
    return entries.some((entry) => entry !== undefined && isRevokedBy(entry, claims, nowMs));
  }

  /** Whether something was revoked lately: then whoever was not told must look at the tokens it has accepted. */
  async hasRecent(nowMs: number): Promise<boolean> {
    if (nowMs - this.#triedMs >= revocationsFreshMs) await this.#renew(nowMs);
    return [...this.#list.values()].some(({ revokedMs }) => revokedMs > nowMs - recentMs);
  }

  /** Told before the list says so. */
  add(revocation: Revocation): void {
    this.#list.set(keyOf(revocation), revocation);
  }

  async #renew(nowMs: number): Promise<void> {
    // With a list at hand one request reads and the others go on; the very first ones wait for their own read.
    if (this.#isKnown) this.#triedMs = nowMs;
    try {
      const list = await withTimeout(this.#read(nowMs), readTimeoutMs, "the revocations");
      const told = [...this.#list.values()].filter(({ revokedMs }) => revokedMs > nowMs - revocationsFreshMs);
      this.#list = new Map([...told, ...list].map((entry) => [keyOf(entry), entry]));
      this.#isKnown = true;
    } catch (error) {
      logWarning("revocations.unread", { reason: messageOf(error) });
    }
    this.#triedMs = nowMs;
  }
}

function keyOf({ kind, value }: Revocation): string {
  return `${kind}:${value}`;
}
