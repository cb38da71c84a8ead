/** An issuer's public keys (RFC 7517), fetched when needed and kept: bounded in size, time and frequency, so that neither the issuer nor a
 *  flood of forged tokens can hold the edge. Which algorithms count is token.ts's. */
import { createLocalJWKSet, errors, type CryptoKey, type JSONWebKeySet, type JWK, type JWTHeaderParameters } from "jose";
import { z } from "zod";
import { readBoundedText } from "./bounded-text.ts";
import { AppError, messageOf } from "./errors.ts";
import { logWarning } from "./log.ts";

/** Keys are fetched again after this: a key that its issuer took back is not trusted for long. */
const freshMs = 10 * 60_000;
/** …but an issuer that is down does not end everybody's session: its last keys hold for a day. */
const keptMs = 24 * 3_600_000;
/** A token with an unknown key fetches at most this often. */
const coolDownMs = 30_000;
/** Without any keys every token waits for them: tried again soon. */
const emptyCoolDownMs = 5_000;
const fetchTimeoutMs = 3_000;
/** Hundreds of keys: more is not a key set. */
const bodyBytesMax = 65_536;
const keysMax = 100;

/** Public keys only: a symmetric or private key in a public document is a secret that is none. */
const PublicKey = z.looseObject({ kty: z.enum(["RSA", "EC", "OKP"]), d: z.never().optional(), k: z.never().optional() });
const KeySetText = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).max(keysMax) });

type FindKey = (header: JWTHeaderParameters) => Promise<CryptoKey>;
export type Fetch = (url: string, init: { redirect: "manual"; signal: AbortSignal }) => Promise<Response>;

export class KeySet {
  readonly #url: string;
  readonly #fetch: Fetch;
  #kept: { readonly find: FindKey; readonly atMs: number } | undefined;
  #triedMs = Number.NEGATIVE_INFINITY;

  constructor(url: string, fetchKeys: Fetch = (to, init) => fetch(to, init)) {
    this.#url = url;
    this.#fetch = fetchKeys;
  }

  /** The key a token names. Throws jose's error when there is none, UPSTREAM_UNAVAILABLE when the keys can't be had. */
  async find(header: JWTHeaderParameters, nowMs: number): Promise<CryptoKey> {
    const age = nowMs - (this.#kept?.atMs ?? Number.NEGATIVE_INFINITY);
    if (age > freshMs) await this.#renew(nowMs);
    try {
      return await this.#findKept(header, nowMs);
    } catch (error) {
      // Perhaps signed with a key that is newer than ours.
      if (!(error instanceof errors.JWKSNoMatchingKey) || !(await this.#renew(nowMs))) throw error;
      return this.#findKept(header, nowMs);
    }
  }

  #findKept(header: JWTHeaderParameters, nowMs: number): Promise<CryptoKey> {
    const kept = this.#kept;
    if (kept === undefined || nowMs - kept.atMs > keptMs) {
      throw new AppError("UPSTREAM_UNAVAILABLE", "the keys of the token's issuer are out of reach", { retryAfterSeconds: 5 });
    }
    return kept.find(header);
  }

  /** Whether the keys are new. Not shared between requests: a request that is cancelled would take the others' answer with it. */
  async #renew(nowMs: number): Promise<boolean> {
    const isFirst = this.#kept === undefined;
    if (nowMs - this.#triedMs < (isFirst ? emptyCoolDownMs : coolDownMs)) return false;
    // With keys at hand one request asks and the others go on with those; without any, each has to ask.
    if (!isFirst) this.#triedMs = nowMs;
    try {
      this.#kept = { find: createLocalJWKSet(await this.#load()), atMs: nowMs };
      return true;
    } catch (error) {
      logWarning("token.keys.unread", { reason: messageOf(error) });
      return false;
    } finally {
      this.#triedMs = nowMs;
    }
  }

  async #load(): Promise<JSONWebKeySet> {
    const response = await this.#fetch(this.#url, { redirect: "manual", signal: AbortSignal.timeout(fetchTimeoutMs) });
    if (response.status !== 200) throw new Error(`the key set answered ${response.status}`);
    const { keys } = KeySetText.parse(JSON.parse(await readBoundedText(response, { bytesMax: bodyBytesMax, what: "the key set" })));
    return { keys: keys.filter((key) => PublicKey.safeParse(key).success) as JWK[] };
  }
}

const keySets = new Map<string, KeySet>();

/** One per address and isolate. There is one address in a configuration. */
export function keySetOf(url: string): KeySet {
  const known = keySets.get(url) ?? new KeySet(url);
  keySets.set(url, known);
  return known;
}
