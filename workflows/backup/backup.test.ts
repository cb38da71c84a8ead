/** The drill, on the real databases, namespace and buckets: backup, wipe, restore, and the very same is there; whatever interrupts it. */
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { backupIdOf, partNames } from "../../schemas/backup.ts";
import type { BackupManifest, BackupOrder, PartName, StoredRestore } from "../../schemas/backup.ts";
import { findBackup } from "../../stores/backups.ts";
import { contentOfStores, emptyBucket, fillStores, insertRow, wipeStores } from "../../tests/support/drill.ts";
import type { Steps } from "../steps.ts";
import { backupDeps, restoreDeps } from "./deps.ts";
import { runRestore } from "./restore.ts";
import { runBackup } from "./run.ts";

const bucket = env.CONFIG_BACKUPS;
const plainSteps: Steps = { do: (_, work) => work() };
/** Several slices a table and several statements a slice. */
const limits = { rowsMax: 40, bytesMax: 20_000, statementBytesMax: 6_000 };
let made = 0;

beforeEach(async () => {
  for (const level of ["info", "warn", "error"] as const) vi.spyOn(console, level).mockReturnValue(undefined);
  await wipeStores();
  await emptyBucket(bucket);
  await fillStores({ opportunities: 150 });
});

function orderOf(parts: readonly PartName[] = partNames): BackupOrder {
  made += 1;
  const createdMs = Date.UTC(2026, 10, 24) + made;
  return { v: 1, id: backupIdOf(createdMs, "drill"), kind: "on-demand", created_at: new Date(createdMs).toISOString(), parts: [...parts] };
}

async function backUp(order = orderOf(), steps = plainSteps): Promise<string> {
  return (await runBackup(steps, backupDeps(env, order.id, limits), order)).id;
}

function restoreOf(backup: string, change: Partial<StoredRestore> = {}): StoredRestore {
  made += 1;
  const id = backupIdOf(Date.UTC(2026, 10, 25) + made, "drill");
  const created_at = new Date(0).toISOString();
  return {
    v: 1,
    id,
    backup,
    dry_run: false,
    parts: [...partNames],
    created_at,
    state: "running",
    progress: { done: 0, total: 0 },
    counts: [],
    ...change,
  };
}

const restore = (backup: string, change: Partial<StoredRestore> = {}, steps = plainSteps): Promise<StoredRestore> =>
  runRestore(steps, restoreDeps(env, limits), restoreOf(backup, change));

async function manifestOf(id: string): Promise<BackupManifest> {
  const found = await findBackup(bucket, id);
  if (found?.kind !== "made") throw new Error(`it is ${found?.kind}`);
  return found.manifest;
}

/** The configuration is published anew at the end, so that isolates take it: all but its time is as it was. */
function comparable(content: Record<string, unknown>): Record<string, unknown> {
  const { value } = content["key security"] as { value: number[] };
  const { at_ms: _, ...published } = JSON.parse(new TextDecoder().decode(Uint8Array.from(value))) as { at_ms: number };
  return { ...content, "key security": published };
}

describe("backup, wipe, restore", () => {
  it.each(["rows", "tables"] as const)("gives identical rows, keys and configuration after all %s are gone", async (what) => {
    const before = comparable(await contentOfStores());
    const id = await backUp();
    await wipeStores(what);
    expect(await restore(id)).toMatchObject({ state: "done", progress: { done: expect.any(Number) } });
    expect(comparable(await contentOfStores())).toEqual(before);
  });

  it("ends with the same when every step of both dies once before its work and once with its answer lost", async () => {
    const before = comparable(await contentOfStores());
    const order = orderOf();
    const plain = await manifestOf(await backUp());
    const id = await survive((steps) => backUp(order, steps));
    const hashes = ({ parts }: BackupManifest) => parts.map(({ name, count, sha256 }) => ({ name, count, sha256 }));
    expect(hashes(await manifestOf(id))).toEqual(hashes(plain));
    await wipeStores("tables");
    const { id: _, ...wish } = restoreOf(id);
    const restored = await survive((steps) => restore(id, wish, steps));
    expect(restored.counts.find(({ name }) => name === "d1:OPPORTUNITIES_DB")).toMatchObject({ removed: 0, changed: 0, unchanged: 0 });
    expect(restored.counts.map(({ name, added }) => [name, added])).toEqual(plain.parts.map(({ name, count }) => [name, count]));
    expect(comparable(await contentOfStores())).toEqual(before);
  });
});

/** Runs what begins anew after each death, with the answers that were kept. */
async function survive<T>(run: (steps: Steps) => Promise<T>): Promise<T> {
  const kept = new Map<string, unknown>();
  const deaths = new Map<string, number>();
  const steps: Steps = {
    async do<A>(name: string, work: () => Promise<A>): Promise<A> {
      if (kept.has(name)) return kept.get(name) as A;
      const died = deaths.get(name) ?? 0;
      deaths.set(name, died + 1);
      if (died === 0) throw new Error("killed");
      // As it comes back from where Workflows keep it.
      const answer = JSON.parse(JSON.stringify(await work())) as A;
      if (died === 1) throw new Error("killed");
      kept.set(name, answer);
      return answer;
    },
  };
  for (;;) {
    const result = await run(steps).catch((error: Error) => error);
    if (!(result instanceof Error)) return result;
    if (result.message !== "killed") throw result;
  }
}

describe("a restore over what went on since", () => {
  const counts = (restored: StoredRestore, part: PartName) => restored.counts.find(({ name }) => name === part);

  it("makes the hot cache and the configuration what they were, and a dry run only counts what that is", async () => {
    const before = comparable(await contentOfStores());
    const id = await backUp();
    const parts: PartName[] = ["d1:OPPORTUNITIES_DB", "kv:CONFIG_CACHE"];
    await env.OPPORTUNITIES_DB.prepare(
      "UPDATE opportunities SET risk_score = risk_score + 1 WHERE opportunity_id LIKE 'made-00001%'",
    ).run();
    await env.OPPORTUNITIES_DB.prepare("DELETE FROM opportunities WHERE opportunity_id LIKE 'made-00012%'").run();
    // Before the first row of the backup, between two, and behind the last.
    for (const id of ["!first", "made-000050-between", "zz-last"]) {
      const row = await env.OPPORTUNITIES_DB.prepare("SELECT * FROM opportunities LIMIT 1").first<Record<string, unknown>>();
      await insertRow(env.OPPORTUNITIES_DB, "opportunities", { ...row, opportunity_id: id });
    }
    await env.CONFIG_CACHE.put("placement", "{}", { metadata: { by: "somebody" } });
    await env.CONFIG_CACHE.put("new", "1");
    const changed = await contentOfStores();

    const dry = await restore(id, { parts, dry_run: true });
    expect(await contentOfStores()).toEqual(changed);
    expect(counts(dry, "d1:OPPORTUNITIES_DB")).toMatchObject({ added: 10, changed: 10, removed: 3, kept: 0 });
    expect(counts(dry, "kv:CONFIG_CACHE")).toMatchObject({ added: 0, changed: 1, removed: 1, unchanged: 2 });
    const done = await restore(id, { parts });
    expect(done.counts).toEqual(dry.counts);
    expect(comparable(await contentOfStores())).toEqual(before);
  });
});
