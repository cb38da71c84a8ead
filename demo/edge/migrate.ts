/** Applies the D1 migrations of wrangler.toml to the local databases, each once: `d1_migrations` records which, as wrangler does. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** What of D1 is used here; the runtime's own type and miniflare's both fit. */
export interface Database {
  prepare(sql: string): { bind(...values: readonly unknown[]): Statement };
}

export interface Statement {
  run(): Promise<unknown>;
  all<Row>(): Promise<{ readonly results: readonly Row[] }>;
}

const tableSql =
  "CREATE TABLE IF NOT EXISTS d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)";

/** Returns the names of the migrations applied now. */
export async function migrate(database: Database, folder: string): Promise<string[]> {
  await database.prepare(tableSql).bind().run();
  const { results } = await database.prepare("SELECT name FROM d1_migrations").bind().all<{ name: string }>();
  const applied = new Set(results.map((row) => row.name));
  const pending = readdirSync(folder)
    .filter((name) => name.endsWith(".sql") && !applied.has(name))
    .toSorted();
  for (const name of pending) {
    for (const statement of splitStatements(readFileSync(join(folder, name), "utf8"))) await database.prepare(statement).bind().run();
    await database.prepare("INSERT INTO d1_migrations (name) VALUES (?)").bind(name).run();
  }
  return pending;
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
