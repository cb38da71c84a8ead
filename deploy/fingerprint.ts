/** What a deployment consists of, as one short tag: the bundle, the configuration and the secrets. The same tag on the version that serves means
 *  that there is nothing to deploy. */
import { createHash, createHmac } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Settings } from "./environment.ts";

/** Cloudflare takes 25 characters. */
const tagHexChars = 20;

/** `bundle` is the folder that `wrangler deploy --dry-run --outdir` filled. Secrets enter keyed by the token: a tag is readable in the dashboard. */
export function fingerprint(bundle: string, config: object, { secrets, account }: Settings): string {
  const hash = createHash("sha256").update(JSON.stringify(config));
  for (const name of readdirSync(bundle).toSorted()) {
    // The map names paths of the machine it was made on, the README its time.
    if (name.endsWith(".map") || name === "README.md") continue;
    hash.update(name).update(readFileSync(join(bundle, name)));
  }
  const named = Object.entries(secrets).toSorted(([a], [b]) => (a < b ? -1 : 1));
  hash.update(createHmac("sha256", account.apiToken).update(JSON.stringify(named)).digest());
  return hash.digest("hex").slice(0, tagHexChars);
}
