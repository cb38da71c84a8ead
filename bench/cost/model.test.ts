import { describe, expect, it } from "vitest";
import { packedBytesMax } from "../../schemas/limits.ts";
import { queueUnits, statementName } from "./billing.ts";
import { pick, since, sum, totalOf } from "./counts.ts";
import type { Mix } from "./lives.ts";
import { byBinding, costLines, isD1 } from "./model.ts";
import { naiveCost } from "./naive.ts";

function perMillion(counts: Record<string, number>, events: number, cpuMs = 0): Record<string, number> {
  return Object.fromEntries(
    byBinding(costLines(counts, { cpuMs }), events).map((line) => [line.binding, Number(line.perMillion.toFixed(6))]),
  );
}

describe("the price of counted operations", () => {
  it("leaves out a count that no tariff names, instead of pricing it as something else", () => {
    expect(perMillion({ "info.hot-cache.bytes": 1_000_000, "workers.fetch": 5 }, 10)).toEqual({ "Workers CPU": 0 });
  });

  it("is a dollar per million rows, also when each event writes one and loses one", () => {
    const counts = { "rows.written.Channel.insert.log": 1_000, "rows.written.Channel.delete.log": 1_000 };
    expect(perMillion(counts, 1_000)["Durable Object rows written"]).toBe(2);
  });

  it("counts a delivered queue message three times and a retry once more", () => {
    const counts = { "queue.hot-cache.write": 1, "queue.hot-cache.read": 1, "queue.hot-cache.delete": 1, "queue.hot-cache.retry": 1 };
    expect(perMillion(counts, 1)["Queues"]).toBe(1.6);
  });

  it("makes one object request of an RPC and of twenty incoming socket messages", () => {
    expect(perMillion({ "object.Relay.deliver": 1, "socket.Relay.webSocketMessage": 20 }, 1)["Durable Object requests"]).toBe(0.3);
  });

  it("bills an awake second at an eighth of a gigabyte, and calls it an estimate, as it does CPU", () => {
    const lines = costLines({ "awake.Channel": 1 }, { cpuMs: 1 });
    expect(perMillion({ "awake.Channel": 1 }, 1, 1)).toEqual({ "Durable Object duration": 1.6, "Workers CPU": 0.02 });
    expect(lines.every(({ basis }) => basis === "estimated")).toBe(true);
  });

  it("keeps D1 apart", () => {
    const lines = costLines(
      { "d1.written.insert.opportunities": 1, "d1.read.insert.opportunities": 1, "r2.a.EDGE_LOGS.put": 1 },
      { cpuMs: 0 },
    );
    expect(lines.filter(isD1).map(({ dollars }) => dollars * 1_000_000)).toEqual([1, expect.closeTo(0.001)]);
  });

  it("lists a binding's operations dearest first", () => {
    const [rows] = byBinding(costLines({ "rows.written.Channel.setAlarm": 1, "rows.written.Channel.insert.log": 9 }, { cpuMs: 0 }), 10);
    expect(rows?.parts.map(({ operation, operationsPerEvent }) => [operation, operationsPerEvent])).toEqual([
      ["Channel.insert.log", 0.9],
      ["Channel.setAlarm", 0.1],
    ]);
  });
});

describe("the naive design", () => {
  const mix: Mix = {
    events: 100,
    bytesPerEvent: 1_000,
    types: {},
    entities: {
      opportunity: { events: 60, distinct: 10 },
      strategy: { events: 10, distinct: 2 },
      market: { events: 30, distinct: 1 },
    },
  };

  it("costs about six dollars per million events without D1, and batches save only the requests", () => {
    expect(naiveCost(mix, 1).withoutD1).toBeCloseTo(6.15);
    expect(naiveCost(mix, 100).withoutD1).toBeCloseTo(5.853);
  });

  it("writes three rows per upsert and one per pruned entity, and nothing for streams that D1 does not hold", () => {
    expect(naiveCost(mix, 1).d1).toBeCloseTo((60 * 3 + 10 + 10 * 3) / 100);
  });
});

describe("how Cloudflare counts", () => {
  it("bills a full packed message as one unit and a byte more as two", () => {
    expect(queueUnits("x".repeat(packedBytesMax))).toBe(1);
    expect(queueUnits("x".repeat(packedBytesMax + 1))).toBe(2);
    expect(queueUnits({ small: true })).toBe(1);
  });

  it.each([
    ["INSERT OR REPLACE INTO seen (first) VALUES (?)", "insert.seen"],
    ["\n  DELETE FROM log WHERE first < ?", "delete.log"],
    ["UPDATE streams SET clean = 0", "update.streams"],
    ["CREATE TABLE IF NOT EXISTS state (name TEXT)", "create.state"],
    ["DROP TABLE log_3", "drop.log_3"],
    ["SELECT 1", "select.-"],
  ])("names %s", (sql, name) => {
    expect(statementName(sql)).toBe(name);
  });
});

describe("counts", () => {
  it("add up below a name, not below names that merely start like it", () => {
    expect(totalOf({ "queue.hot.write": 1, "queue.hotter.write": 2, "queue.hot": 4 }, "queue.hot")).toBe(5);
  });

  it("of a stretch are what came since, and stretches add up again", () => {
    const stretch = since({ a: 1, b: 2 }, { a: 1, b: 5, c: 1 });
    expect(stretch).toEqual({ b: 3, c: 1 });
    expect(sum({ a: 1, b: 2 }, stretch)).toEqual({ a: 1, b: 5, c: 1 });
    expect(pick(stretch, (name) => name === "c")).toEqual({ c: 1 });
  });
});
