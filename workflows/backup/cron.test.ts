import { env } from "cloudflare:workers";
import { beforeEach, expect, it, vi } from "vitest";
import wrangler from "../../wrangler.toml?raw";
import { backupIdOf } from "../../schemas/backup.ts";
import type { BackupManifest } from "../../schemas/backup.ts";
import { backupPrefix, listBackupIds, putManifest, putOrder } from "../../stores/backups.ts";
import { forgetRestores, putRestore, takeTurn } from "../../stores/backups-restores.ts";
import { emptyBucket } from "../../tests/support/drill.ts";
import { backupCron, dailyOrder, runBackupCron, startDaily, sweepBackups } from "./cron.ts";
import type { BackupCronBindings } from "./cron.ts";

const bucket = env.CONFIG_BACKUPS;
const dayMs = 24 * 3_600_000;
const now = Date.UTC(2026, 10, 24, 2, 40);

beforeEach(async () => {
  vi.spyOn(console, "info").mockReturnValue(undefined);
  await emptyBucket(bucket);
});

/** Instances by id: the platform's part, of which the local one logs every refusal. */
function fakeWorkflow() {
  const ids = new Set<string>();
  const workflow = {
    async createBatch({ instances: [instance] }: { instances: readonly { id: string }[] }) {
      const id = instance?.id ?? "";
      if (ids.has(id)) return { created: [], errors: [{ index: 0, id, code: 1, message: "exists" }] };
      ids.add(id);
      return { created: [instance], errors: [] };
    },
    async get(id: string) {
      if (!ids.has(id)) throw new Error("(instance.not_found)");
      return {};
    },
  };
  return { BACKUP: workflow as unknown as BackupCronBindings["BACKUP"], ids };
}

async function madeAt(createdMs: number): Promise<string> {
  const { parts: _, ...order } = { ...dailyOrder(createdMs), kind: "on-demand" as const };
  const slice = { key: `${backupPrefix(order.id)}x`, sha256: "0".repeat(64), bytes: 20, count: 0, after: null };
  const sections = [{ name: "", slices: [slice] }];
  const parts: BackupManifest["parts"] = [{ name: "kv:CONFIG_CACHE", count: 0, bytes: 20, sha256: "0".repeat(64), sections }];
  await bucket.put(slice.key, "x");
  await putManifest(bucket, { ...order, ended_at: order.created_at, parts });
  return order.id;
}

it("the Worker knows its cron by the very text of wrangler.toml", () => {
  expect(wrangler).toContain(`"${backupCron}"`);
});

it("a day has one backup, however often the cron fires", async () => {
  const { BACKUP, ids } = fakeWorkflow();
  expect(await startDaily(BACKUP, now)).toBe(true);
  expect(await startDaily(BACKUP, now + 7_200_000)).toBe(false);
  expect(await startDaily(BACKUP, now + dayMs)).toBe(true);
  expect([...ids]).toEqual([dailyOrder(now).id, dailyOrder(now + dayMs).id]);
  expect([...ids].every((id) => /^[a-zA-Z0-9_][a-zA-Z0-9-_]{0,99}$/.test(id))).toBe(true);
});

it("Workflows that refuse are an error that is told, and what has had its time is deleted all the same", async () => {
  await madeAt(now - 140 * dayMs);
  const newest = await madeAt(now - 139 * dayMs);
  const errors = vi.spyOn(console, "error").mockReturnValue(undefined);
  const refusing = {
    createBatch: async () => ({ created: [], errors: [{ index: 0, message: "no room" }] }),
    get: () => Promise.reject(new Error("gone")),
  };
  await runBackupCron({ BACKUP: refusing as unknown as BackupCronBindings["BACKUP"], CONFIG_BACKUPS: bucket }, now);
  expect(errors.mock.calls.map(([line]) => JSON.parse(String(line)) as unknown)).toEqual([
    { event: "cron.backup.failed", task: "start", reason: "no room" },
  ]);
  expect(await listBackupIds(bucket)).toEqual([newest]);
  expect((await bucket.list()).objects.map(({ key }) => key)).toEqual([`${backupPrefix(newest)}manifest.json`, `${backupPrefix(newest)}x`]);
});

it("one that a running restore reads stays until the restore is over", async () => {
  const old = await madeAt(now - 140 * dayMs);
  await madeAt(now - 139 * dayMs);
  const id = backupIdOf(now, "restore");
  const created_at = new Date(now).toISOString();
  const restore = {
    v: 1,
    id,
    backup: old,
    dry_run: false,
    parts: ["kv:CONFIG_CACHE"],
    created_at,
    progress: { done: 0, total: 1 },
    counts: [],
  } as const;
  await takeTurn(bucket, { id: undefined, etag: undefined }, id);
  const put = (state: "running" | "done") => putRestore(bucket, { ...restore, parts: [...restore.parts], counts: [], state });
  await put("running");
  expect(await sweepBackups(bucket, now)).toBe(0);
  await put("done");
  expect(await sweepBackups(bucket, now)).toBe(1);
});

it("what is known of a restore is forgotten after a quarter, whose turn it was is not", async () => {
  const put = (createdMs: number) => bucket.put(`restores/v1/${backupIdOf(createdMs, "r")}.json`, "{}");
  const [, young] = await Promise.all([put(now - 91 * dayMs), put(now - 89 * dayMs), bucket.put("restores/v1/turn.json", "{}")]);
  expect(await forgetRestores(bucket, now - 90 * dayMs)).toBe(1);
  expect((await bucket.list()).objects.map(({ key }) => key)).toEqual([young?.key, "restores/v1/turn.json"]);
});

it("one left unfinished, or whose manifest cannot be believed, goes after a day", async () => {
  const newest = await madeAt(now);
  await putOrder(bucket, dailyOrder(now - dayMs));
  await bucket.put(`${backupPrefix(await madeAt(now - 2 * dayMs))}manifest.json`, "torn");
  const young = { ...dailyOrder(now), id: backupIdOf(now - dayMs / 2, "young") };
  await putOrder(bucket, young);
  expect(await sweepBackups(bucket, now)).toBe(2);
  expect(await listBackupIds(bucket)).toEqual([newest, young.id]);
});
