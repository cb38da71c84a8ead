import { describe, expect, it } from "vitest";
import { opportunityJson } from "../../tests/support/publications.ts";
import type { Filters, Opportunity } from "./channels.ts";
import { entityRules } from "./entity-rules.ts";
import { EntitySet } from "./entity-set.ts";
import type { Snapshot } from "./snapshot.ts";

const nowMs = Date.parse("2026-11-24T02:00:00Z");

function opportunity(id: string, over: Partial<Opportunity> = {}): Opportunity {
  return { ...(opportunityJson({ id, timeMs: nowMs })["data"] as Opportunity), ...over };
}

function setOf({ filters = {}, sizeMax = 100 }: { filters?: Filters; sizeMax?: number } = {}) {
  const set = new EntitySet<Opportunity>(entityRules.opportunities, { filters, sizeMax });
  const apply = (id: string, offset: number, over: Partial<Opportunity> & { stale?: true; epoch?: string } = {}): boolean => {
    const { stale, epoch = "e1", ...data } = over;
    return set.apply({ epoch, offset, data: opportunity(id, data), ...(stale === undefined ? {} : { stale }) }, nowMs);
  };
  const profits = (): string[] => set.list(1_000).map(({ opportunity_id: id, estimated_profit: profit }) => `${id} ${profit}`);
  return { set, apply, profits };
}

function snapshot(offset: number, items: readonly [id: string, offset: number, profit: string][], epoch = "e1"): Snapshot<Opportunity> {
  return {
    channel: "opportunities",
    epoch,
    offset,
    incomplete: [],
    items: items.map(([id, at, profit]) => ({ data: opportunity(id, { estimated_profit: profit }), offset: at })),
  };
}

describe("events", () => {
  it("ignore what is stale or not beyond the entity's own position", () => {
    const { set, apply, profits } = setOf();
    set.load(snapshot(10, [["a", 14, "2"]]), nowMs);
    expect(apply("a", 12, { estimated_profit: "1" })).toBe(false);
    expect(apply("a", 14, { estimated_profit: "1" })).toBe(false);
    expect(apply("a", 15, { estimated_profit: "1", stale: true })).toBe(false);
    expect(profits()).toEqual(["a 2"]);
    expect(apply("a", 16, { estimated_profit: "3" })).toBe(true);
    expect(profits()).toEqual(["a 3"]);
  });

  it("show an entity once, however often it changes", () => {
    const { apply, profits } = setOf();
    for (let offset = 1; offset <= 50; offset++) apply("a", offset, { estimated_profit: String(offset) });
    expect(profits()).toEqual(["a 50"]);
  });

  it("take away what expired, by its status or by the clock, and what no longer matches", () => {
    const { set, apply, profits } = setOf({ filters: { min_profit: "10" } });
    apply("status", 1, { estimated_profit: "20" });
    apply("clock", 2, { estimated_profit: "20", expiry_time: new Date(nowMs + 1_000).toISOString() });
    apply("filter", 3, { estimated_profit: "20" });
    apply("never", 4, { estimated_profit: "9.99" });
    expect(profits()).toEqual(["clock 20", "filter 20", "status 20"]);
    expect(set.nextEndMs).toBe(nowMs + 1_000);
    apply("status", 5, { execution_status: "expired" });
    apply("filter", 6, { estimated_profit: "9.99" });
    expect(set.sweep(nowMs + 999)).toBe(false);
    expect(set.sweep(nowMs + 1_000)).toBe(true);
    expect(set.size).toBe(0);
  });
});

describe("a snapshot", () => {
  it("keeps the newer state of each entity and drops what it would know of but lacks", () => {
    const { set, apply, profits } = setOf();
    apply("newer here", 30, { estimated_profit: "5" });
    apply("newer there", 11, { estimated_profit: "5" });
    apply("gone", 12, { estimated_profit: "5" });
    apply("not yet there", 31, { estimated_profit: "4" });
    set.load(
      snapshot(20, [
        ["newer here", 15, "1"],
        ["newer there", 25, "9"],
        ["new", 20, "2"],
      ]),
      nowMs,
    );
    expect(profits()).toEqual(["newer there 9", "newer here 5", "not yet there 4", "new 2"]);
  });

  it("of another epoch replaces everything: offsets of two epochs say nothing about each other", () => {
    const { set, apply, profits } = setOf();
    apply("old", 900, { estimated_profit: "5" });
    apply("both", 901, { estimated_profit: "5" });
    set.load(snapshot(3, [["both", 2, "1"]], "e2"), nowMs);
    expect(profits()).toEqual(["both 1"]);
    expect(apply("both", 4, { estimated_profit: "7", epoch: "e2" })).toBe(true);
  });

  it("is filtered like the events after it", () => {
    const { set, profits } = setOf({ filters: { min_profit: "2" } });
    set.load(
      snapshot(3, [
        ["a", 1, "1.99"],
        ["b", 2, "2.0"],
      ]),
      nowMs,
    );
    expect(profits()).toEqual(["b 2.0"]);
  });
});

it("orders by profit as exact decimals, ties by id", () => {
  const { apply, profits } = setOf();
  const most = `1${"0".repeat(30)}`;
  for (const [offset, [id, profit]] of [
    ["c", "9"],
    ["b", "10"],
    ["a", "10.0"],
    ["d", `${most}.1`],
    ["e", `${most}.2`],
  ].entries()) {
    apply(id ?? "", offset + 1, { estimated_profit: profit ?? "" });
  }
  expect(profits()).toEqual([`e ${most}.2`, `d ${most}.1`, "a 10.0", "b 10", "c 9"]);
});

it("never holds more than its bound, and keeps the best", () => {
  const { set, apply } = setOf({ sizeMax: 50 });
  for (let offset = 1; offset <= 5_000; offset++) {
    apply(`o${offset}`, offset, { estimated_profit: String((offset * 7_919) % 5_003) });
    expect(set.size).toBeLessThanOrEqual(50);
  }
  expect(set.list(3).map(({ estimated_profit: profit }) => profit)).toEqual(["5002", "5001", "5000"]);
});
