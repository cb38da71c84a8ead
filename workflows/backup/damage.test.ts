/** What a backup is not restored from, and what a restore does not undo. */
import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { backupIdOf, partNames } from "../../schemas/backup.ts";
import type { BackupManifest, PartName, StoredRestore } from "../../schemas/backup.ts";
import { backupPrefix, deleteBackup, findBackup, listBackupIds } from "../../stores/backups.ts";
import { checkParts } from "../../stores/backups-verify.ts";
import { contentOfStores, emptyBucket, fillStores, insertRow, wipeStores } from "../../tests/support/drill.ts";
import type { Steps } from "../steps.ts";
import { backupDeps, restoreDeps } from "./deps.ts";
import { runRestore } from "./restore.ts";
import { runBackup } from "./run.ts";

const bucket = env.CONFIG_BACKUPS;
const steps: Steps = { do: (_, work) => work() };
const created_at = new Date(Date.UTC(2026, 10, 24)).toISOString();
const id = backupIdOf(Date.parse(created_at), "damage");

async function backUp(): Promise<BackupManifest> {
  const order = { v: 1, id, kind: "daily", created_at, parts: [...partNames] } as const;
  await runBackup(steps, backupDeps(env, id), { ...order, parts: [...partNames] });
  const found = await findBackup(bucket, id);
  if (found?.kind !== "made") throw new Error("there is no backup");
  return found.manifest;
}

function restore(parts: readonly PartName[] = partNames): Promise<StoredRestore> {
  const order = { v: 1, id, backup: id, dry_run: false, parts: [...parts], created_at, state: "running", counts: [] } as const;
  return runRestore(steps, restoreDeps(env), { ...order, parts: [...parts], counts: [], progress: { done: 0, total: 0 } });
}

async function refill(): Promise<void> {
  await wipeStores();
  await emptyBucket(bucket);
  await fillStores({ opportunities: 20 });
}

beforeEach(() => {
  for (const level of ["info", "warn", "error"] as const) vi.spyOn(console, level).mockReturnValue(undefined);
});

describe("a backup", () => {
  let manifest: BackupManifest;
  let untouched: Record<string, unknown>;

  beforeAll(async () => {
    await refill();
    manifest = await backUp();
    untouched = await contentOfStores();
  });

  const flip = (bytes: Uint8Array): Uint8Array => bytes.map((byte, at) => (at === bytes.length >> 1 ? byte ^ 1 : byte));

  /** With the object in another state, and as it was again. */
  async function damaged<T>(key: string, change: (bytes: Uint8Array) => Uint8Array | undefined, work: () => Promise<T>): Promise<T> {
    const bytes = (await (await bucket.get(key))?.bytes()) ?? new Uint8Array();
    const other = change(bytes);
    await (other === undefined ? bucket.delete(key) : bucket.put(key, other));
    const result = await work();
    await bucket.put(key, bytes);
    return result;
  }

  it("of which any one object has a flipped byte is found out, by the part, and nothing is touched", async () => {
    const { objects } = await bucket.list({ prefix: backupPrefix(id) });
    const sections = manifest.parts.flatMap(({ name, sections: held }) => held.map((section) => ({ ...section, name })));
    const partOf = new Map(sections.flatMap(({ name, slices }) => slices.map(({ key }) => [key, name] as const)));
    // Nothing lies there that nothing proves.
    expect(objects.map(({ key }) => key).filter((key) => !partOf.has(key))).toEqual([`${backupPrefix(id)}manifest.json`]);
    for (const [key, part] of partOf) {
      const [checked, restored] = await damaged(
        key,
        flip,
        async () => [await checkParts(bucket, manifest, partNames), await restore([part])] as const,
      );
      expect(checked.filter(({ ok }) => !ok)).toEqual([{ name: part, ok: false, reason: expect.stringContaining(key) }]);
      expect(restored).toMatchObject({ state: "failed", error: expect.stringMatching(`${part}: ${key}`), counts: [] });
    }
    expect(await contentOfStores()).toEqual(untouched);
    expect((await checkParts(bucket, manifest, partNames)).every(({ ok }) => ok)).toBe(true);
  });

  it("whose manifest has any flipped byte, or was written anew by hand, is none", async () => {
    const key = `${backupPrefix(id)}manifest.json`;
    const size = (await bucket.head(key))?.size ?? 0;
    for (let at = 0; at < size; at += Math.ceil(size / 40)) {
      const change = (bytes: Uint8Array) => bytes.map((byte, index) => (index === at ? byte ^ 1 : byte));
      expect((await damaged(key, change, () => findBackup(bucket, id)))?.kind, `byte ${at}`).toBe("damaged");
    }
    const spaced = () => new TextEncoder().encode(`${JSON.stringify({ v: 1, sha256: "0".repeat(64), backup: manifest })}\n`);
    const restored = await damaged(key, spaced, () => restore());
    expect(restored).toMatchObject({ state: "failed", error: expect.stringContaining("manifest"), counts: [] });
  });

  it.each<[string, (bytes: Uint8Array) => Uint8Array | undefined, RegExp]>([
    ["gone", () => undefined, /it is gone/],
    ["cut short", (bytes) => bytes.slice(0, -1), /bytes, \d+ were written/],
  ])("an object of which is %s is named", async (_, change, reason) => {
    const key = manifest.parts[0]?.sections[0]?.slices[0]?.key ?? "";
    const restored = await damaged(key, change, () => restore());
    expect(restored).toMatchObject({ state: "failed", error: expect.stringMatching(reason) });
  });

  it("that does not fit the tables of today is refused before any row is touched", async () => {
    await env.STRATEGIES_DB.prepare("ALTER TABLE strategies RENAME COLUMN event_id TO event").run();
    const restored = await restore();
    await env.STRATEGIES_DB.prepare("ALTER TABLE strategies RENAME COLUMN event TO event_id").run();
    expect(restored).toMatchObject({ state: "failed", error: "d1:STRATEGIES_DB: strategies has no column event_id", counts: [] });
    expect(await contentOfStores()).toEqual(untouched);
  });

  it("of an earlier schema goes into a later one, whose new columns have their defaults", async () => {
    await env.STRATEGIES_DB.prepare("ALTER TABLE strategies ADD COLUMN grade TEXT NOT NULL DEFAULT 'new'").run();
    await env.STRATEGIES_DB.prepare("DELETE FROM strategies").run();
    expect(await restore(["d1:STRATEGIES_DB"])).toMatchObject({ state: "done", counts: [{ added: 1 }] });
    expect(await env.STRATEGIES_DB.prepare("SELECT grade FROM strategies").first("grade")).toBe("new");
    await env.STRATEGIES_DB.prepare("ALTER TABLE strategies DROP COLUMN grade").run();
  });

  it("deleted leaves nothing, and may be deleted again", async () => {
    await deleteBackup(bucket, id);
    expect([await findBackup(bucket, id), await listBackupIds(bucket)]).toEqual([undefined, []]);
    await deleteBackup(bucket, id);
  });
});

it("a restore forgets no decision made since, and brings back those that were lost", async () => {
  await refill();
  await backUp();
  const { SESSIONS_DB, METRICS_DB } = env;
  const revocation = { kind: "sub", value: "thief", revoked_ms: 1, until_ms: 4_102_444_800_000 };
  await insertRow(SESSIONS_DB, "revocations", revocation);
  await insertRow(SESSIONS_DB, "audit", { time_ms: 2, first_ms: 2, action: "backup.restored", actor: "operator", count: 1 });
  await insertRow(METRICS_DB, "log_hours", { stream: "market", hour: 9, marks: 2, marked_ms: 1 });
  await SESSIONS_DB.prepare("UPDATE sessions SET revoked_ms = 5, generation = generation + 1").run();
  await SESSIONS_DB.prepare("DELETE FROM executions_once").run();
  await SESSIONS_DB.prepare("DELETE FROM bans").run();
  await SESSIONS_DB.prepare("INSERT INTO d1_migrations (name) VALUES ('0008_later.sql')").run();
  const manifest = "manifests/v1/stream=market/dt=2026-11-24/hr=00.json";
  await env.EDGE_LOGS.put(manifest, '{"generation":2}');
  await env.EDGE_LOGS.put("holds/v1/case-8.json", "{}");
  await env.EDGE_LOGS.delete("holds/v1/case-7.json");

  const { counts } = await restore(["d1:SESSIONS_DB", "d1:METRICS_DB", "r2:manifests"]);
  expect(counts.find(({ name }) => name === "r2:manifests")).toEqual({
    name: "r2:manifests",
    added: 1,
    changed: 0,
    removed: 0,
    unchanged: 2,
    kept: 1,
  });
  const one = async (db: D1Database, sql: string): Promise<unknown> => Object.values((await db.prepare(sql).first()) ?? {})[0];
  expect(await one(SESSIONS_DB, "SELECT count(*) FROM revocations WHERE value = 'thief'")).toBe(1);
  expect(await one(SESSIONS_DB, "SELECT count(*) FROM audit WHERE action = 'backup.restored' AND seq = 901")).toBe(1);
  expect(await one(METRICS_DB, "SELECT count(*) FROM log_hours WHERE hour = 9")).toBe(1);
  expect(await one(SESSIONS_DB, "SELECT count(*) FROM sessions WHERE revoked_ms IS NULL")).toBe(0);
  expect(await one(SESSIONS_DB, "SELECT count(*) FROM executions_once")).toBeGreaterThan(0);
  expect(await one(SESSIONS_DB, "SELECT count(*) FROM bans")).toBe(1);
  expect(await one(SESSIONS_DB, "SELECT count(*) FROM d1_migrations")).toBe(2);
  expect(await (await env.EDGE_LOGS.get(manifest))?.text()).toBe('{"generation":2}');
  expect([await env.EDGE_LOGS.head("holds/v1/case-7.json"), await env.EDGE_LOGS.head("holds/v1/case-8.json")]).not.toContain(null);
});

it("a value that would come back as another one is no backup's", async () => {
  await refill();
  await env.OPPORTUNITIES_DB.prepare("UPDATE executions SET created_ms = 9007199254740993").run();
  await expect(backUp()).rejects.toThrow(/executions\.created_ms holds a value/);
  expect((await findBackup(bucket, id))?.kind).toBe("open");
});
