import { expect, it } from "vitest";
import { objectIdleMs, operationSlotMs, operationSlotsMax } from "../../schemas/limits-cost.ts";
import type { OperationSlot } from "../../schemas/operations.ts";
import { SavedOperations, Tally } from "./tally.ts";

const start = Date.UTC(2026, 10, 24, 12);
const slot = (events: number, slots = 0): OperationSlot => ({ at: start + slots * operationSlotMs, counts: { events } });

it("keeps counts by ten minutes, a day of them, and goes on with what was saved", () => {
  const tally = new Tally([]);
  for (let count = 0; count < operationSlotsMax + 10; count += 1) tally.add("events", count + 1, start + count * operationSlotMs + 1);
  const saved = SavedOperations.parse(JSON.parse(JSON.stringify(tally.save())));
  expect(saved.slots).toHaveLength(operationSlotsMax);
  expect(saved.slots[0]).toEqual({ at: start + 10 * operationSlotMs, counts: { events: 11 } });
  const again = new Tally(saved.slots);
  again.add("events", 1, start + (operationSlotsMax + 9) * operationSlotMs + 5);
  expect(again.since(start + (operationSlotsMax + 9) * operationSlotMs)).toEqual([
    { at: start + (operationSlotsMax + 9) * operationSlotMs, counts: { events: operationSlotsMax + 11 } },
  ]);
});

it("goes on with whichever of two records is the newer, and counts nothing twice", () => {
  const sumOf = (tally: Tally): number => tally.since(0).reduce((sum, { counts }) => sum + (counts["events"] ?? 0), 0);
  expect(sumOf(new Tally([slot(5)], [slot(7)]))).toBe(7);
  expect(sumOf(new Tally([slot(7)], [slot(5)]))).toBe(7);
  expect(sumOf(new Tally([slot(5)], [slot(7), slot(2, 1)]))).toBe(9);
  expect(sumOf(new Tally([], [slot(3)]))).toBe(3);
});

it("takes no record of an earlier slot for one of the newest", () => {
  const tally = new Tally([slot(5), slot(2, 1)], [slot(5)]);
  expect(tally.since(0)).toEqual([slot(5), slot(2, 1)]);
});

it("has everything ride along until it is saved, however many short lives it takes", () => {
  let recent: OperationSlot[] = [];
  for (let life = 0; life < 4; life += 1) {
    const tally = new Tally([slot(9)], recent);
    tally.add("events", life + 1, slot(0, life + 1).at);
    recent = tally.unsaved();
  }
  expect(recent).toEqual([slot(9), slot(1, 1), slot(2, 2), slot(3, 3), slot(4, 4)]);
  const tally = new Tally([slot(9)], recent);
  expect(tally.save().slots).toEqual(recent);
  expect(tally.unsaved()).toEqual([slot(4, 4)]);
});

it("counts nothing twice for a clock that went back", () => {
  const tally = new Tally([]);
  tally.add("events", 1, start + operationSlotMs);
  tally.add("events", 1, start);
  expect(tally.since(0)).toEqual([{ at: start + operationSlotMs, counts: { events: 2 } }]);
});

it("pays for the time between calls that are close, and for ten seconds after the last", () => {
  const tally = new Tally([]);
  const awake = (): number => tally.since(0)[0]?.counts["awake.channel"] ?? 0;
  tally.awake(start);
  expect(awake()).toBe(objectIdleMs / 1_000);
  tally.awake(start + 4_000);
  expect(awake()).toBe(14);
  tally.awake(start + 60_000);
  expect(awake()).toBe(24);
});
