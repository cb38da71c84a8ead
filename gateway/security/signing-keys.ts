/** Our own key pairs (ES256): the published halves every reader of tokens in this isolate looks at, the one that signs, and its successor. */
import { exportJWK, generateKeyPair, importJWK, type CryptoKey, type JWK } from "jose";
import { configOf } from "../../platform/config.ts";
import { AppError } from "../../platform/errors.ts";
import { logWarning } from "../../platform/log.ts";
import { ownAlgorithm, ownKeyPrefix, OwnKeys, PublicJwk } from "../../platform/own-keys.ts";
import type { AuditRow } from "../../schemas/audit.ts";
import { tokenSecondsMax } from "../../schemas/token-limits.ts";
import { noEndMs, putSigningKey, readPublishedKeys, readSigners, type NewKey, type Succession } from "../../stores/signing-keys.ts";
import { secretsOf } from "./derived-keys.ts";
import { openPrivateKey, sealPrivateKey } from "./signing-keys-box.ts";

const known = new WeakMap<object, OwnKeys>();

/** One list per isolate. */
export function ownKeysOf(env: Env): OwnKeys {
  const kept = known.get(env) ?? new OwnKeys((nowMs) => readPublishedKeys(env, nowMs));
  known.set(env, kept);
  return kept;
}

export interface SigningKey {
  readonly kid: string;
  readonly key: CryptoKey;
}

/** The pair that signs now. Makes one when there is none, or none that our secrets can open. Throws what D1 throws. */
export async function signingKeyOf(env: Env, nowMs: number): Promise<SigningKey> {
  const kept = await openSigner(env, nowMs);
  if (kept !== undefined) return kept.key;
  const hasSealed = (await readSigners(env, nowMs)).length > 0;
  if (hasSealed) logWarning("token.signing_keys.sealed", {});
  // What nobody can open signs no more: it verifies for as long as its last token may live.
  const othersUntilMs = nowMs + tokenSecondsMax * 1_000;
  await addSigningKey(env, { signsFromMs: nowMs, succession: { othersUntilMs, when: hasSealed ? "always" : "first" } }, madeBy(nowMs));
  const made = await openSigner(env, nowMs);
  if (made === undefined) throw new AppError("CAPACITY_EXCEEDED", "there are too many signing keys", { retryAfterSeconds: 60 });
  return made.key;
}

function madeBy(nowMs: number): AuditRow {
  return { action: "keys.rotated", actor: "edge", timeMs: nowMs, firstMs: nowMs, count: 1 };
}

async function openSigner(env: Env, nowMs: number): Promise<{ readonly key: SigningKey } | undefined> {
  for (const { kid, privateBox } of await readSigners(env, nowMs)) {
    const text = await openPrivateKey(privateBox, { kid, secrets: secretsOf(env) });
    if (text !== undefined) return { key: { kid, key: (await importJWK(JSON.parse(text) as JWK, ownAlgorithm)) as CryptoKey } };
  }
  return undefined;
}

export interface Addition {
  readonly signsFromMs: number;
  readonly succession: Succession;
}

/** The new key, or undefined when it was not stored (no room, or no need). */
export async function addSigningKey(env: Env, { signsFromMs, succession }: Addition, row: AuditRow): Promise<NewKey | undefined> {
  const pair = await generateKeyPair(ownAlgorithm, { extractable: true });
  const kid = `${ownKeyPrefix}${crypto.randomUUID().replaceAll("-", "").slice(0, 16)}`;
  const { kty, crv, x, y } = await exportJWK(pair.publicKey);
  const privateBox = await sealPrivateKey(JSON.stringify(await exportJWK(pair.privateKey)), { kid, secret: configOf(env).jwt.secret });
  const jwk = PublicJwk.parse({ kty, crv, x, y });
  const key: NewKey = { kid, jwk, privateBox, createdMs: row.timeMs, signsFromMs, untilMs: noEndMs };
  const stored = await putSigningKey(env, { key, succession }, { ...row, subject: kid });
  ownKeysOf(env).forget();
  return stored ? key : undefined;
}
