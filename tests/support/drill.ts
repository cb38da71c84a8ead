/** For the restore drill: rows of every table of all four databases, keys with metadata and an end, manifests and holds; all of it as one value to
 *  compare; and a wipe. */
import { env } from "cloudflare:workers";
import { filesOf, jsonOf, type Rows } from "../samples/stored.ts";

export const drillDatabases = {
  opportunities: env.OPPORTUNITIES_DB,
  strategies: env.STRATEGIES_DB,
  metrics: env.METRICS_DB,
  sessions: env.SESSIONS_DB,
} as const;

const ours = "type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\'";

export async function tablesOf(db: D1Database): Promise<string[]> {
  const { results } = await db.prepare(`SELECT name FROM sqlite_master WHERE ${ours} ORDER BY name`).all<{ name: string }>();
  return results.map(({ name }) => name);
}

export async function insertRow(db: D1Database, table: string, row: Readonly<Record<string, unknown>>): Promise<void> {
  const names = Object.keys(row);
  await db
    .prepare(`INSERT INTO "${table}" (${names.map((name) => `"${name}"`).join(", ")}) VALUES (${names.map(() => "?").join(", ")})`)
    .bind(...Object.values(row))
    .run();
}

/** The rows of the newest samples, which have every table, and for each of the given hot rows so many more. */
export async function fillStores({ opportunities }: { readonly opportunities: number }): Promise<void> {
  for (const [name, db] of Object.entries(drillDatabases)) {
    const rows = jsonOf<Rows>(filesOf(`d1-${name}`).at(-1) ?? "");
    await insertRow(db, "d1_migrations", { id: 7, name: "0007_drill.sql", applied_at: "2026-11-24 07:30:00" });
    for (const [table, records] of Object.entries(rows)) for (const record of records) await insertRow(db, table, record);
  }
  await multiply(env.OPPORTUNITIES_DB, opportunities);
  // Numbers that were given and are gone must not be given again.
  await insertRow(env.SESSIONS_DB, "audit", { seq: 900, time_ms: 1, first_ms: 1, action: "ban.set", actor: "operator", count: 1 });
  await env.SESSIONS_DB.prepare("DELETE FROM audit WHERE seq = 900").run();
  // As it is published from the rows above.
  const text = JSON.stringify({
    v: 1,
    version: 1,
    at_ms: 7,
    config: { v: 1, under_attack: true },
    bans: [{ network: "203.0.113.0/24", until_ms: 4_102_444_800_000 }],
  });
  await env.CONFIG_CACHE.put("security", text);
  await env.CONFIG_CACHE.put("placement", '{"v":1,"shards":{"weur":2},"drained":[]}', { metadata: { by: "operator", note: "ü" } });
  await env.CONFIG_CACHE.put("bytes", new Uint8Array([0, 255, 128, 10]), { expirationTtl: 7_200 });
  for (const hour of ["00", "01", "02"]) {
    await env.EDGE_LOGS.put(`manifests/v1/stream=market/dt=2026-11-24/hr=${hour}.json`, `{"v":1,"hour":"${hour}"}\n`, {
      httpMetadata: { contentType: "application/json" },
      customMetadata: { sha256: hour.repeat(32), events: "3" },
    });
  }
  await env.EDGE_LOGS.put("holds/v1/case-7.json", '{"v":1,"reason":"case 7"}');
}

async function multiply(db: D1Database, count: number): Promise<void> {
  await db
    .prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
       INSERT INTO opportunities SELECT 'made-' || printf('%06d', i), chain, dex_a, 'déx "b" ' || char(10) || i, token_pair, status, NULL,
         i / 7.0, i / 3.0e-9, expires_ms + i, time_ms + i, rank, key || i, epoch, 9007199254740991 - i, event_id || i, data
       FROM n, opportunities WHERE opportunity_id = (SELECT min(opportunity_id) FROM opportunities)`,
    )
    .bind(count)
    .run();
}

/** Everything a backup must bring back. */
export async function contentOfStores(): Promise<Record<string, unknown>> {
  const content: Record<string, unknown> = {};
  for (const [name, db] of Object.entries(drillDatabases)) {
    const schema = `SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\' ORDER BY name`;
    content[`${name} schema`] = (await db.prepare(schema).all()).results.map(({ sql, ...row }) => ({
      ...row,
      sql: String(sql).replace("IF NOT EXISTS ", ""),
    }));
    for (const table of await tablesOf(db))
      content[`${name}.${table}`] = (await db.prepare(`SELECT * FROM "${table}" ORDER BY 1, 2`).all()).results;
  }
  content["numbers"] = (await env.SESSIONS_DB.prepare("SELECT name, seq FROM sqlite_sequence WHERE seq > 0 ORDER BY name").all()).results;
  for (const { name, expiration } of (await env.CONFIG_CACHE.list()).keys) {
    const { value, metadata } = await env.CONFIG_CACHE.getWithMetadata(name, "arrayBuffer");
    content[`key ${name}`] = { value: [...new Uint8Array(value ?? new ArrayBuffer())], metadata, expiration };
  }
  for (const { key, etag } of (await env.EDGE_LOGS.list()).objects) {
    const object = await env.EDGE_LOGS.head(key);
    content[`object ${key}`] = { etag, http: object?.httpMetadata, custom: object?.customMetadata };
  }
  return content;
}

/** Everything is gone; with `tables`, the very tables too. */
export async function wipeStores(what: "rows" | "tables" = "rows"): Promise<void> {
  for (const db of Object.values(drillDatabases)) {
    const statements = (await tablesOf(db)).map((table) => (what === "rows" ? `DELETE FROM "${table}"` : `DROP TABLE "${table}"`));
    await db.batch(statements.map((sql) => db.prepare(sql)));
    if (db === env.SESSIONS_DB || what === "rows") await db.prepare("DELETE FROM sqlite_sequence").run();
  }
  for (const { name } of (await env.CONFIG_CACHE.list()).keys) await env.CONFIG_CACHE.delete(name);
  await emptyBucket(env.EDGE_LOGS);
}

export async function emptyBucket(bucket: R2Bucket): Promise<void> {
  for (let page = await bucket.list(); page.objects.length > 0; page = await bucket.list())
    await bucket.delete(page.objects.map(({ key }) => key));
}
