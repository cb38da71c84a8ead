import { createExecutionContext, introspectWorkflow } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { backupIdOf, partNames } from "../../schemas/backup.ts";
import { backupPrefix, deleteBackup, putOrder } from "../../stores/backups.ts";
import { takeTurn, findTurn, putRestore } from "../../stores/backups-restores.ts";
import { fillStores } from "../../tests/support/drill.ts";
import { token } from "../../tests/support/sockets.ts";
import { app } from "../app.ts";
import { Backup, Restore } from "../openapi/paths/backups.ts";

interface Shown {
  readonly id: string;
  readonly state: string;
  readonly error?: string;
  readonly kind: string;
  readonly bytes: number;
  readonly kept_until?: string;
  readonly parts: readonly Record<string, number | string>[];
  readonly progress: { readonly done: number; readonly total: number };
}

interface Answer {
  readonly status: number;
  readonly body: {
    data: Shown;
    error: { code: string; message: string; details?: { parameter?: string; parts?: readonly { name: string }[] } };
    pagination: { cursor?: string };
  };
}

async function ask(method: string, path: string, body?: unknown, variables: object = env): Promise<Answer> {
  const headers = { "x-api-key": "test-ops-key", "content-type": "application/json" };
  const sent = body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) };
  const response = await app.request(path, { method, headers, ...sent }, variables, createExecutionContext());
  return { status: response.status, body: await response.json<Answer["body"]>() };
}

type Introspected = Awaited<ReturnType<typeof introspectWorkflow>>;

/** What is shown once the Workflow that was started last has ended. */
async function ended(path: string, workflows: Introspected, status: "complete" | "errored" = "complete"): Promise<Shown> {
  await (await workflows.get()).at(-1)?.waitForStatus(status);
  return (await ask("GET", path)).body.data;
}

const count = async (db: D1Database, sql: string): Promise<number> => (await db.prepare(sql).first<number>("n")) ?? -1;
const audited = (action: string) => count(env.SESSIONS_DB, `SELECT count(*) AS n FROM audit WHERE action = '${action}'`);
const rows = () => count(env.OPPORTUNITIES_DB, "SELECT count(*) AS n FROM opportunities");
const someId = backupIdOf(1, "some");

beforeAll(async () => {
  for (const level of ["info", "warn", "error"] as const) vi.spyOn(console, level).mockReturnValue(undefined);
  await fillStores({ opportunities: 50 });
});

const routes = [
  ["GET", "/ops/backups"],
  ["POST", "/ops/backups"],
  ["GET", `/ops/backups/${someId}`],
  ["DELETE", `/ops/backups/${someId}`],
  ["POST", `/ops/backups/${someId}/verify`],
  ["POST", `/ops/backups/${someId}/restore`],
  ["GET", `/ops/restores/${someId}`],
] as const;

it.each(routes)("%s %s is for operators", async (method, path) => {
  const bare = (headers: Record<string, string>) => app.request(path, { method, headers }, env, createExecutionContext());
  expect((await bare({})).status).toBe(401);
  expect((await bare({ authorization: `Bearer ${await token()}` })).status).toBe(403);
});

it.each<[number, string | undefined, string, string, unknown]>([
  [400, "parts", "POST", "/ops/backups", { parts: [] }],
  [400, "parts", "POST", "/ops/backups", { parts: ["d1:METRICS_DB", "d1:METRICS_DB"] }],
  [400, "parts.0", "POST", "/ops/backups", { parts: ["kv:API_CACHE"] }],
  [400, "comment", "POST", "/ops/backups", { comment: "x".repeat(501) }],
  [400, "", "POST", "/ops/backups", { other: 1 }],
  [413, undefined, "POST", "/ops/backups", `{"comment":"${"x".repeat(5_000)}"}`],
  [400, undefined, "POST", "/ops/backups", "{"],
  [400, "limit", "GET", "/ops/backups?limit=51", undefined],
  [400, "cursor", "GET", "/ops/backups?cursor=x", undefined],
  [400, "id", "GET", "/ops/backups/UPPER", undefined],
  [400, "id", "GET", "/ops/restores/..%2fturn", undefined],
  [400, "confirm", "POST", `/ops/backups/${someId}/restore`, { dry_run: false }],
  [400, "confirm", "POST", `/ops/backups/${someId}/restore`, { dry_run: false, confirm: "yes" }],
  [400, "dry_run", "POST", `/ops/backups/${someId}/restore`, { dry_run: "no" }],
  [404, undefined, "POST", `/ops/backups/${someId}/restore`, {}],
  [404, undefined, "POST", `/ops/backups/${someId}/verify`, undefined],
  [404, undefined, "DELETE", `/ops/backups/${someId}`, undefined],
  [404, undefined, "GET", `/ops/backups/${someId}`, undefined],
  [404, undefined, "GET", `/ops/restores/${someId}`, undefined],
])("%i (%s) is answered to %s %s", async (status, parameter, method, path, body) => {
  const answer = await ask(method, path, body);
  expect([answer.status, answer.body.error.details?.parameter]).toEqual([status, parameter]);
});

describe("an operator", () => {
  let id: string;

  it("backs up what is named, on record, and finds it done, listed and whole", async () => {
    await using workflows = await introspectWorkflow(env.BACKUP);
    const parts = ["d1:OPPORTUNITIES_DB", "kv:CONFIG_CACHE", "r2:manifests"];
    const { status, body } = await ask("POST", "/ops/backups", { parts, comment: "before the upgrade" });
    expect([status, body.data]).toMatchObject([202, { state: "running", kind: "on-demand", comment: "before the upgrade", parts: [] }]);
    ({ id } = body.data);
    const shown = await ended(`/ops/backups/${id}`, workflows);
    expect(Backup.strict().parse(shown)).toEqual(shown);
    expect(shown).toMatchObject({ id, state: "done", parts: parts.map((name) => ({ name })) });
    expect(shown.parts.map(({ rows: r, keys, objects }) => [r, keys, objects])).toEqual([
      [54, undefined, undefined],
      [undefined, 3, undefined],
      [undefined, undefined, 4],
    ]);
    expect(shown.bytes).toBe(shown.parts.reduce((sum, { bytes }) => sum + Number(bytes), 0));
    expect(await audited("backup.made")).toBe(1);
    expect(await ask("POST", `/ops/backups/${id}/verify`)).toMatchObject({ status: 200, body: { data: { ok: true } } });
  });

  it("makes one backup at a time", async () => {
    const order = { v: 1, id: backupIdOf(Date.now() + 1_000, "busy"), kind: "on-demand", created_at: new Date().toISOString() } as const;
    await putOrder(env.CONFIG_BACKUPS, { ...order, parts: [...partNames] });
    const answer = await ask("POST", "/ops/backups", {});
    expect([answer.status, answer.body.error.message]).toEqual([409, expect.stringContaining(order.id)]);
    expect((await ask("DELETE", `/ops/backups/${order.id}`)).status).toBe(409);
    await deleteBackup(env.CONFIG_BACKUPS, order.id);
    expect(await audited("backup.made")).toBe(1);
  });

  it("sees a dry run by default, and restores by naming the backup again", async () => {
    await using workflows = await introspectWorkflow(env.RESTORE);
    await env.OPPORTUNITIES_DB.prepare("DELETE FROM opportunities WHERE opportunity_id LIKE 'made-00000%'").run();
    const dry = await ask("POST", `/ops/backups/${id}/restore`);
    expect([dry.status, dry.body.data]).toMatchObject([202, { backup: id, state: "running", dry_run: true }]);
    const shown = await ended(`/ops/restores/${dry.body.data.id}`, workflows);
    expect(shown.parts[0]).toEqual({ name: "d1:OPPORTUNITIES_DB", would_add: 9, would_change: 0, would_remove: 0, unchanged: 45, kept: 0 });
    expect([await rows(), await audited("backup.restored")]).toEqual([42, 0]);

    const wish = { dry_run: false, confirm: id, parts: ["d1:OPPORTUNITIES_DB"] };
    const { body } = await ask("POST", `/ops/backups/${id}/restore`, wish);
    const done = await ended(`/ops/restores/${body.data.id}`, workflows);
    expect(done).toMatchObject({
      state: "done",
      parts: [{ name: "d1:OPPORTUNITIES_DB", added: 9, changed: 0, removed: 0, unchanged: 45, kept: 0 }],
    });
    for (const restored of [shown, done]) expect(Restore.strict().parse(restored)).toEqual(restored);
    expect(done.progress.done).toBe(done.progress.total);
    expect([await rows(), await audited("backup.restored")]).toEqual([51, 1]);
  });

  it("is refused a part that the backup has not, and a second restore while one runs", async () => {
    const wish = { dry_run: false, confirm: id };
    const missing = await ask("POST", `/ops/backups/${id}/restore`, { parts: ["d1:SESSIONS_DB"] });
    expect([missing.status, missing.body.error.details?.parameter]).toEqual([400, "parts"]);
    const other = backupIdOf(2, "other");
    const restore = {
      v: 1,
      id: other,
      backup: id,
      dry_run: false,
      state: "running",
      created_at: "2026-11-24T00:00:00Z",
      counts: [],
    } as const;
    await putRestore(env.CONFIG_BACKUPS, { ...restore, counts: [], parts: [...partNames], progress: { done: 0, total: 1 } });
    await takeTurn(env.CONFIG_BACKUPS, await findTurn(env.CONFIG_BACKUPS), other);
    const running = { get: async () => ({ status: async () => ({ status: "running" }) }) };
    const busy = { ...env, RESTORE: running };
    for (const [method, path, body] of [
      ["POST", `/ops/backups/${id}/restore`, wish],
      ["DELETE", `/ops/backups/${id}`, undefined],
      ["POST", "/ops/backups", {}],
    ] as const)
      expect(await ask(method, path, body, busy)).toMatchObject({ status: 409, body: { error: { code: "CONFLICT" } } });
    expect(await audited("backup.restored")).toBe(1);
    // Its Workflow is gone: it ended without a word, and keeps nobody waiting.
    expect((await ask("GET", `/ops/restores/${other}`)).body.data).toMatchObject({
      state: "failed",
      error: expect.stringContaining("unfinished"),
    });
  });

  it("is told which part of a damaged backup is, and can restore none of it", async () => {
    const [object] = (await env.CONFIG_BACKUPS.list({ prefix: `${backupPrefix(id)}kv/` })).objects;
    const key = object?.key ?? "";
    const bytes = (await (await env.CONFIG_BACKUPS.get(key))?.bytes()) ?? new Uint8Array();
    await env.CONFIG_BACKUPS.put(
      key,
      bytes.map((byte, at) => (at === 30 ? byte ^ 1 : byte)),
    );
    const verified = await ask("POST", `/ops/backups/${id}/verify`);
    expect(verified).toMatchObject({
      status: 200,
      body: { data: { ok: false, parts: [{ ok: true }, { name: "kv:CONFIG_CACHE", ok: false }, { ok: true }] } },
    });
    const before = await rows();
    const refused = await ask("POST", `/ops/backups/${id}/restore`, { dry_run: false, confirm: id });
    expect([refused.status, refused.body.error.details?.parts]).toMatchObject([409, [{ name: "kv:CONFIG_CACHE" }]]);
    expect(refused.body.error.message).toContain(key);
    expect([await rows(), await audited("backup.restored")]).toEqual([before, 1]);
  });

  it("pages through all of them, sees what was left unfinished as failed, and deletes", async () => {
    const torn = { v: 1, id: someId, kind: "on-demand", created_at: "2026-01-01T00:00:00.000Z", parts: ["d1:METRICS_DB"] } as const;
    await putOrder(env.CONFIG_BACKUPS, { ...torn, parts: [...torn.parts] });
    const first = await ask("GET", "/ops/backups?limit=1");
    const second = await ask("GET", `/ops/backups?limit=1&cursor=${first.body.pagination.cursor}`);
    expect([first.body.data, second.body.data]).toMatchObject([[{ id, state: "done" }], [{ id: someId, state: "failed", parts: [] }]]);
    expect(second.body.pagination).toEqual({ limit: 1, has_next: false });
    for (const path of ["verify", "restore"]) expect((await ask("POST", `/ops/backups/${someId}/${path}`, {})).status).toBe(409);
    expect(await ask("DELETE", `/ops/backups/${id}`)).toMatchObject({ status: 200, body: { data: { id, deleted: true } } });
    expect((await ask("GET", `/ops/backups/${id}`)).status).toBe(404);
    expect(await audited("backup.deleted")).toBe(1);
  });

  it("is told why a backup failed, when a store stays away", async () => {
    await using workflows = await introspectWorkflow(env.BACKUP);
    await workflows.modifyAll(async (instance) => {
      await instance.disableRetryDelays();
      await instance.mockStepError({ name: "d1:METRICS_DB: sections" }, new Error("D1 is overloaded"));
    });
    const { body } = await ask("POST", "/ops/backups", { parts: ["d1:METRICS_DB"] });
    expect(await ended(`/ops/backups/${body.data.id}`, workflows, "errored")).toMatchObject({
      state: "failed",
      error: expect.stringContaining("overloaded"),
    });
  });
});
