import { expect, it } from "vitest";
import { prices } from "../../schemas/prices.ts";
import { billOf, startOfSlots } from "./bill.ts";

const hour = { fromMs: Date.UTC(2026, 10, 24, 12), toMs: Date.UTC(2026, 10, 24, 13) };
const nothing = { slots: [], logObjects: 0, unreachable: [] };

it("is nothing where nothing was counted, and says what it leaves out", () => {
  const bill = billOf(nothing, hour);
  expect(bill).toMatchObject({ events: 0, lines: [], dollars: { counted: 0, derived: 0, total: 0, per_hour: 0 } });
  expect(bill.dollars).not.toHaveProperty("per_million_events");
  expect(bill.not_counted.length).toBeGreaterThan(5);
});

it("prices each operation by the sheet, dearest first, and keeps what is concluded apart from what is counted", () => {
  const slots = [
    { at: hour.fromMs, counts: { events: 600_000, "object.channel.publish": 1_000_000, "rows.channel": 500_000 } },
    { at: hour.fromMs + 600_000, counts: { events: 400_000, "rows.channel": 500_000, "queue.hot-cache": 100_000, "socket.relay": 20 } },
  ];
  const { lines, dollars, events } = billOf({ ...nothing, slots, logObjects: 1_000 }, hour);
  const found = Object.fromEntries(lines.map((line) => [`${line.service}: ${line.operation}`, line]));
  expect(events).toBe(1_000_000);
  expect(found["Durable Object rows written: channel"]).toMatchObject({ operations: 1_000_000, basis: "counted" });
  expect(found["Durable Object rows written: channel"]?.dollars).toBeCloseTo(1, 9);
  expect(found["Durable Object requests: channel.publish"]?.dollars).toBeCloseTo(0.15, 9);
  expect(found["Workers requests: ingest"]).toMatchObject({ operations: 1_000_000, basis: "derived" });
  // Written, read and deleted.
  expect(found["Queues: hot-cache"]).toMatchObject({ operations: 300_000, basis: "derived" });
  expect(found["Durable Object requests: socket messages, twenty of them one request"]?.dollars).toBeCloseTo(prices.objectRequest, 12);
  expect(found["R2 class A: event-log"]).toMatchObject({ operations: 1_000, basis: "derived" });
  expect(lines.map((line) => line.dollars)).toEqual(lines.map((line) => line.dollars).toSorted((a, b) => b - a));
  expect(dollars.total).toBeCloseTo(
    lines.reduce((sum, line) => sum + line.dollars, 0),
    12,
  );
  expect(dollars.per_million_events).toBeCloseTo(dollars.total, 12);
});

it("counts whole ten minutes", () => {
  expect(new Date(startOfSlots(Date.UTC(2026, 10, 24, 13, 7), 1)).toISOString()).toBe("2026-11-24T12:00:00.000Z");
});
