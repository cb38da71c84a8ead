/** What a deployment consists of, as one short tag: the bundle, the configuration and the secrets. The same tag on the version that serves means
 *  that there is nothing to deploy. */
import { createHash, createHmac } from "node:crypto";
import type { Settings } from "./environment.ts";

/** Cloudflare takes 25 characters. */
const tagHexChars = 20;

/** `bundle` is the Worker's code. Secrets enter keyed by the token: a tag is readable in the dashboard. */
export function fingerprint(bundle: string, config: object, { secrets, account }: Settings): string {
  const named = Object.entries(secrets).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return createHash("sha256")
    .update(JSON.stringify(config))
    .update(bundle)
    .update(createHmac("sha256", account.apiToken).update(JSON.stringify(named)).digest())
    .digest("hex")
    .slice(0, tagHexChars);
}
