import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { EdgeEvent } from "../../schemas/event.ts";
import { opportunityRetentionMs } from "../../schemas/limits.ts";
import { packPositions, unpack } from "../../schemas/pack.ts";
import type { PackedMessage } from "../../schemas/pack.ts";
import type { AppliedRequest, LogRow, Range } from "../../schemas/rpc.ts";
import { isValueFault } from "../../stores/d1-errors.ts";
import { upsertNewest } from "../../stores/hot-cache.ts";
import { execution, opportunity, rowOfEvents } from "../../tests/support/placed.ts";
import type { Poison } from "./read-events.ts";
import { rangesOf } from "./ranges.ts";
import { hotCacheStep } from "./step.ts";
import type { HotCacheDeps } from "./step.ts";

const db = env.OPPORTUNITIES_DB;
const now = Date.UTC(2026, 10, 24, 12);
/** Passes every schema of ours; the table refuses it by a CHECK that only this file's database has. */
const poisonId = "poison";

beforeAll(async () => {
  await db.prepare("ALTER TABLE opportunities ADD COLUMN taste TEXT CHECK (opportunity_id NOT LIKE 'poison%')").run();
});

beforeEach(async () => {
  await db.batch([db.prepare("DELETE FROM opportunities"), db.prepare("DELETE FROM executions")]);
});

/** As the queue delivers them: through the packed text. */
function delivered(stream: string, rows: readonly LogRow[], epoch = "e1"): PackedMessage[] {
  return packPositions({ stream, epoch }, rows).map(({ body }) => {
    const message = unpack(body);
    if (!("kind" in message)) throw new Error(message.invalid);
    return message;
  });
}

/** Real D1 behind; marks and letters are noted, and `fail` may throw before any of the three. */
function harness(fail: (what: "write" | "park" | "applied") => void = () => undefined) {
  const marks: AppliedRequest[] = [];
  const letters: Poison[] = [];
  const deps: HotCacheDeps = {
    async write(table, placed) {
      fail("write");
      return upsertNewest(env[table.database], { table, placed, now });
    },
    isValueFault,
    async park(poison) {
      fail("park");
      letters.push(poison);
    },
    async applied(request) {
      fail("applied");
      marks.push(request);
    },
  };
  return { deps, marks, letters };
}

async function statuses(): Promise<Record<string, unknown>> {
  const rows = await db.prepare("SELECT opportunity_id AS id, status FROM opportunities").all<{ id: string; status: string }>();
  return Object.fromEntries(rows.results.map(({ id, status }) => [id, status]));
}

function life(id: string): EdgeEvent[] {
  return [
    opportunity(id, { timeMs: now }),
    opportunity(id, { timeMs: now + 1, type: "opportunity.updated", data: { execution_status: "executing" } }),
    opportunity(id, { timeMs: now + 2, type: "opportunity.updated", data: { execution_status: "executed" } }),
  ];
}

describe("outages", () => {
  it("D1 failing for three batches delays everything and loses nothing; nothing is marked before it is committed", async () => {
    let failures = 3;
    const { deps, marks, letters } = harness((what) => {
      if (what === "write" && failures-- > 0) throw new Error("D1_ERROR: D1 DB is overloaded");
    });
    const items = delivered("opportunities", [rowOfEvents(1, now, [...life("a"), ...life("b")])]);
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      expect(await hotCacheStep(items, deps)).toEqual([{ kind: "retry", reason: "D1_ERROR: D1 DB is overloaded" }]);
      expect(marks).toEqual([]);
    }
    expect(await hotCacheStep(items, deps)).toEqual([{ kind: "done" }]);
    expect(await statuses()).toEqual({ a: "executed", b: "executed" });
    expect(marks).toEqual([{ v: 1, stream: "opportunities", epoch: "e1", ranges: [[1, 6]], d1RowsWritten: expect.any(Number) as number }]);
    expect(marks[0]?.d1RowsWritten).toBeGreaterThan(0);
    expect(letters).toEqual([]);
  });

  it("a channel that does not take the mark brings the messages back, and the second time nothing is written twice", async () => {
    let failures = 1;
    const { deps, marks } = harness((what) => {
      if (what === "applied" && failures-- > 0) throw new Error("channel opportunities did not answer within 5000 ms");
    });
    const items = delivered("opportunities", [rowOfEvents(1, now, life("a"))]);
    expect((await hotCacheStep(items, deps)).map(({ kind }) => kind)).toEqual(["retry"]);
    expect(await hotCacheStep(items, deps)).toEqual([{ kind: "done" }]);
    expect(await statuses()).toEqual({ a: "executed" });
    expect(marks).toHaveLength(1);
  });

  it("one stream's trouble does not hold up another's messages", async () => {
    const { deps, marks } = harness();
    const broken: HotCacheDeps = {
      ...deps,
      write: (table, placed) => (table.name === "executions" ? Promise.reject(new Error("reset")) : deps.write(table, placed)),
    };
    const items = [
      ...delivered("executions", [rowOfEvents(1, now, [execution("x", { timeMs: now })])]),
      ...delivered("opportunities", [rowOfEvents(1, now, life("a"))]),
    ];
    expect((await hotCacheStep(items, broken)).map(({ kind }) => kind)).toEqual(["retry", "done"]);
    expect(marks.map(({ stream }) => stream)).toEqual(["opportunities"]);
  });

  it("a missing table is an outage of the deploy's making: retried, never dead-lettered", async () => {
    const { deps, letters } = harness();
    await db.prepare("ALTER TABLE opportunities RENAME TO elsewhere").run();
    const outcomes = await hotCacheStep(delivered("opportunities", [rowOfEvents(1, now, life("a"))]), deps);
    await db.prepare("ALTER TABLE elsewhere RENAME TO opportunities").run();
    expect(outcomes.map(({ kind }) => kind)).toEqual(["retry"]);
    expect(letters).toEqual([]);
  });

  it("a large batch refused to the last event for one reason is an outage too", async () => {
    const { deps, letters, marks } = harness();
    const events = Array.from({ length: 40 }, (_, index) => opportunity(`${poisonId}-${index}`, { timeMs: now }));
    const outcomes = await hotCacheStep(delivered("opportunities", [rowOfEvents(1, now, events)]), deps);
    expect(outcomes.map(({ kind }) => kind)).toEqual(["retry"]);
    expect([letters, marks]).toEqual([[], []]);
  });
});

describe("poison", () => {
  it("is found among its neighbours, parked alone as a message of its own, and listed as incomplete; the neighbours are applied", async () => {
    const { deps, letters, marks } = harness();
    const good = Array.from({ length: 50 }, (_, index) => opportunity(`good-${index}`, { timeMs: now }));
    const events = [...good.slice(0, 20), opportunity(poisonId, { timeMs: now }), ...good.slice(20)];
    const outcomes = await hotCacheStep(delivered("opportunities", [rowOfEvents(11, now, events)]), deps);
    expect(outcomes).toEqual([{ kind: "done" }]);
    expect(Object.keys(await statuses())).toHaveLength(50);
    expect(letters.map(({ row, stream, epoch }) => ({ stream, epoch, first: row.first, count: row.count }))).toEqual([
      { stream: "opportunities", epoch: "e1", first: 31, count: 1 },
    ]);
    expect(letters[0]?.reason).toMatch(/CHECK constraint failed/);
    expect(JSON.parse(letters[0]?.row.lines ?? "")).toMatchObject({ subject: poisonId });
    const expected: { ranges: Range[]; incomplete: Range[] } = {
      ranges: [
        [11, 30],
        [32, 61],
      ],
      incomplete: [[31, 31]],
    };
    expect(marks).toMatchObject([{ v: 1, stream: "opportunities", epoch: "e1", ...expected }]);
  });

  it("an entity whose newest state is poison keeps the state before it", async () => {
    const { deps } = harness();
    await db
      .prepare(
        "CREATE TRIGGER no_expired BEFORE INSERT ON opportunities WHEN NEW.status = 'expired' BEGIN SELECT RAISE(ABORT, 'constraint failed'); END",
      )
      .run();
    const events = [...life("a").slice(0, 2), opportunity("a", { timeMs: now + 9, data: { execution_status: "expired" } })];
    const outcomes = await hotCacheStep(delivered("opportunities", [rowOfEvents(1, now, events)]), deps);
    await db.prepare("DROP TRIGGER no_expired").run();
    expect(outcomes).toEqual([{ kind: "done" }]);
    expect(await statuses()).toEqual({ a: "executing" });
  });

  it("a line that is no event, or one of another stream, is parked alone", async () => {
    const { deps, letters, marks } = harness();
    const row = rowOfEvents(1, now, [
      opportunity("a", { timeMs: now }),
      execution("x", { timeMs: now }),
      opportunity("b", { timeMs: now }),
    ]);
    const broken = { ...row, count: 4, lines: `${row.lines}\n{"specversion":"1.0"` };
    expect(await hotCacheStep(delivered("opportunities", [broken]), deps)).toEqual([{ kind: "done" }]);
    expect(letters.map(({ row: { first }, reason }) => [first, reason.slice(0, 20)])).toEqual([
      [2, "execution.submitted "],
      [4, "not JSON: Expected '"],
    ]);
    expect(marks[0]).toMatchObject({
      ranges: [
        [1, 1],
        [3, 3],
      ],
      incomplete: [
        [2, 2],
        [4, 4],
      ],
    });
  });

  it("that cannot be parked is not settled: the message comes again", async () => {
    const { deps, marks } = harness((what) => {
      if (what === "park") throw new Error("R2 is down");
    });
    const outcomes = await hotCacheStep(delivered("opportunities", [rowOfEvents(1, now, [opportunity(poisonId, { timeMs: now })])]), deps);
    expect(outcomes).toEqual([{ kind: "retry", reason: "R2 is down" }]);
    expect(marks).toEqual([]);
  });
});

it("a redelivered batch of another composition ends in the same rows and the same marks", async () => {
  const { deps, marks } = harness();
  const rows = ["a", "b", "c"].map((id, index) => rowOfEvents(1 + index * 3, now, life(id)));
  const [one, two, three] = rows.map((row) => delivered("opportunities", [row]));
  if (one === undefined || two === undefined || three === undefined) throw new Error("three messages");
  await hotCacheStep([...three, ...one], deps);
  await hotCacheStep([...two, ...three], deps);
  expect(await statuses()).toEqual({ a: "executed", b: "executed", c: "executed" });
  expect(marks.map(({ ranges }) => ranges)).toEqual([
    [
      [1, 3],
      [7, 9],
    ],
    [[4, 9]],
  ]);
});

it("a late event of a pruned entity changes nothing and is settled", async () => {
  const { deps, marks } = harness();
  const late = opportunity("gone", { timeMs: now - opportunityRetentionMs - 60_000 });
  expect(await hotCacheStep(delivered("opportunities", [rowOfEvents(1, now, [late])]), deps)).toEqual([{ kind: "done" }]);
  expect(await statuses()).toEqual({});
  expect(marks[0]?.ranges).toEqual([[1, 1]]);
});

it("marks each epoch by itself, and settles a stream that the hot cache does not hold", async () => {
  const { deps, marks } = harness();
  const row = rowOfEvents(1, now, life("a"));
  await hotCacheStep(
    [...delivered("opportunities", [row], "e1"), ...delivered("opportunities", [row], "e2"), ...delivered("market", [row])],
    deps,
  );
  expect(marks.map(({ stream, epoch }) => `${stream} ${epoch}`).sort()).toEqual(["market e1", "opportunities e1", "opportunities e2"]);
});

it("an inbox message that strayed here is parked whole", async () => {
  const { deps } = harness();
  expect((await hotCacheStep([{ kind: "inbox", lines: ["{}"] }], deps)).map(({ kind }) => kind)).toEqual(["park"]);
});

it.each([
  [[], []],
  [[3, 1, 2], [[1, 3]]],
  [
    [5, 1, 5, 2, 9],
    [
      [1, 2],
      [5, 5],
      [9, 9],
    ],
  ],
])("offsets %j are the ranges %j", (offsets, ranges) => {
  expect(rangesOf(offsets)).toEqual(ranges);
});
