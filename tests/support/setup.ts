/** Runs before each test file: refuses any runtime but workerd and brings the databases to the migrated schema. */
import { applyD1Migrations } from "cloudflare:test";
import { env } from "cloudflare:workers";

if (navigator.userAgent !== "Cloudflare-Workers")
  throw new Error("these tests state what holds in workerd: run them with the vitest config");

await applyD1Migrations(env.OPPORTUNITIES_DB, env.MIGRATIONS.opportunities);
await applyD1Migrations(env.STRATEGIES_DB, env.MIGRATIONS.strategies);
await applyD1Migrations(env.METRICS_DB, env.MIGRATIONS.metrics);
await applyD1Migrations(env.SESSIONS_DB, env.MIGRATIONS.sessions);
