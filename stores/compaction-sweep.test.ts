import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { storeGeneratedLog } from "../tests/support/log-hours.ts";
import { compactionDeps } from "../workflows/compaction/compaction.ts";
import { runCompaction } from "../workflows/compaction/run.ts";
import { isHeld, parseHold } from "./compaction-holds.ts";
import { HourMarker, settleHour } from "./compaction-hours.ts";
import { sweepLog } from "./compaction-sweep.ts";
import type { Swept } from "./compaction-sweep.ts";
import { hourOf, startOfHour } from "./event-log.ts";
import { readLog } from "./event-log-reader.ts";

const bucket = env.EDGE_LOGS;
const stream = "opportunities";
const hour = hourOf(Date.UTC(2026, 10, 24, 7));
const hourMs = 3_600_000;
const graceMs = 24 * hourMs;
const compactedAt = startOfHour(hour) + 2 * hourMs;
const afterGrace = compactedAt + graceMs + 1;
let compactions = 0;

beforeEach(async () => {
  vi.spyOn(console, "info").mockReturnValue(undefined);
  vi.spyOn(console, "warn").mockReturnValue(undefined);
  for (let page = await bucket.list(); page.objects.length > 0; page = await bucket.list())
    await bucket.delete(page.objects.map(({ key }) => key));
  await env.METRICS_DB.prepare("DELETE FROM log_hours").run();
});

async function keys(prefix: string): Promise<string[]> {
  return (await bucket.list({ prefix })).objects.map(({ key }) => key);
}

async function compact(now = compactedAt): Promise<void> {
  const [object = ""] = await keys("events/");
  await new HourMarker().mark(env, { object, stream, now: startOfHour(hour) + graceMs });
  const { marks } = (await env.METRICS_DB.prepare("SELECT marks FROM log_hours").first<{ marks: number }>()) ?? { marks: 0 };
  const deps = { ...compactionDeps(env), settle: () => settleHour(env.METRICS_DB, { stream, hour, marks, now }) };
  compactions += 1;
  const order = { stream, hour, marks };
  await runCompaction({ do: (_, work) => work() }, deps, { order, work: `compaction/v1/sweep-${compactions}/` });
}

async function storeHour(latePercent = 0) {
  return await storeGeneratedLog(bucket, {
    stream,
    epoch: "e1",
    firstHour: hour,
    eventsOfHour: [200],
    objectLines: 50,
    twicePercent: 5,
    latePercent,
  });
}

function sweep(now: number, overrides: { retentionMs?: number } = {}): Promise<Swept> {
  return sweepLog(env, { now, graceMs, retentionMs: overrides.retentionMs, streams: [stream] });
}

async function readable(): Promise<number> {
  let count = 0;
  const lines = readLog(bucket, { stream, from: startOfHour(hour), to: startOfHour(hour + 1) });
  while ((await lines.next()).done !== true) count += 1;
  return count;
}

describe("raw objects", () => {
  it("stay until the grace period is over, then go, and every position is still read", async () => {
    await storeHour();
    await compact();
    const raw = (await keys("events/")).length;
    expect(await sweep(afterGrace - 2)).toMatchObject({ hours: 0, deleted: 0 });
    expect(await sweep(afterGrace)).toMatchObject({ hours: 1, deleted: raw });
    expect(await keys("events/")).toEqual([]);
    expect(await readable()).toBe(200);
    expect(await sweep(afterGrace)).toMatchObject({ hours: 0, deleted: 0 });
  });

  it("that came after the manifest stay, and so do all of an hour that is dirty", async () => {
    const stored = await storeHour(10);
    await compact();
    await stored.storeLate();
    await new HourMarker().mark(env, { object: (await keys("events/"))[0] ?? "", stream, now: afterGrace });
    expect(await sweep(afterGrace)).toMatchObject({ deleted: 0 });
    expect(await readable()).toBe(200);
    // Compacted again, the parts of the first generation go as well.
    await compact();
    const parts = (await keys("compacted/")).length;
    await sweep(afterGrace);
    expect(await keys("compacted/")).toHaveLength(parts - 1);
    expect(await readable()).toBe(200);
  });

  it("stay when a part is not what the manifest says", async () => {
    await storeHour();
    await compact();
    const raw = await keys("events/");
    await bucket.put((await keys("compacted/"))[0] ?? "", "short");
    expect(await sweep(afterGrace)).toMatchObject({ deleted: 0 });
    expect(await keys("events/")).toEqual(raw);
    // …and are looked at again by the next run.
    expect(await sweep(afterGrace)).toMatchObject({ hours: 1 });
  });

  it("stay while a hold covers them, whatever their age", async () => {
    await storeHour();
    await compact();
    const raw = await keys("events/");
    await bucket.put("holds/v1/case-42.json", JSON.stringify({ v: 1, reason: "case 42", stream, from: "2026-11-24T07:30:00Z" }));
    expect(await sweep(afterGrace, { retentionMs: hourMs })).toMatchObject({ held: 1, deleted: 0, expired: 0 });
    expect(await keys("events/")).toEqual(raw);
    await bucket.delete("holds/v1/case-42.json");
    expect(await sweep(afterGrace)).toMatchObject({ held: 0, deleted: raw.length });
  });
});

describe("retention", () => {
  it("deletes raw objects, parts and manifests past it, and nothing younger", async () => {
    await storeHour();
    await compact();
    const retentionMs = 30 * graceMs;
    const end = startOfHour(hour + 1) + retentionMs;
    expect(await sweep(end - 1, { retentionMs })).toMatchObject({ expired: 0 });
    expect((await sweep(end, { retentionMs })).expired).toBeGreaterThan(1);
    expect((await bucket.list()).objects).toEqual([]);
  });

  it("of nothing configured keeps all for ever", async () => {
    await storeHour();
    expect(await sweep(afterGrace + 10_000 * graceMs)).toMatchObject({ expired: 0 });
    expect(await readable()).toBe(200);
  });
});

describe("a hold", () => {
  const of = { stream, hour };
  const hold = (fields: object) => [parseHold("h", JSON.stringify({ v: 1, reason: "r", ...fields }))];

  it.each<[string, object, boolean]>([
    ["everything", {}, true],
    ["its stream", { stream }, true],
    ["not another stream", { stream: "market" }, false],
    ["an hour that it touches at the end", { from: "2026-11-24T07:59:59Z" }, true],
    ["not an hour before it", { from: "2026-11-24T08:00:00Z" }, false],
    ["an hour that it touches at the beginning", { to: "2026-11-24T07:00:01+00:00" }, true],
    ["not an hour after it", { to: "2026-11-24T07:00:00Z" }, false],
  ])("covers %s", (_, fields, held) => {
    expect(isHeld(hold(fields), of)).toBe(held);
  });

  it.each<string | undefined>(["", "{}", '{"v":1,"reason":"r","from":"yesterday"}', '{"v":2,"reason":"r"}', undefined])(
    "that reads %j covers everything",
    (text) => {
      expect(isHeld([parseHold("h", text)], { stream: "anything", hour: 1 })).toBe(true);
    },
  );
});
