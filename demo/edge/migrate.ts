/** Applies the D1 migrations of wrangler.toml to the local databases, each once: `d1_migrations` records which, as wrangler does. */
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Miniflare } from "miniflare";

export type Database = Awaited<ReturnType<Miniflare["getD1Database"]>>;

/** As wrangler.toml names them. */
type Databases = readonly { readonly binding: string; readonly migrations_dir?: string | undefined }[];

const tableSql =
  "CREATE TABLE IF NOT EXISTS d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)";

/** All at once: they know nothing of each other. */
export async function migrateAll(runtime: Pick<Miniflare, "getD1Database">, databases: Databases, root: string): Promise<void> {
  await Promise.all(
    databases.map(async ({ binding, migrations_dir: folder }) => {
      if (folder !== undefined) await migrate(await runtime.getD1Database(binding), resolve(root, folder));
    }),
  );
}

/** A migration and the record of it are one transaction. */
async function migrate(database: Database, folder: string): Promise<void> {
  await database.prepare(tableSql).run();
  const { results } = await database.prepare("SELECT name FROM d1_migrations").all<{ name: string }>();
  const applied = new Set(results.map((row) => row.name));
  const pending = readdirSync(folder)
    .filter((name) => name.endsWith(".sql") && !applied.has(name))
    .toSorted();
  for (const name of pending) {
    const statements = splitStatements(readFileSync(join(folder, name), "utf8")).map((statement) => database.prepare(statement));
    await database.batch([...statements, database.prepare("INSERT INTO d1_migrations (name) VALUES (?)").bind(name)]);
  }
}

/** Statements of a migration: comments dropped, split at semicolons outside quotes. Our migrations hold no triggers. */
export function splitStatements(sql: string): string[] {
  const tokens = sql.match(/--[^\n]*|'(?:[^']|'')*'|;|[^-';]+|-/g) ?? [];
  const statements = [""];
  for (const token of tokens) {
    if (token.startsWith("--")) continue;
    if (token === ";") statements.push("");
    else statements[statements.length - 1] += token;
  }
  return statements.map((statement) => statement.trim()).filter((statement) => statement !== "");
}
