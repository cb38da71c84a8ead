/** What is known of each of our secrets (HS256): its key, imported once, and texts that it did not sign: who shows one again costs a look. */
import type { CryptoKey } from "jose";
import { Remembered } from "./remembered.ts";

/** Texts of up to this length, twice as many: half a megabyte at the most. */
const forgedRemembered = 256;
const forgedCharsMax = 1_024;
/** An isolate has one secret and perhaps the one before it; tests have more. */
const secretsKept = 8;

const encoder = new TextEncoder();

export interface Secret {
  readonly key: Promise<CryptoKey>;
  readonly forged: Remembered<true>;
}

const secrets = new Map<string, Secret>();

export function secretOf(text: string): Secret {
  const known = secrets.get(text);
  if (known !== undefined) return known;
  const key = crypto.subtle.importKey("raw", encoder.encode(text), { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
  const secret: Secret = { key, forged: new Remembered<true>(forgedRemembered, forgedCharsMax) };
  if (secrets.size >= secretsKept) secrets.clear();
  secrets.set(text, secret);
  return secret;
}
