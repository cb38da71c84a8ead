import { expect, it } from "vitest";
import { newHistogram, record } from "../load/histogram.ts";
import type { Measurement } from "../load/measure.ts";
import { isSaturated, renderCell, renderTargets } from "./report.ts";

function measurement({ cpuMs = 10, delivered = 40_000, lagMs = 5, missing = 0, holes = 0 } = {}): Measurement {
  const lag = newHistogram();
  record(lag, lagMs * 1_000);
  const expected = 60_000;
  return {
    load: { sockets: 100, eventsPerSecond: 200, batch: 10, seconds: 2, stamp: "due" },
    cpuMs,
    cores: 0.3,
    delivered,
    lag,
    expected,
    final: { delivered: expected - missing, holes, disordered: 0, leastDelivered: 600, lag, closed: {} },
    posted: {
      posts: 60,
      events: 600,
      acceptedEvents: 600,
      statuses: { 202: 60 },
      answered: lag,
      served: lag,
      lateMsMax: 0,
      seconds: 3,
      answeredSeconds: 3,
    },
    residentBytes: 0,
  };
}

const cell = { sockets: 100, eventsPerSecond: 200 };

it("calls a cell saturated whose events wait, or do not come", () => {
  expect(isSaturated(measurement())).toBe(false);
  expect(isSaturated(measurement({ lagMs: 900 }))).toBe(true);
  expect(isSaturated(measurement({ delivered: 30_000 }))).toBe(true);
});

it("says what was lost beside what it cost", () => {
  const text = renderCell(cell, new Map([["edge", [measurement(), measurement({ missing: 7, holes: 2 })]]]));
  expect(text).toContain("7 not delivered in time");
  expect(text).toContain("2 HOLES");
});

it("meets a target by the median of the rounds' ratios, and says so when it does not", () => {
  const bare = [measurement({ cpuMs: 10 }), measurement({ cpuMs: 20 })];
  const met = new Map([["edge, batch", [measurement({ cpuMs: 3 }), measurement({ cpuMs: 6 })]] as const, ["bare", bare] as const]);
  expect(renderTargets(new Map([["100 × 200/s", met]]))).toMatch(/0\.30 \[0\.30–0\.30\]× +met/);
  const missed = new Map([["edge, batch", [measurement({ cpuMs: 5 }), measurement({ cpuMs: 10 })]] as const, ["bare", bare] as const]);
  expect(renderTargets(new Map([["100 × 200/s", missed]]))).toMatch(/0\.50 \[0\.50–0\.50\]× +MISSED/);
});
