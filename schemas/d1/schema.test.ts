/** The .sql files (for `wrangler d1 execute --file`) and the migrations describe one and the same schema. */
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import metrics from "./metrics.sql?raw";
import opportunities from "./opportunities.sql?raw";
import sessions from "./sessions.sql?raw";
import strategies from "./strategies.sql?raw";

interface Master {
  readonly type: string;
  readonly name: string;
  readonly sql: string;
}

async function masterOf(db: D1Database): Promise<Master[]> {
  const query =
    "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND substr(name, 1, 3) NOT IN ('d1_', 'sql', '_cf') ORDER BY name";
  return (await db.prepare(query).all<Master>()).results;
}

async function apply(db: D1Database, sql: string): Promise<void> {
  const statements = sql
    .replaceAll(/--.*$/gm, "")
    .split(";")
    .map((text) => text.trim())
    .filter((text) => text !== "");
  await db.batch(statements.map((text) => db.prepare(text)));
}

it.each([
  ["opportunities", env.OPPORTUNITIES_DB, opportunities],
  ["strategies", env.STRATEGIES_DB, strategies],
  ["metrics", env.METRICS_DB, metrics],
  ["sessions", env.SESSIONS_DB, sessions],
] as const)("%s.sql applied twice to an empty database gives the migrated schema", async (_, db, sql) => {
  const migrated = await masterOf(db);
  expect(migrated.length).toBeGreaterThan(0);
  for (const { type, name } of migrated.toReversed()) if (type === "table") await db.prepare(`DROP TABLE ${name}`).run();
  expect(await masterOf(db)).toEqual([]);
  await apply(db, sql);
  await apply(db, sql);
  expect((await masterOf(db)).map(withoutLayout)).toEqual(migrated.map(withoutLayout));
});

function withoutLayout({ type, name, sql }: Master): Master {
  return {
    type,
    name,
    sql: sql
      .replaceAll(/--.*$/gm, "")
      .replaceAll(/\s+/g, " ")
      .replaceAll(/ ?([(),]) ?/g, "$1"),
  };
}
