import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runSecurityCron } from "../consumers/security-cron.ts";
import type { AuditLine } from "../schemas/audit.ts";
import { auditKeptMs, sessionKeptMs } from "../schemas/token-limits.ts";
import { setFaults } from "../tests/support/faults.ts";
import { faultyEnv } from "../tests/support/faulty-env.ts";
import { emptySessionsDatabase, rowCount } from "../tests/support/tokens.ts";
import { auditPrefix, exportAudit, pruneAudit } from "./audit-export.ts";
import { putAudit } from "./audit.ts";

const hourMs = 3_600_000;
const nowMs = Date.parse("2026-11-24T10:30:00Z");

beforeEach(async () => {
  await emptySessionsDatabase();
  const { objects } = await env.EDGE_LOGS.list({ prefix: auditPrefix });
  await env.EDGE_LOGS.delete(objects.map(({ key }) => key));
});
afterEach(() => setFaults({}));

function put(times: readonly number[]): Promise<void> {
  return putAudit(
    env,
    times.map((timeMs) => ({ action: "ban.set" as const, actor: "operator", subject: `at ${timeMs}`, timeMs, firstMs: timeMs, count: 1 })),
  );
}

async function exported(): Promise<Map<string, AuditLine[]>> {
  const found = new Map<string, AuditLine[]>();
  for (const { key } of (await env.EDGE_LOGS.list({ prefix: auditPrefix })).objects) {
    const object = await env.EDGE_LOGS.get(key);
    const text = await new Response(object?.body.pipeThrough(new DecompressionStream("gzip"))).text();
    found.set(
      key,
      text
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as AuditLine),
    );
  }
  return found;
}

const subjects = async (): Promise<unknown[]> => [...(await exported()).values()].flat().map(({ subject }) => subject);

async function exportAll(rowsMax?: number): Promise<number> {
  let objects = 0;
  while ((await exportAudit(env, nowMs, rowsMax)) !== undefined) objects += 1;
  return objects;
}

describe("an export", () => {
  it("that R2 refuses is done again, and nothing is pruned before it is there", async () => {
    await put([nowMs - auditKeptMs - 1, nowMs]);
    setFaults({ r2Put: () => Promise.reject(new Error("R2 is down")) });
    await expect(exportAudit(faultyEnv(env), nowMs)).rejects.toThrow("R2 is down");
    expect([await pruneAudit(env, nowMs), await rowCount("audit")]).toEqual([0, 2]);
    setFaults({});
    await exportAll();
    expect([await subjects(), await pruneAudit(env, nowMs), await rowCount("audit")]).toEqual([
      [`at ${nowMs - auditKeptMs - 1}`, `at ${nowMs}`],
      1,
      1,
    ]);
  });

  it("that died after it wrote is done again under the same name: each line is there once", async () => {
    await put([nowMs, nowMs + 1]);
    let batches = 0;
    setFaults({
      d1: (_, method) => {
        // Of the statements that follow the plan, the one that says "done" is the last.
        if (method === "prepare" && (batches += 1) === 4) throw new Error("killed");
      },
    });
    await expect(exportAudit(faultyEnv(env), nowMs)).rejects.toThrow("killed");
    setFaults({});
    expect(await subjects()).toHaveLength(2);
    await put([nowMs + 2]);
    expect(await exportAll()).toBe(2);
    expect(await subjects()).toEqual([`at ${nowMs}`, `at ${nowMs + 1}`, `at ${nowMs + 2}`]);
  });

  it("by two at once writes each line once", async () => {
    await put(Array.from({ length: 20 }, (_, n) => nowMs + n));
    await Promise.all([exportAll(7), exportAll(7), exportAll(7)]);
    expect(new Set(await subjects()).size).toBe(20);
    expect(await subjects()).toHaveLength(20);
  });

  it("makes objects of one hour each, named by it, of so many lines at most", async () => {
    await put([nowMs, nowMs + 1, nowMs + 2, nowMs + hourMs, nowMs + 14 * hourMs]);
    expect(await exportAll(2)).toBe(4);
    const names = [...(await exported()).keys()].map((key) => /dt=.*hr=../.exec(key)?.[0]);
    expect(names).toEqual(["dt=2026-11-24/hr=10", "dt=2026-11-24/hr=10", "dt=2026-11-24/hr=11", "dt=2026-11-25/hr=00"]);
    expect(await exportAll()).toBe(0);
  });

  it("goes on after all rows were pruned: numbers are never given twice", async () => {
    await put([nowMs - auditKeptMs - 1]);
    await exportAll();
    expect([await pruneAudit(env, nowMs), await rowCount("audit")]).toEqual([1, 0]);
    await put([nowMs]);
    await exportAll();
    expect(await subjects()).toHaveLength(2);
  });
});

describe("the cron", () => {
  const session = (id: string, expiresMs: number) =>
    env.SESSIONS_DB.prepare("INSERT INTO sessions VALUES (?1, 'u', 'operator', NULL, NULL, 60, 0, 0, 0, ?2, NULL, NULL)").bind(
      id,
      expiresMs,
    );
  const key = (kid: string, untilMs: number) =>
    env.SESSIONS_DB.prepare("INSERT INTO signing_keys VALUES (?1, 'ES256', '{}', '', 0, 0, ?2)").bind(kid, untilMs);

  it("prunes sessions and keys that are over, and no others", async () => {
    await env.SESSIONS_DB.batch([session("old", nowMs - sessionKeptMs - 1), session("over", nowMs - 1), session("live", nowMs + 1)]);
    await env.SESSIONS_DB.batch([key("old", nowMs), key("live", nowMs + 1)]);
    await put([nowMs]);
    await runSecurityCron(env, nowMs);
    const left = await env.SESSIONS_DB.prepare("SELECT session_id AS id FROM sessions UNION ALL SELECT kid FROM signing_keys").all();
    expect(left.results.map(({ id }) => id)).toEqual(["live", "over", "live"]);
    expect(await subjects()).toHaveLength(1);
  });

  it("goes on with the rest when one part fails", async () => {
    await env.SESSIONS_DB.batch([session("old", nowMs - sessionKeptMs - 1)]);
    await put([nowMs]);
    setFaults({ r2Put: () => Promise.reject(new Error("R2 is down")) });
    await runSecurityCron(faultyEnv(env), nowMs);
    expect([await rowCount("sessions"), await rowCount("audit")]).toEqual([0, 1]);
  });
});
