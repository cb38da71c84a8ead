/** Keys for one purpose each, derived from JWT_SECRET (HKDF, RFC 5869): no purpose's key says anything about another's or the secret. */
import { createHmac } from "node:crypto";
import { configOf } from "../../platform/config.ts";

export type KeyPurpose = "refresh-tokens" | "signing-keys";

const salt = "arbitragex-edge";
const derived = new Map<string, Uint8Array<ArrayBuffer>>();

/** Those that something may have been made under, the present one first. */
export function secretsOf(env: Env): string[] {
  const { secret, previousSecret } = configOf(env).jwt;
  return previousSecret === undefined ? [secret] : [secret, previousSecret];
}

/** 32 bytes: one block of SHA-256, so expanding is one step. */
export function derivedKey(secret: string, purpose: KeyPurpose): Uint8Array<ArrayBuffer> {
  const name = `${purpose}:${secret}`;
  const key = derived.get(name) ?? expand(createHmac("sha256", salt).update(secret).digest(), `${purpose}/v1`);
  derived.set(name, key);
  return key;
}

function expand(extracted: Uint8Array, info: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHmac("sha256", extracted).update(`${info}\u0001`).digest());
}
