/** The private half of a key pair as it lies in D1: AES-256-GCM under a key derived from JWT_SECRET, bound to the pair's name. Whoever reads
 *  the database alone can sign nothing. */
import { base64url } from "jose";
import { derivedKey } from "./derived-keys.ts";

const ivBytes = 12;
const version = "1";

function cipherKey(secret: string): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", derivedKey(secret, "signing-keys"), "AES-GCM", false, ["encrypt", "decrypt"]);
}

function parameters(iv: Uint8Array<ArrayBuffer>, kid: string): SubtleCryptoEncryptAlgorithm {
  return { name: "AES-GCM", iv, additionalData: new TextEncoder().encode(kid) };
}

export async function sealPrivateKey(text: string, { kid, secret }: { readonly kid: string; readonly secret: string }): Promise<string> {
  const iv = crypto.getRandomValues(new Uint8Array(ivBytes));
  const sealed = await crypto.subtle.encrypt(parameters(iv, kid), await cipherKey(secret), new TextEncoder().encode(text));
  return [version, base64url.encode(iv), base64url.encode(new Uint8Array(sealed))].join(".");
}

/** Undefined when none of the secrets opens it. */
export async function openPrivateKey(
  box: string,
  { kid, secrets }: { readonly kid: string; readonly secrets: readonly string[] },
): Promise<string | undefined> {
  const [given, iv = "", sealed = ""] = box.split(".");
  if (given !== version) return undefined;
  for (const secret of secrets) {
    try {
      const by = parameters(new Uint8Array(base64url.decode(iv)), kid);
      const opened = await crypto.subtle.decrypt(by, await cipherKey(secret), new Uint8Array(base64url.decode(sealed)));
      return new TextDecoder().decode(opened);
    } catch {
      // Sealed under another secret, or spoiled: the next one may fit.
    }
  }
  return undefined;
}
