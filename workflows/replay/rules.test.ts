/** The pure parts: what is due when, which lines match, what order several streams have, what is counted. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseEvent } from "../../schemas/event.ts";
import { replaySampleLines } from "../../schemas/limits-replay.ts";
import { renderEvent } from "../../schemas/render.ts";
import { factorOf, newCheckpoint, ReplayCheckpoint } from "../../schemas/replay.ts";
import type { ReplaySpec } from "../../schemas/replay.ts";
import type { LogLine } from "../../stores/event-log.ts";
import { countPositions } from "../../stores/event-log-extent.ts";
import { DryRun, dryRunResult } from "./dry-run.ts";
import { attributeOf, matcherOf } from "./filter.ts";
import { mergeStreams } from "./merge.ts";
import { compareLines } from "./order.ts";
import { dueMs, nextFreeMs } from "./pace.ts";
import { Progress } from "./progress.ts";
import type { ReplayLine } from "./sink.ts";

const hourMs = 3_600_000;
const spec: ReplaySpec = {
  v: 1,
  mode: "dry-run",
  streams: ["alerts"],
  fromMs: 0,
  toMs: hourMs,
  pace: "instant",
  eventsPerSecondMax: 2_000,
  verify: false,
};

function line(offset: number, overrides: Partial<ReplayLine> = {}): ReplayLine {
  return { stream: "alerts", epoch: "e1", offset, at: offset * 1_000, stale: false, text: `{"type":"system.alert"}`, ...overrides };
}

describe("a pace", () => {
  it.each([
    ["instant", Number.POSITIVE_INFINITY],
    ["original", 1],
    ["x10", 10],
    ["x0.1", 0.1],
    ["x1000", 1_000],
    ["x0.05", undefined],
    ["x1001", undefined],
    ["10x", undefined],
    ["x", undefined],
    ["fast", undefined],
    ["x1e3", undefined],
  ])("%s is a factor of %s", (pace, factor) => {
    expect(factorOf(pace)).toBe(factor);
  });

  it.each([
    [1, 61_000],
    [10, 7_000],
    [0.5, 121_000],
    [Number.POSITIVE_INFINITY, 1_000],
  ])("×%s has a line a minute after the first due at %s", (factor, due) => {
    expect(dueMs(65_000, { anchor: { wallMs: 1_000, at: 5_000 }, factor })).toBe(due);
  });

  it("has no more than its rate in any time, and saves nothing up while it waits", () => {
    let freeMs = 0;
    const wentAt: number[] = [];
    for (const arriveMs of [0, 0, 0, 60_000, 60_000]) {
      const nowMs = Math.max(arriveMs, freeMs);
      wentAt.push(nowMs);
      freeMs = nextFreeMs({ freeMs, nowMs, sent: 500 }, 1_000);
    }
    expect(wentAt).toEqual([0, 500, 1_000, 60_000, 60_500]);
  });
});

describe("a filter", () => {
  it("reads type and entity of whatever text the edge wrote, and of nothing else", () => {
    const texts = fc.record({ id: fc.string({ minLength: 1, maxLength: 40 }), message: fc.string({ maxLength: 80 }) });
    fc.assert(
      fc.property(texts, ({ id, message }) => {
        const data = { type: "fake", subject: "fake", message, severity: "info", timestamp: "2026-11-24T07:00:00Z" };
        const time = "2026-11-24T07:00:00Z";
        const parsed = parseEvent({ specversion: "1.0", id, source: `s"type":"x`, type: "system.alert", time, data });
        if (!parsed.ok) return;
        const text = renderEvent(parsed.event);
        expect([attributeOf(text, "type"), attributeOf(text, "subject")]).toEqual(["system.alert", parsed.event.subject]);
      }),
    );
    for (const text of ["", "not json", '{"type":"cut', '{"type":"\\x"}']) expect(attributeOf(text, "type")).toBeUndefined();
    expect(attributeOf('{"subject":"a\\"b\\\\"}', "subject")).toBe('a"b\\');
  });

  it.each<[Partial<ReplaySpec>, readonly boolean[]]>([
    [{ types: ["a"] }, [true, true, false]],
    [{ entities: ["1"] }, [true, false, true]],
    [{ types: ["a"], entities: ["1"] }, [true, false, false]],
  ])("%j lets through what is all of it", (filter, expected) => {
    const texts = ['{"type":"a","subject":"1"}', '{"type":"a","subject":"2"}', '{"type":"b","subject":"1"}'];
    const matches = matcherOf(filter);
    expect(texts.map((text) => matches?.(line(1, { text })))).toEqual(expected);
    expect(matcherOf({})).toBeUndefined();
  });
});

async function* given(lines: readonly LogLine[]): AsyncGenerator<LogLine> {
  yield* lines;
}

async function mergedFrom(streams: ReadonlyMap<string, readonly LogLine[]>): Promise<string[]> {
  const merged: string[] = [];
  const sources = [...streams].map(([stream, lines]) => ({ stream, lines: given(lines) }));
  for await (const { stream, offset } of mergeStreams(sources)) merged.push(`${stream}:${offset}`);
  return merged;
}

it("several streams come in one order, which goes on wherever it stopped as if it had not", async () => {
  const gaps = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(fc.record({ a: gaps, b: gaps, c: gaps }), fc.nat(40), async (record, cut) => {
      const streams = new Map(
        Object.entries(record).map(([stream, steps]) => {
          let at = 0;
          return [stream, steps.map((step, index) => line(index + 1, { stream, at: (at += step) }))] as const;
        }),
      );
      const whole = await mergedFrom(streams);
      const sorted = [...streams.values()].flat().sort(compareLines);
      // One order for the reader and for the sinks, which skip by it.
      const places = sorted.sort((a, b) => a.at - b.at || (a.stream < b.stream ? -1 : a.stream > b.stream ? 1 : a.offset - b.offset));
      expect(whole).toEqual(places.map(({ stream, offset }) => `${stream}:${offset}`));
      const before = new Set(whole.slice(0, cut));
      const rest = new Map(
        [...streams].map(([stream, lines]) => [stream, lines.filter(({ offset }) => !before.has(`${stream}:${offset}`))]),
      );
      expect(await mergedFrom(rest)).toEqual(whole.slice(cut));
    }),
  );
});

describe("progress", () => {
  it("counts the same in one go and from checkpoint to checkpoint, holes at the seam included", () => {
    const offsets = fc.uniqueArray(fc.integer({ min: 1, max: 60 }), { maxLength: 30 }).map((list) => list.sort((a, b) => a - b));
    fc.assert(
      fc.property(offsets, fc.array(fc.boolean(), { minLength: 60, maxLength: 60 }), (list, cuts) => {
        const start = { run: 1, nowMs: 5 };
        const whole = new Progress(newCheckpoint, start);
        let pieces = new Progress(newCheckpoint, start);
        for (const offset of list) {
          whole.note(line(offset), offset % 3 === 0);
          pieces.note(line(offset), offset % 3 === 0);
          // As it comes out of storage.
          if (cuts[offset - 1] === true)
            pieces = new Progress(ReplayCheckpoint.parse(JSON.parse(JSON.stringify(pieces.checkpoint))), start);
        }
        expect(pieces.checkpoint).toEqual(whole.checkpoint);
        const [first = 0, last = -1] = [list.at(0), list.at(-1)];
        expect(whole.checkpoint.missingPositions).toBe(last - first + 1 - list.length);
      }),
    );
  });

  it("knows no hole between two epochs, nor before the first line", () => {
    const progress = new Progress(newCheckpoint, { run: 1, nowMs: 0 });
    for (const each of [line(50), line(51), line(7, { epoch: "e2" }), line(3, { stream: "market" })]) progress.note(each, true);
    expect(progress.checkpoint).toMatchObject({ missing: [], missingPositions: 0, position: { stream: "market", offset: 3 } });
  });

  it("starts its clocks anew with a run, and only then", () => {
    const first = new Progress(newCheckpoint, { run: 1, nowMs: 10 });
    first.note(line(1), true);
    first.anchorAt(line(1), 11);
    const same = new Progress(first.checkpoint, { run: 1, nowMs: 99 });
    expect(same.anchorAt(line(2), 99)).toEqual({ wallMs: 11, at: 1_000 });
    expect(same.checkpoint.since).toEqual({ wallMs: 10, read: 0 });
    const next = new Progress(first.checkpoint, { run: 2, nowMs: 500 });
    expect(next.anchorAt(line(2), 500)).toEqual({ wallMs: 500, at: 2_000 });
    expect(next.checkpoint).toMatchObject({ since: { wallMs: 500, read: 1 }, read: 1 });
  });
});

describe("a dry run", () => {
  it("finds the same in one go and from checkpoint to checkpoint", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 80 }), fc.nat(80), (count, cut) => {
        const lines = Array.from({ length: count }, (_, index) => line(index + 1, { text: `{"type":"t${index % 3}","n":${index}}` }));
        const whole = new DryRun(spec, newCheckpoint);
        for (const each of lines) whole.add(each);
        const before = new DryRun(spec, newCheckpoint);
        for (const each of lines.slice(0, cut)) before.add(each);
        const after = new DryRun(spec, { tally: before.tally, matched: Math.min(cut, count) });
        for (const each of lines.slice(cut)) after.add(each);
        expect(after.tally).toEqual(whole.tally);
        expect(whole.tally.sample.length).toBeLessThanOrEqual(replaySampleLines);
        expect(whole.tally.sample.length).toBeGreaterThanOrEqual(Math.min(count, replaySampleLines / 2));
      }),
    );
  });

  it("counts by type and by minute, by hour where the window is longer than a day, and says what it would cost", () => {
    const lines = [line(1, { at: 59_999 }), line(2, { at: 60_000, text: "torn" }), line(3, { at: 60_001 })];
    for (const [toMs, name, bars] of [
      [
        hourMs,
        "by_minute",
        [
          { at: "1970-01-01T00:00:00.000Z", events: 1 },
          { at: "1970-01-01T00:01:00.000Z", events: 2 },
        ],
      ],
      [48 * hourMs, "by_hour", [{ at: "1970-01-01T00:00:00.000Z", events: 3 }]],
    ] as const) {
      const dryRun = new DryRun({ fromMs: 0, toMs }, newCheckpoint);
      for (const each of lines) dryRun.add(each);
      const checkpoint = { ...newCheckpoint, read: 3, matched: 1_000_000, objects: 10, tally: dryRun.tally };
      const result = dryRunResult({ ...spec, toMs }, checkpoint);
      expect(result).toMatchObject({ by_type: { "system.alert": 2, unreadable: 1 }, [name]: bars });
      const { channel, rebuild } = result["cost_usd_estimate"] as { channel: number; rebuild: number };
      expect(channel).toBeGreaterThan(0.006);
      expect(channel).toBeLessThan(0.01);
      expect(rebuild).toBeGreaterThan(2);
      expect(rebuild).toBeLessThan(2.1);
    }
  });

  it("shows a long line cut, as text", () => {
    const dryRun = new DryRun(spec, newCheckpoint);
    dryRun.add(line(1, { text: `{"type":"x","data":"${"y".repeat(10_000)}"}` }));
    expect(dryRun.tally.sample[0]?.event).toHaveLength(4_096);
  });
});

it.each([
  [[], 0],
  [[[1, 5]], 5],
  [
    [
      [1, 5],
      [3, 9],
    ],
    9,
  ],
  [
    [
      [1, 9],
      [3, 5],
      [10, 10],
    ],
    10,
  ],
  [
    [
      [1, 2],
      [5, 6],
    ],
    4,
  ],
])("ranges %j speak of %i positions", (ranges, count) => {
  const named = (epoch: string) => ranges.map(([first = 0, last = 0]) => ({ epoch, first, last }));
  expect(countPositions(named("e1"))).toBe(count);
  expect(countPositions([...named("e1"), ...named("e2")])).toBe(2 * count);
});
