import { describe, expect, it } from "vitest";
import type { Manifest } from "../schemas/manifest.ts";
import { hoursReport } from "./event-log-hours.ts";
import type { HourFacts } from "./event-log-hours.ts";

const hour = 498_751;

function manifest(first: number, last: number, overrides: Partial<Manifest> = {}): Manifest {
  return {
    v: 1,
    columns: 1,
    stream: "alerts",
    hour: "2026-11-24T07:00:00.000Z",
    generation: 1,
    events: last - first + 1,
    copies: 0,
    conflicts: 0,
    repeats: 0,
    epochs: [{ epoch: "e1", first, last, events: last - first + 1 }],
    missing: [],
    missing_positions: 0,
    sequenced: null,
    event_time: null,
    bytes: 1,
    text_bytes: 1,
    parts: [],
    sources: ["a"],
    quarantined: [],
    ...overrides,
  };
}

function facts(index: number, held: Manifest | undefined, overrides: Partial<HourFacts> = {}): HourFacts {
  return { hour: hour + index, raw: [], manifest: held, row: undefined, ...overrides };
}

const dirtyRow = { stream: "alerts", hour, marks: 2, marked_ms: 1, done: 1, compacted_ms: 1 };
const aside = { key: "events/x", etag: "t", reason: "cut", copy: "quarantine/x" };

describe("the state of an hour", () => {
  it.each<[string, HourFacts]>([
    ["raw", facts(0, undefined, { raw: [{ key: "x/a", etag: "" }] })],
    ["compacted", facts(0, manifest(1, 5), { raw: [{ key: "x/a", etag: "" }] })],
    ["dirty", facts(0, manifest(1, 5), { raw: [{ key: "x/b", etag: "" }] })],
    ["dirty", facts(0, manifest(1, 5), { row: dirtyRow })],
    ["compacted", facts(0, manifest(1, 5), { row: { ...dirtyRow, done: 2 } })],
    ["quarantined", facts(0, manifest(1, 5, { quarantined: [aside] }), { raw: [{ key: "events/x", etag: "t" }] })],
    ["dirty", facts(0, manifest(1, 5, { quarantined: [aside] }), { raw: [{ key: "events/x", etag: "repaired" }] })],
  ])("is %s", (state, of) => {
    expect(hoursReport([of]).hours).toMatchObject([{ state, hour: "2026-11-24T07:00:00.000Z" }]);
  });
});

describe("completeness", () => {
  it("holds when hours follow each other without a hole, over an epoch's end too", () => {
    const next = manifest(1, 4, { epochs: [{ epoch: "e2", first: 1, last: 4, events: 4 }] });
    expect(hoursReport([facts(0, manifest(1, 5)), facts(1, manifest(6, 9)), facts(2, next)])).toMatchObject({
      complete: true,
      missing: [],
    });
  });

  it("names the hole between two compacted hours and within one", () => {
    const inner = manifest(8, 12, { missing: [{ epoch: "e1", first: 10, last: 10 }], missing_positions: 1 });
    expect(hoursReport([facts(0, manifest(1, 5)), facts(1, inner)])).toMatchObject({
      complete: false,
      missing: [
        { epoch: "e1", first: 6, last: 7 },
        { epoch: "e1", first: 10, last: 10 },
      ],
    });
  });

  it("is not known while an hour between has only raw objects, and their positions are no hole", () => {
    const raw = facts(1, undefined, { raw: [{ key: "x/b", etag: "" }] });
    expect(hoursReport([facts(0, manifest(1, 5)), raw, facts(2, manifest(9, 12))])).toMatchObject({ complete: null, missing: [] });
  });
});
