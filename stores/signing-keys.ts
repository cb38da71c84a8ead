/** Our key pairs in D1 (SESSIONS_DB). Decides the SQL and which key signs; the private halves come in and go out encrypted. */
import { z } from "zod";
import { ownAlgorithm, PublicJwk, type PublishedKey } from "../platform/own-keys.ts";
import type { AuditRow } from "../schemas/audit.ts";
import { signingKeysMax } from "../schemas/token-limits.ts";
import { auditStatement } from "./audit.ts";

export interface SigningKeyStores {
  readonly SESSIONS_DB: D1Database;
}

const Published = z.object({
  kid: z.string(),
  jwk: z.string().transform((text) => PublicJwk.parse(JSON.parse(text))),
  untilMs: z.int(),
});
const Signer = z.object({ kid: z.string(), privateBox: z.string() });
export type Signer = z.infer<typeof Signer>;

export interface NewKey extends PublishedKey {
  readonly privateBox: string;
  readonly createdMs: number;
  readonly signsFromMs: number;
}

/** Its end is a rotation's to say. */
export const noEndMs = Number.MAX_SAFE_INTEGER;

const publishedSql = `SELECT kid, public_jwk AS jwk, until_ms AS untilMs FROM signing_keys
  WHERE alg = ?1 AND until_ms > ?2 ORDER BY created_ms DESC, kid LIMIT ?3`;

/** All that verify, newest first. A row this version does not understand is left out. */
export async function readPublishedKeys({ SESSIONS_DB }: SigningKeyStores, nowMs: number): Promise<PublishedKey[]> {
  const { results } = await SESSIONS_DB.prepare(publishedSql).bind(ownAlgorithm, nowMs, signingKeysMax).all();
  return results.flatMap((row) => Published.safeParse(row).data ?? []);
}

const signersSql = `SELECT kid, private_box AS privateBox FROM signing_keys
  WHERE alg = ?1 AND signs_from_ms <= ?2 AND until_ms > ?2 ORDER BY signs_from_ms DESC, kid LIMIT ?3`;

/** The one that signs first; the others are there for when its private half cannot be read. */
export async function readSigners({ SESSIONS_DB }: SigningKeyStores, nowMs: number): Promise<Signer[]> {
  const { results } = await SESSIONS_DB.prepare(signersSql).bind(ownAlgorithm, nowMs, signingKeysMax).all();
  return results.map((row) => Signer.parse(row));
}

export interface Succession {
  /** When the keys that are there stop verifying, unless they do sooner. */
  readonly othersUntilMs: number;
  /** `first`: nothing happens when a key signs already, as when two make the first one at once. */
  readonly when: "always" | "first";
}

const insertSql = `INSERT INTO signing_keys (kid, alg, public_jwk, private_box, created_ms, signs_from_ms, until_ms)
  SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 WHERE (SELECT COUNT(*) FROM signing_keys) < ?8
    AND (?9 = 'always' OR NOT EXISTS (SELECT 1 FROM signing_keys WHERE alg = ?2 AND signs_from_ms <= ?6 AND until_ms > ?6))`;
const succeedSql = `UPDATE signing_keys SET until_ms = MIN(until_ms, ?2)
  WHERE kid <> ?1 AND EXISTS (SELECT 1 FROM signing_keys WHERE kid = ?1)`;

/** False when it was not stored: there is no room, or no need. */
export async function putSigningKey(
  { SESSIONS_DB }: SigningKeyStores,
  { key, succession }: { readonly key: NewKey; readonly succession: Succession },
  row: AuditRow,
): Promise<boolean> {
  const { kid, jwk, privateBox, createdMs, signsFromMs, untilMs } = key;
  const { othersUntilMs, when } = succession;
  const [, , stored] = await SESSIONS_DB.batch([
    // After a theft the others go first: there is always room for the one in their place.
    SESSIONS_DB.prepare("UPDATE signing_keys SET until_ms = ?1 WHERE ?2 <= ?1 AND until_ms > ?1").bind(row.timeMs, othersUntilMs),
    SESSIONS_DB.prepare("DELETE FROM signing_keys WHERE until_ms <= ?1").bind(row.timeMs),
    SESSIONS_DB.prepare(insertSql).bind(
      ...[kid, ownAlgorithm, JSON.stringify(jwk), privateBox, createdMs, signsFromMs, untilMs, signingKeysMax, when],
    ),
    auditStatement({ SESSIONS_DB }, [row], "onlyIfChanged"),
    SESSIONS_DB.prepare(succeedSql).bind(kid, othersUntilMs),
  ]);
  return (stored?.meta.changes ?? 0) > 0;
}

/** Rows deleted. */
export async function pruneSigningKeys({ SESSIONS_DB }: SigningKeyStores, nowMs: number): Promise<number> {
  return (await SESSIONS_DB.prepare("DELETE FROM signing_keys WHERE until_ms <= ?1").bind(nowMs).run()).meta.changes;
}
