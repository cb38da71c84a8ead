/** A namespace of KV in a backup, as one slice: values with their metadata and their end. It is configuration, so there are few keys. */
import { backupKeysMax } from "../schemas/limits-backups.ts";
import { bodyOf, bytesOfBody } from "./backups-body.ts";
import type { KeptBody } from "./backups-body.ts";
import type { Compared } from "./backups-rules.ts";

interface KeptKey extends KeptBody {
  readonly key: string;
  readonly metadata?: unknown;
  /** Seconds since 1970. */
  readonly expiration?: number;
}

/** KV refuses an end that is nearer. */
const expirationSecondsMin = 60;

type ListedKey = KVNamespaceListKey<unknown>;

async function listKeys(namespace: KVNamespace): Promise<ListedKey[]> {
  const keys: ListedKey[] = [];
  for (let cursor: string | undefined, more = true; more;) {
    const page: KVNamespaceListResult<unknown> = await namespace.list(cursor === undefined ? {} : { cursor });
    keys.push(...page.keys);
    if (keys.length > backupKeysMax) throw new Error(`it has more than ${backupKeysMax} keys`);
    more = !page.list_complete;
    if (!page.list_complete) ({ cursor } = page);
  }
  return keys;
}

/** Throws when there are more than a backup takes. */
export async function readKeys(namespace: KVNamespace): Promise<string[]> {
  const lines: string[] = [];
  for (const { name, expiration } of await listKeys(namespace)) {
    const { value, metadata } = await namespace.getWithMetadata(name, "arrayBuffer");
    // Gone since it was listed.
    if (value === null) continue;
    const kept: KeptKey = {
      key: name,
      ...bodyOf(new Uint8Array(value)),
      ...(metadata === null ? {} : { metadata }),
      ...(expiration === undefined ? {} : { expiration }),
    };
    lines.push(JSON.stringify(kept));
  }
  return lines;
}

/** Keys whose time is over, or nearly, stay away: KV would refuse them. */
function keptKeys(lines: readonly string[], nowMs: number): KeptKey[] {
  const kept = lines.map((line) => JSON.parse(line) as KeptKey);
  return kept.filter(({ expiration }) => expiration === undefined || expiration >= nowMs / 1_000 + expirationSecondsMin);
}

export async function compareKeys(namespace: KVNamespace, lines: readonly string[], nowMs: number): Promise<Compared> {
  const present = new Map((await listKeys(namespace)).map((key) => [key.name, key]));
  const kept = keptKeys(lines, nowMs);
  let matched = 0;
  let same = 0;
  for (const key of kept) {
    const found = present.get(key.key);
    if (found === undefined) continue;
    matched += 1;
    if (await isSame(namespace, key, found)) same += 1;
  }
  return { total: kept.length, matched, same, present: present.size };
}

async function isSame(namespace: KVNamespace, kept: KeptKey, found: ListedKey): Promise<boolean> {
  if (kept.expiration !== found.expiration) return false;
  const { value, metadata } = await namespace.getWithMetadata(kept.key, "arrayBuffer");
  if (value === null || JSON.stringify(metadata) !== JSON.stringify(kept.metadata ?? null)) return false;
  const { text, base64 } = bodyOf(new Uint8Array(value));
  return text === kept.text && base64 === kept.base64;
}

/** Afterwards it has the backup's keys and no others. One that is as it was costs no write. */
export async function writeKeys(namespace: KVNamespace, lines: readonly string[], nowMs: number): Promise<void> {
  const present = new Map((await listKeys(namespace)).map((key) => [key.name, key]));
  const kept = keptKeys(lines, nowMs);
  for (const key of kept) {
    const found = present.get(key.key);
    if (found !== undefined && (await isSame(namespace, key, found))) continue;
    await namespace.put(key.key, bytesOfBody(key), {
      ...(key.metadata === undefined ? {} : { metadata: key.metadata }),
      ...(key.expiration === undefined ? {} : { expiration: key.expiration }),
    });
  }
  const names = new Set(kept.map(({ key }) => key));
  for (const name of present.keys()) if (!names.has(name)) await namespace.delete(name);
}
