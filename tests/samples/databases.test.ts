/** Rows as each migration found them, brought to today's schema by the migrations after it, and read by the code that reads them now. */
import { applyD1Migrations } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { findApiClient } from "../../stores/api-clients.ts";
import { readAudit } from "../../stores/audit.ts";
import { hoursOf } from "../../stores/compaction-hours.ts";
import { listLetters } from "../../stores/dead-letter-index.ts";
import { findEntity, listEntities, readSnapshot } from "../../stores/entities.ts";
import { hourOf } from "../../stores/event-log.ts";
import { claimExecution } from "../../stores/executions-once.ts";
import { findReplay } from "../../stores/replays.ts";
import { readRevocations } from "../../stores/revocations.ts";
import { findCurrent, readBans } from "../../stores/runtime-config.ts";
import { findSession } from "../../stores/sessions.ts";
import { readPublishedKeys } from "../../stores/signing-keys.ts";
import { filesOf, jsonOf, type Rows } from "./stored.ts";

const at = Date.UTC(2026, 10, 24, 7, 30);

const databases = {
  opportunities: env.OPPORTUNITIES_DB,
  strategies: env.STRATEGIES_DB,
  metrics: env.METRICS_DB,
  sessions: env.SESSIONS_DB,
} as const;
type Database = keyof typeof databases;

async function tablesOf(db: D1Database): Promise<string[]> {
  const sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE '\\_%' ESCAPE '\\'";
  const { results } = await db.prepare(sql).all<{ name: string }>();
  return results.map(({ name }) => name).sort();
}

/** The database with the sample's rows, as they lie there today. */
async function replay(database: Database, file: string): Promise<Rows> {
  const db = databases[database];
  const rows = jsonOf<Rows>(file);
  const number = file.split(".")[1] ?? "";
  for (const table of await tablesOf(db)) await db.prepare(`DROP TABLE "${table}"`).run();
  const migrations = env.MIGRATIONS[database];
  await applyD1Migrations(
    db,
    migrations.filter(({ name }) => name.slice(0, 4) <= number),
  );
  // Rows of every table there was.
  expect(Object.keys(rows).sort()).toEqual((await tablesOf(db)).filter((table) => table !== "d1_migrations"));
  for (const [table, records] of Object.entries(rows)) {
    expect(records.length).toBeGreaterThan(0);
    for (const record of records) {
      const names = Object.keys(record);
      const sql = `INSERT INTO "${table}" (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})`;
      await db
        .prepare(sql)
        .bind(...Object.values(record))
        .run();
    }
  }
  await applyD1Migrations(db, migrations);
  return rows;
}

const dataOf = (rows: Rows, table: string): unknown => JSON.parse(String(rows[table]?.[0]?.["data"])) as unknown;
const position = { epoch: "01jd0000000000", offset: 1 };

it.each(filesOf("d1-opportunities"))("%s: opportunities and executions are found, listed and shown", async (file) => {
  const rows = await replay("opportunities", file);
  for (const [kind, id] of [
    ["opportunities", "opp-1"],
    ["executions", "exec-1"],
  ] as const) {
    const data = dataOf(rows, kind);
    expect(await findEntity(env, kind, id)).toEqual(data);
    const page = { sort: "-profit", limit: 10 } as const;
    expect((await listEntities(env, kind, { filter: { chain: "arbitrum", unexpiredAtMs: at }, page })).items).toEqual([data]);
    expect((await readSnapshot(env, kind, { nowMs: at, limit: 10 })).rows).toEqual([{ id, ...position, data }]);
  }
});

it.each(filesOf("d1-strategies"))("%s: strategies are found and shown", async (file) => {
  const data = dataOf(await replay("strategies", file), "strategies");
  expect(await findEntity(env, "strategies", "s-1")).toEqual(data);
  expect((await readSnapshot(env, "strategies", { nowMs: at, limit: 10 })).rows).toEqual([{ id: "s-1", ...position, data }]);
});

it.each(filesOf("d1-metrics"))(
  "%s: metrics are shown, letters wait or were sent again, hours are as dirty as they were, replays as far",
  async (file) => {
    const rows = await replay("metrics", file);
    const data = dataOf(rows, "performance_metrics");
    expect((await readSnapshot(env, "metrics", { nowMs: at, limit: 10 })).rows).toEqual([{ id: "3a0f0f0f0f0f0f0f", ...position, data }]);
    const { rows: letters } = await listLetters(env, { limit: 10, order: "oldest" });
    // Before the third migration a letter had no state: it waits.
    const state = file >= "d1-metrics.0003" ? { state: "redriven", parks: 2, redrives: 1, attempts: 4, handledMs: at } : undefined;
    expect(letters).toMatchObject([
      {
        id: "0123456789abcdef0123456789abcdef",
        queue: "inbox",
        parkedMs: at,
        ...(state ?? { state: "kept", parks: 1, redrives: 0, attempts: null, handledMs: null }),
      },
    ]);
    const hours = await hoursOf(env.METRICS_DB, { stream: "opportunities", fromHour: hourOf(at), toHour: hourOf(at) + 1 });
    expect(hours).toEqual(rows["log_hours"] ?? []);
    const [stored] = rows["replays"] ?? [];
    const found = await findReplay(env, String(stored?.["id"]));
    if (stored === undefined) return expect(found).toBeUndefined();
    expect(found).toMatchObject({ state: "paused", run: 2, startedMs: at, endedMs: undefined, result: undefined, error: undefined });
    // Nothing of what was ordered and counted is lost on the way.
    expect(found?.spec).toEqual(JSON.parse(String(stored["spec"])));
    expect(found?.checkpoint).toEqual(JSON.parse(String(stored["checkpoint"])));
  },
);

const migrationOf = (file: string): number => Number(file.split(".")[1]);
/** Samples whose schema has what a later migration brought. */
const sessionsSince = (migration: number): string[] => filesOf("d1-sessions").filter((file) => migrationOf(file) >= migration);

it.each(filesOf("d1-sessions"))("%s: what was granted, taken back and decided still is", async (file) => {
  const rows = await replay("sessions", file);
  const revoked = (await readRevocations(env, at)).map(({ kind, value }) => `${kind}:${value}`).sort();
  expect(revoked).toEqual((rows["revocations"] ?? []).map(({ kind, value }) => `${String(kind)}:${String(value)}`).sort());
  const session = await findSession(env, "AAAAAAAAAAAAAAAAAAAAAA");
  // Nothing wrote sessions before the third migration, which makes them anew.
  if (migrationOf(file) < 3) return expect(session).toBeUndefined();
  expect(session).toMatchObject({ userId: "user-1", role: "trader", channels: { "opportunities:*": ["subscribe"] }, generation: 2 });
  expect(await findApiClient(env, "lovable")).toMatchObject({ name: "Lovable", role: undefined, lifetimeSecondsMax: 900 });
  expect(await readPublishedKeys(env, at)).toMatchObject([{ kid: "edge.sample", jwk: { crv: "P-256" } }]);
  expect(await readAudit(env, { sinceMs: at, untilMs: at + 1, limit: 10 })).toMatchObject([
    { seq: 5, action: "access.refused", count: 12, details: { status: 401 } },
  ]);
});

it.each(sessionsSince(4))("%s: the configuration and the bans hold", async (file) => {
  await replay("sessions", file);
  expect(await findCurrent(env)).toEqual({
    version: 1,
    atMs: at,
    actor: "operator",
    comment: "first",
    text: '{"v":1,"under_attack":true}',
  });
  expect(await readBans(env, at)).toMatchObject([{ network: "203.0.113.0/24", reason: "floods" }]);
});

it.each(sessionsSince(5))("%s: an execution that was asked for is known to have been, with how it went", async (file) => {
  await replay("sessions", file);
  const ask = (digit: string) =>
    claimExecution(env, { keyHash: digit.repeat(64), fingerprint: "f", attempt: "b", nowMs: at, openUntilMs: at, forgetBeforeMs: 0 });
  const outcomes = await Promise.all(["1", "2", "3", "4"].map(ask));
  expect(outcomes.map((claimed) => (claimed.kind === "repeat" ? claimed.outcome?.kind : claimed.kind))).toEqual([
    undefined,
    "answered",
    "refused",
    "unknown",
  ]);
  const future = JSON.stringify({ v: 2, kind: "answered", status: 200, body: "{}" });
  await env.SESSIONS_DB.prepare("UPDATE executions_once SET outcome = ?").bind(future).run();
  await expect(ask("2")).rejects.toThrow('"v"');
});
