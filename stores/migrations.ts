/** The newest migration of each database, as the code of this version expects it; migrations.test.ts holds it against the folder. */
export const newestMigrations = {
  OPPORTUNITIES_DB: "0001_init.sql",
  STRATEGIES_DB: "0001_init.sql",
  METRICS_DB: "0004_replays.sql",
  SESSIONS_DB: "0005_executions_once.sql",
} as const;

export type DatabaseName = keyof typeof newestMigrations;

/** Name of the last migration that was applied; undefined when none was. Throws when the database does not answer. */
export async function findMigration(db: D1Database): Promise<string | undefined> {
  try {
    return (await db.prepare("SELECT name FROM d1_migrations ORDER BY name DESC LIMIT 1").first<string>("name")) ?? undefined;
  } catch (error) {
    if (error instanceof Error && error.message.includes("no such table")) return undefined;
    throw error;
  }
}
