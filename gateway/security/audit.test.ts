import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { auditDetailsMax, auditTextCharsMax } from "../../schemas/audit.ts";
import { setFaults } from "../../tests/support/faults.ts";
import { faultyEnv } from "../../tests/support/faulty-env.ts";
import { emptySessionsDatabase, rowCount } from "../../tests/support/tokens.ts";
import { app } from "../app.ts";
import { audit, auditFlushMs, countRefusal } from "./audit.ts";

const rows = async (): Promise<Record<string, unknown>[]> =>
  (await env.SESSIONS_DB.prepare("SELECT * FROM audit ORDER BY seq").all()).results;
const down = (): void =>
  setFaults({
    d1: () => {
      throw new Error("D1 is down");
    },
  });

/** Nobody waits for the seconds. */
async function flushed(context: ExecutionContext): Promise<void> {
  await vi.advanceTimersByTimeAsync(auditFlushMs);
  await waitOnExecutionContext(context);
}

beforeEach(async () => {
  await emptySessionsDatabase();
  vi.useFakeTimers({ now: Date.now(), toFake: ["Date", "setTimeout", "clearTimeout"] });
});
afterEach(() => {
  setFaults({});
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe("a decision that is recorded", () => {
  const entry = { action: "firewall.changed", actor: "operator", subject: "rules", requestId: "r1", address: "1.2.3.4" } as const;

  it("is in D1 when the call returns", async () => {
    await audit(env, createExecutionContext(), { ...entry, details: { version: 3, dry_run: true } });
    const details = '{"version":3,"dry_run":true}';
    expect(await rows()).toMatchObject([{ action: "firewall.changed", actor: "operator", count: 1, request_id: "r1", details }]);
  });

  it("throws while D1 is down, so that what is not on record is not done", async () => {
    down();
    await expect(audit(faultyEnv(env), createExecutionContext(), entry)).rejects.toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });
  });

  it("is cut to its bounds, whole characters each", async () => {
    const details = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`d${n}`, "😀".repeat(500)]));
    await audit(env, createExecutionContext(), { ...entry, actor: `x${"😀".repeat(500)}`, details });
    const [row] = await rows();
    const stored = JSON.parse(String(row?.details)) as Record<string, string>;
    expect([String(row?.actor).length, Object.keys(stored).length, stored.d0?.length]).toEqual([
      auditTextCharsMax,
      auditDetailsMax,
      auditTextCharsMax,
    ]);
    expect(String(row?.actor).isWellFormed()).toBe(true);
  });
});

describe("refusals", () => {
  const entry = { action: "rate.limited", actor: "anonymous" } as const;

  it("are one write for a flood of them, some seconds later", async () => {
    const context = createExecutionContext();
    const own = { ...env };
    for (let n = 0; n < 1_000; n += 1) countRefusal(own, context, entry);
    expect(await rowCount("audit")).toBe(0);
    await flushed(context);
    expect(await rows()).toMatchObject([{ action: "rate.limited", count: 1_000 }]);
  });

  it("that cannot be written are given up with their number, and never throw", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    down();
    const context = createExecutionContext();
    const own = faultyEnv({ ...env });
    for (let n = 0; n < 7; n += 1) await audit(own, context, entry);
    await flushed(context);
    expect(warn.mock.calls.map(([line]) => JSON.parse(String(line)) as object)).toMatchObject([
      { event: "ask.failed", what: "the audit log" },
      { event: "audit.refusals.lost", count: 7 },
    ]);
  });

  it("go on being written when the request that promised to write them died", async () => {
    const own = { ...env };
    countRefusal(own, { waitUntil: () => vi.clearAllTimers() }, entry);
    await vi.advanceTimersByTimeAsync(35_000);
    expect(await rowCount("audit")).toBe(0);
    const context = createExecutionContext();
    countRefusal(own, context, entry);
    await flushed(context);
    expect(await rows()).toMatchObject([{ count: 2 }]);
  });

  it("of any route are put on record: how many, from where, of what", async () => {
    const own = { ...env };
    const context = createExecutionContext();
    const ask = (path: string, address: string): Promise<Response> =>
      Promise.resolve(app.request(path, { headers: { "cf-connecting-ip": address, authorization: "Bearer x" } }, own, context));
    for (const path of ["/ops/channels", "/ops/logs?stream=market", "/security/sessions", "/health"]) await ask(path, "2001:db8::1");
    await ask("/ops/channels", "2001:db8::2");
    await flushed(context);
    const found = (await rows()).map(({ action, subject, address, count, details }) => ({ action, subject, address, count, details }));
    const common = { address: "2001:db8:0:0::/64", details: '{"status":401}' };
    expect(found).toEqual([
      { ...common, action: "access.refused", subject: "/ops", count: 3 },
      { ...common, action: "token.refused", subject: "/security", count: 1 },
    ]);
  });
});
