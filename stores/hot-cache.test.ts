import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { opportunityRetentionMs, statementBytesMax } from "../schemas/limits.ts";
import type { EdgeEvent } from "../schemas/event.ts";
import { execution, opportunity, placed } from "../tests/support/placed.ts";
import { isValueFault } from "./d1-errors.ts";
import { upsertNewest } from "./hot-cache.ts";
import { findHotTable } from "./hot-cache-tables.ts";
import { pruneHotCache } from "./prune.ts";

const db = env.OPPORTUNITIES_DB;
const now = Date.UTC(2026, 10, 24, 12);
const hourMs = 3_600_000;

beforeEach(async () => {
  await db.batch([db.prepare("DELETE FROM opportunities"), db.prepare("DELETE FROM executions")]);
});

/** Writes events at offsets 1, 2, … and answers the rows D1 wrote. */
async function write(stream: string, events: readonly EdgeEvent[], firstOffset = 1): Promise<number> {
  const table = findHotTable(stream);
  if (table === undefined) throw new Error(stream);
  return upsertNewest(env[table.database], { table, placed: events.map((event, index) => placed(event, firstOffset + index)), now });
}

async function find(id: string): Promise<Record<string, unknown> | null> {
  return db.prepare("SELECT * FROM opportunities WHERE opportunity_id = ?").bind(id).first();
}

function turned(id: string, timeMs: number, status: string): EdgeEvent {
  return opportunity(id, { timeMs, type: "opportunity.updated", data: { execution_status: status } });
}

describe("rows written, which D1 bills", () => {
  // 16 M opportunities a day expire, 50 K are executed: the mean life costs four.
  it.each([
    ["expires costs four over its life: two to insert, one to expire, one to prune", "expired", [2, 1, 1]],
    ["is executed costs one more: it stays among the living", "executed", [2, 2, 1]],
  ])("an opportunity that %s", async (_, status, rows) => {
    const inserted = await write("opportunities", [opportunity("a", { timeMs: now })]);
    const finished = await write("opportunities", [turned("a", now + 5, status)], 2);
    const pruned = await db.prepare("DELETE FROM opportunities").run();
    expect([inserted, finished, pruned.meta.rows_written]).toEqual(rows);
  });

  it("further updates in one batch cost nothing, a stale or repeated one neither", async () => {
    const life = [
      opportunity("a", { timeMs: now }),
      opportunity("a", { timeMs: now + 1, type: "opportunity.updated" }),
      turned("a", now + 2, "expired"),
    ];
    expect(await write("opportunities", life)).toBe(1);
    expect(await write("opportunities", life)).toBe(0);
    expect(await write("opportunities", [opportunity("a", { timeMs: now + 1, id: "other" })])).toBe(0);
  });

  it("an opportunity that lives on costs two in a later batch: the row and its place in the index", async () => {
    await write("opportunities", [opportunity("a", { timeMs: now })]);
    expect(await write("opportunities", [opportunity("a", { timeMs: now + 1 })])).toBe(2);
    expect(await write("opportunities", [turned("a", now + 2, "executing")])).toBe(2);
  });
});

it("keeps the newest state whatever the order of arrival, across batches and within one", async () => {
  const states = [
    opportunity("a", { timeMs: now }),
    opportunity("a", { timeMs: now + 1, type: "opportunity.updated" }),
    turned("a", now + 2, "executed"),
  ];
  for (const order of [
    [2, 0, 1],
    [1, 2, 0],
    [0, 2, 1],
  ]) {
    await db.prepare("DELETE FROM opportunities").run();
    for (const index of order) await write("opportunities", states.slice(index, index + 1), index + 1);
    expect(await find("a")).toMatchObject({ status: "executed", time_ms: now + 2, offset: 3 });
    await db.prepare("DELETE FROM opportunities").run();
    await write(
      "opportunities",
      order.flatMap((index) => states.slice(index, index + 1)),
    );
    expect(await find("a")).toMatchObject({ status: "executed", time_ms: now + 2 });
  }
});

it("orders states that share a millisecond by their rank in the lifecycle, as the channel does", async () => {
  await write("executions", [execution("x", { timeMs: now, type: "execution.completed", data: { status: "confirmed" } })]);
  await write("executions", [execution("x", { timeMs: now, type: "execution.submitted" })]);
  expect(await db.prepare("SELECT status FROM executions").first("status")).toBe("confirmed");
});

it("takes an execution before its opportunity", async () => {
  await write("executions", [execution("x", { timeMs: now, data: { opportunity_id: "not-here-yet" } })]);
  await write("opportunities", [opportunity("not-here-yet", { timeMs: now - 10 })]);
  const joined = await db.prepare("SELECT count(*) AS n FROM executions JOIN opportunities USING (opportunity_id)").first("n");
  expect(joined).toBe(1);
});

it("keeps the data as it stands: exact decimals, unknown fields, any text", async () => {
  const data = {
    estimated_profit: "123456789012345678901234567890123456789012345678901234567890123456789012345678.5",
    note: 'quotes " and \\ and \u2028 and \u0001 and 🦊',
    nested: { tiny: 1e-7, large: 9_007_199_254_740_991, none: null, list: [1, "2", [true]] },
  };
  const event = opportunity("a", { timeMs: now, data });
  await write("opportunities", [event]);
  const row = await find("a");
  expect(row?.["data"]).toBe(JSON.stringify(event.data));
  expect(row?.["estimated_profit"]).toBeCloseTo(1.2345678901234568e77, -70);
});

it("splits what exceeds one statement and writes all of it", async () => {
  const padding = "x".repeat(40_000);
  const events = Array.from({ length: 60 }, (_, index) => opportunity(`big-${index}`, { timeMs: now, data: { padding } }));
  expect(events.length * padding.length).toBeGreaterThan(2 * statementBytesMax);
  expect(await write("opportunities", events)).toBe(120);
});

describe("pruning", () => {
  it("deletes what is past its retention, slice by slice, and nothing else", async () => {
    const old = now - opportunityRetentionMs - hourMs;
    const events = Array.from({ length: 25 }, (_, index) => opportunity(`p-${index}`, { timeMs: index % 2 === 0 ? old : now }));
    const table = findHotTable("opportunities");
    if (table === undefined) throw new Error("no table");
    // Written when they were young.
    await upsertNewest(db, { table, placed: events.map((event) => placed(event, 1)), now: old });
    await write("executions", [execution("x", { timeMs: old })]);
    const deleted = await pruneHotCache(env, { now, sliceRows: 4 });
    expect(deleted).toEqual({ opportunities: 13, executions: 0, performance_metrics: 0 });
    expect(await db.prepare("SELECT count(*) AS n FROM opportunities WHERE time_ms < ?").bind(now).first("n")).toBe(0);
    expect(await db.prepare("SELECT count(*) AS n FROM opportunities").first("n")).toBe(12);
  });

  it("an event that comes after its entity was pruned does not bring it back", async () => {
    expect(await write("opportunities", [turned("gone", now - opportunityRetentionMs - 1, "executed")])).toBe(0);
    expect(await find("gone")).toBeNull();
  });
});

it("metrics of two sources with one id are two rows, a repeat none", async () => {
  const table = findHotTable("metrics");
  if (table === undefined) throw new Error("no table");
  const base = opportunity("unused", { timeMs: now });
  const metric = (source: string): EdgeEvent => ({
    ...base,
    id: "m1",
    source,
    type: "metrics.recorded",
    data: { metric_type: "latency", value: "12.5", timestamp: base.time },
  });
  const states = [metric("one"), metric("two"), metric("one")].map((event, index) => placed(event, index + 1));
  await upsertNewest(env.METRICS_DB, { table, placed: states, now });
  const rows = await env.METRICS_DB.prepare("SELECT value, metric_type, chain FROM performance_metrics").all();
  expect(rows.results).toEqual([1, 2].map(() => ({ value: 12.5, metric_type: "latency", chain: null })));
});

it.each([
  ["D1_ERROR: CHECK constraint failed: length(opportunity_id) > 0: SQLITE_CONSTRAINT", true],
  ["D1_ERROR: cannot store TEXT value in INTEGER column: SQLITE_CONSTRAINT", true],
  ["D1_ERROR: malformed JSON: SQLITE_ERROR", true],
  ["D1_ERROR: string or blob too big: SQLITE_TOOBIG", true],
  ["D1_ERROR: no such table: opportunities: SQLITE_ERROR", false],
  ["D1_ERROR: table opportunities has no column named colour: SQLITE_ERROR", false],
  ["D1_ERROR: D1 DB is overloaded. Requests queued for too long.", false],
  ["D1_ERROR: D1 DB storage operation exceeded timeout which caused object to be reset.", false],
  ["Network connection lost.", false],
  ["something nobody has seen yet", false],
])("%s is the fault of the values: %s", (message, expected) => {
  expect(isValueFault(new Error(message))).toBe(expected);
});
