/** The hot configuration: every version and the live bans in D1 (SESSIONS_DB), which is the truth because it can refuse a second writer; one
 *  copy of what is in force in KV (CONFIG_CACHE), which every isolate reads. The copy is always made whole from the truth. */
import { bansMax, configVersionsKept } from "../schemas/limits-requests.ts";
import type { Ban, Published } from "../schemas/runtime-config.ts";

export interface ConfigStores {
  readonly SESSIONS_DB: D1Database;
  readonly CONFIG_CACHE: KVNamespace;
}

export interface ConfigVersion {
  readonly version: number;
  readonly atMs: number;
  readonly actor: string;
  readonly comment: string;
}

/** `text` is as it was stored: whoever uses it parses it. */
export type StoredConfig = ConfigVersion & { readonly text: string };

const key = "security";
/** The shortest that KV keeps an answer in a data centre. */
const cacheSeconds = 30;
/** KV takes one write a second for a key: the second of two quick changes is written by then. */
const secondWriteMs = 1_100;

/** What is in force, as text of an unknown version; null when nothing was ever set. Throws when KV does not answer. */
export function readPublished({ CONFIG_CACHE }: Pick<ConfigStores, "CONFIG_CACHE">): Promise<string | null> {
  return CONFIG_CACHE.get(key, { type: "text", cacheTtl: cacheSeconds });
}

/** Copies the truth to where isolates read it. Safe to do again. Throws when either store does not answer. */
export async function publish(stores: ConfigStores, nowMs: number): Promise<Published> {
  const [current, bans] = await Promise.all([findCurrent(stores), readBans(stores, nowMs)]);
  const published: Published = {
    v: 1,
    version: current?.version ?? 0,
    at_ms: nowMs,
    config: current === undefined ? { v: 1 } : jsonOf(current.text),
    bans: bans.map(({ network, untilMs }) => ({ network, until_ms: untilMs })),
  };
  const text = JSON.stringify(published);
  try {
    await stores.CONFIG_CACHE.put(key, text);
  } catch {
    await new Promise((resolve) => setTimeout(resolve, secondWriteMs));
    await stores.CONFIG_CACHE.put(key, text);
  }
  return published;
}

const columns = "version, at_ms AS atMs, actor, comment";

/** Undefined while no version was ever written. */
export async function findCurrent({ SESSIONS_DB }: Pick<ConfigStores, "SESSIONS_DB">): Promise<StoredConfig | undefined> {
  const row = await SESSIONS_DB.prepare(`SELECT ${columns}, text FROM runtime_config ORDER BY version DESC LIMIT 1`).first<StoredConfig>();
  return row ?? undefined;
}

export async function findVersion({ SESSIONS_DB }: Pick<ConfigStores, "SESSIONS_DB">, version: number): Promise<StoredConfig | undefined> {
  const statement = SESSIONS_DB.prepare(`SELECT ${columns}, text FROM runtime_config WHERE version = ?1`);
  return (await statement.bind(version).first<StoredConfig>()) ?? undefined;
}

/** The newest first. */
export async function readHistory({ SESSIONS_DB }: Pick<ConfigStores, "SESSIONS_DB">): Promise<ConfigVersion[]> {
  const statement = SESSIONS_DB.prepare(`SELECT ${columns} FROM runtime_config ORDER BY version DESC LIMIT ?1`);
  return (await statement.bind(configVersionsKept).all<ConfigVersion>()).results;
}

/** False when somebody else has written this version, or the one before it is not there: nothing was changed. */
export async function putVersion({ SESSIONS_DB }: Pick<ConfigStores, "SESSIONS_DB">, next: StoredConfig): Promise<boolean> {
  const { version, atMs, actor, comment, text } = next;
  const [stored] = await SESSIONS_DB.batch([
    SESSIONS_DB.prepare(
      `INSERT INTO runtime_config (version, at_ms, actor, comment, text)
       SELECT ?1, ?2, ?3, ?4, ?5 WHERE ?1 = (SELECT COALESCE(MAX(version), 0) + 1 FROM runtime_config)`,
    ).bind(version, atMs, actor, comment, text),
    SESSIONS_DB.prepare("DELETE FROM runtime_config WHERE version <= (SELECT MAX(version) FROM runtime_config) - ?1").bind(
      configVersionsKept,
    ),
  ]);
  return (stored?.meta.changes ?? 0) > 0;
}

const banColumns = "network, reason, actor, created_ms AS createdMs, until_ms AS untilMs";

/** Those that are live, the latest first. */
export async function readBans({ SESSIONS_DB }: Pick<ConfigStores, "SESSIONS_DB">, nowMs: number): Promise<Ban[]> {
  const statement = SESSIONS_DB.prepare(`SELECT ${banColumns} FROM bans WHERE until_ms > ?1 ORDER BY created_ms DESC LIMIT ?2`);
  return (await statement.bind(nowMs, bansMax).all<Ban>()).results;
}

/** False when there is no room: nothing was stored. A network that is banned already is banned by the new terms. */
export async function putBan({ SESSIONS_DB }: Pick<ConfigStores, "SESSIONS_DB">, ban: Ban, nowMs: number): Promise<boolean> {
  const { network, reason, actor, createdMs, untilMs } = ban;
  const [, stored] = await SESSIONS_DB.batch([
    SESSIONS_DB.prepare("DELETE FROM bans WHERE until_ms <= ?1").bind(nowMs),
    SESSIONS_DB.prepare(
      `INSERT INTO bans (network, reason, actor, created_ms, until_ms)
       SELECT ?1, ?2, ?3, ?4, ?5 WHERE (SELECT COUNT(*) FROM bans) < ?6 OR EXISTS (SELECT 1 FROM bans WHERE network = ?1)
       ON CONFLICT (network) DO UPDATE SET reason = excluded.reason, actor = excluded.actor, created_ms = excluded.created_ms,
         until_ms = excluded.until_ms`,
    ).bind(network, reason, actor, createdMs, untilMs, bansMax),
  ]);
  return (stored?.meta.changes ?? 0) > 0;
}

/** False when it was not banned. */
export async function dropBan({ SESSIONS_DB }: Pick<ConfigStores, "SESSIONS_DB">, network: string): Promise<boolean> {
  const { meta } = await SESSIONS_DB.prepare("DELETE FROM bans WHERE network = ?1").bind(network).run();
  return meta.changes > 0;
}

/** What is no JSON is told to isolates as it is: they keep what they have. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
