/** Whether one of our secrets signed a token (HS256), asked before anything in it is read. Imports each secret once, and remembers texts that none of
 *  them signed: who shows one again costs a look. */
import { base64url } from "jose";
import { Remembered } from "./remembered.ts";

/** Texts of up to this length, twice as many: half a megabyte at the most. */
const forgedRemembered = 256;
const forgedCharsMax = 1_024;
/** An isolate has one secret and perhaps the one before it; tests have more. */
const secretsKept = 8;

const encoder = new TextEncoder();
const algorithm = { name: "HMAC", hash: "SHA-256" } as const;

export type HmacKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

interface Secret {
  key: HmacKey | undefined;
  readonly forged: Remembered<true>;
}

const secrets = new Map<string, Secret>();

/** The key of the first secret that signed it. `token` is three parts of strict base64url. */
export async function signerOf(token: string, candidates: readonly string[]): Promise<HmacKey | undefined> {
  for (const text of candidates) {
    const secret = secretOf(text);
    if (secret.forged.find(token) !== undefined) continue;
    const key = (secret.key ??= await crypto.subtle.importKey("raw", encoder.encode(text), algorithm, false, ["verify"]));
    if (await isSignedBy(key, token)) return key;
    secret.forged.put(token, true);
  }
  return undefined;
}

async function isSignedBy(key: HmacKey, token: string): Promise<boolean> {
  const end = token.lastIndexOf(".");
  const signature = new Uint8Array(base64url.decode(token.slice(end + 1)));
  return await crypto.subtle.verify(algorithm, key, signature, encoder.encode(token.slice(0, end)));
}

function secretOf(text: string): Secret {
  const known = secrets.get(text);
  if (known !== undefined) return known;
  const secret: Secret = { key: undefined, forged: new Remembered<true>(forgedRemembered, forgedCharsMax) };
  if (secrets.size >= secretsKept) secrets.clear();
  secrets.set(text, secret);
  return secret;
}
