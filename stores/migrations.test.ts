import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { findMigration, newestMigrations, type DatabaseName } from "./migrations.ts";

const folders = {
  OPPORTUNITIES_DB: "opportunities",
  STRATEGIES_DB: "strategies",
  METRICS_DB: "metrics",
  SESSIONS_DB: "sessions",
} as const;

it.each(Object.entries(folders))("%s: the newest migration that the code expects is the newest of its folder", async (name, folder) => {
  const files = env.MIGRATIONS[folder].map((migration) => migration.name).toSorted();
  expect(newestMigrations[name as DatabaseName]).toBe(files.at(-1));
  expect(await findMigration(env[name as DatabaseName])).toBe(files.at(-1));
});

it("a database that nobody migrated has none", async () => {
  const missing = { prepare: () => ({ first: () => Promise.reject(new Error("D1_ERROR: no such table: d1_migrations")) }) };
  expect(await findMigration(missing as unknown as D1Database)).toBeUndefined();
  const down = { prepare: () => ({ first: () => Promise.reject(new Error("D1 is down")) }) };
  await expect(findMigration(down as unknown as D1Database)).rejects.toThrow("D1 is down");
});
