import { describe, expect, it } from "vitest";
import { Recent, judge, runChecks } from "./health-checks.ts";
import type { Check, CheckResult, Health } from "./health-checks.ts";

const up: CheckResult = { status: "up", latency_ms: 1 };
const down: CheckResult = { status: "down", latency_ms: 1, reason: "error" };
const slow: CheckResult = { status: "slow", latency_ms: 1 };

describe("the judgement", () => {
  it.each<[Health, string, Record<string, CheckResult>]>([
    ["unhealthy", "nobody accepts: no channel and no inbox", { "channel:a": down, "channel:b": down, inbox: down }],
    ["unhealthy", "the configuration is unusable", { config: down, "channel:a": up, inbox: up }],
    ["degraded", "the inbox still accepts for all channels", { "channel:a": down, "channel:b": down, inbox: up }],
    ["degraded", "one channel accepts and the inbox does not", { "channel:a": down, "channel:b": up, inbox: down }],
    ["degraded", "readers miss a database", { "channel:a": up, inbox: up, "d1:metrics": down }],
    ["degraded", "a queue does not take what a channel holds", { "channel:a": slow, inbox: up }],
    ["healthy", "all answer", { config: up, "channel:a": up, inbox: up, "d1:metrics": up }],
  ])("is %s when %s", (expected, _, checks) => {
    expect(judge(checks)).toBe(expected);
  });
});

describe("a round of checks", () => {
  const check = (name: string, run: Check["run"]): Check => ({ name, run });

  it("ends after one timeout however many never answer, and says nothing of the errors", async () => {
    const silent = (): Promise<never> => new Promise(() => undefined);
    const failing = (): Promise<never> => Promise.reject(new Error("secret-key at /srv/worker.ts:1"));
    const report = await runChecks([check("a", silent), check("b", silent), check("c", failing)], Date.now, 20);
    expect(report.checks).toMatchObject({ a: { status: "down", reason: "timeout" }, b: { reason: "timeout" }, c: { reason: "error" } });
    expect(JSON.stringify(report)).not.toContain("secret");
  });

  it("takes each check's time and figures", async () => {
    let nowMs = 0;
    const run = async () => ((nowMs += 7), { slow: false, figures: { outbox: 3 } });
    expect(await runChecks([check("a", run)], () => nowMs)).toEqual({
      status: "healthy",
      checks: { a: { status: "up", latency_ms: 7, figures: { outbox: 3 } } },
    });
  });
});

describe("a recent answer", () => {
  it("is asked for by one of many at a time, and again once it is old", async () => {
    const recent = new Recent<number>({ ttlMs: 2_000, joinMs: 100 });
    let computed = 0;
    const compute = async (): Promise<number> => ++computed;
    expect(await Promise.all([recent.get(0, compute), recent.get(0, compute), recent.get(1_999, compute)])).toEqual([1, 1, 1]);
    expect(await recent.get(2_000, compute)).toBe(2);
  });

  it("does not keep others waiting when the request that asked for it died", async () => {
    const recent = new Recent<number>({ ttlMs: 2_000, joinMs: 10 });
    void recent.get(0, () => new Promise(() => undefined));
    expect(await recent.get(1, async () => 2)).toBe(2);
  });

  it("that failed is asked for again at once", async () => {
    const recent = new Recent<number>({ ttlMs: 2_000, joinMs: 10 });
    await expect(recent.get(0, () => Promise.reject(new Error("down")))).rejects.toThrow("down");
    expect(await recent.get(1, async () => 2)).toBe(2);
  });
});
