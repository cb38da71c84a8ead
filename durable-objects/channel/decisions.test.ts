import { expect, it } from "vitest";
import { hash64 } from "../../platform/bytes.ts";
import {
  bulkEventsPerSecond,
  historyAgeMsMax,
  historyBytesMax,
  historyEventsMax,
  leaseMs,
  logRowBytesMax,
  progressEveryMs,
  redriveAfterMs,
  redriveAfterRestartMs,
  safetyNetMs,
  sendBatchBytes,
} from "../../schemas/limits.ts";
import type { Publication } from "../../schemas/rpc.ts";
import { Bulk } from "./bulk.ts";
import { newEpoch } from "./epoch.ts";
import { isPast, trimPoint } from "./log.ts";
import { dueAt, type Cursor } from "./outbox.ts";
import { nothingSettled, settle } from "./ranges.ts";
import { SeenIndex } from "./seen.ts";
import { answered, concluded, failed, nextStep, renewed, restored, type Sender } from "./sender.ts";
import { sequence } from "./sequence.ts";
import { afterRestart, redriveOf } from "./settlement.ts";
import { Waker } from "./waker.ts";

const now = 1_764_000_000_000;

function event(id: string, over: Partial<Publication> = {}): Publication {
  return { key: hash64(id), entity: hash64("one entity"), timeMs: now, rank: 0, text: `{"id":"${id}"}`, ...over };
}

// ---- sequence

it("gives a repeat its original offset, within a batch and across batches, and writes it once", () => {
  const seen = new SeenIndex();
  const first = sequence({ top: 0, at: 0 }, seen, { events: [event("a"), event("b"), event("a")], now });
  expect(first.offsets).toEqual([1, 2, 1]);
  expect(first.duplicates).toEqual([2]);
  expect(first.rows.map(({ lines }) => lines)).toEqual(['{"id":"a"}\n{"id":"b"}']);
  for (const { event: fresh, offset } of first.fresh) seen.record(fresh, offset, now);
  const again = sequence(first.head, seen, { events: [event("b"), event("c")], now });
  expect(again.offsets).toEqual([2, 3]);
  expect(again.duplicates).toEqual([0]);
});

it("writes nothing for a batch of repeats", () => {
  const seen = new SeenIndex();
  seen.record(event("a"), 7, now);
  const plan = sequence({ top: 7, at: now }, seen, { events: [event("a")], now: now + 5 });
  expect(plan.rows).toEqual([]);
  expect(plan.head).toEqual({ top: 7, at: now });
});

it("sequences an older event but marks it stale, and tells each line where its entity was before", () => {
  const plan = sequence({ top: 10, at: 0 }, new SeenIndex(), {
    events: [event("new", { timeMs: now + 1 }), event("old"), event("newer", { timeMs: now + 2 })],
    now,
  });
  expect(plan.rows[0]?.stale).toEqual([12]);
  expect(plan.rows[0]?.earlier).toEqual([0, 11, 12]);
});

it("orders states that share a millisecond by rank, not by their random ids", () => {
  const plan = sequence({ top: 0, at: 0 }, new SeenIndex(), {
    events: [event("done", { rank: 11 }), event("submitted", { rank: 2 })],
    now,
  });
  expect(plan.rows[0]?.stale).toEqual([2]);
});

it("never lets the clock of the log run backwards", () => {
  expect(sequence({ top: 4, at: now }, new SeenIndex(), { events: [event("a")], now: now - 60_000 }).rows[0]?.at).toBe(now);
});

it("splits a batch into rows within the row bound, at consecutive offsets", () => {
  const text = "x".repeat(50_000);
  const plan = sequence({ top: 0, at: 0 }, new SeenIndex(), {
    events: Array.from({ length: 21 }, (_, n) => event(`e${n}`, { text })),
    now,
  });
  expect(plan.rows.map(({ first, count }) => [first, count])).toEqual([
    [1, 10],
    [11, 10],
    [21, 1],
  ]);
  for (const row of plan.rows) expect(row.bytes).toBeLessThanOrEqual(logRowBytesMax);
});

// ---- sender

const sender: Sender = {
  relay: "relay:weur:0",
  generation: 5,
  position: 10,
  inFlight: false,
  failures: 0,
  retryAt: 0,
  leaseEndsAt: now + leaseMs,
};

it.each([
  ["has a deliver under way", { inFlight: true }, { kind: "idle" }],
  ["stands at the top", { position: 12 }, { kind: "idle" }],
  ["failed just now", { retryAt: now + 5, failures: 1 }, { kind: "wait", until: now + 5 }],
  ["is unknown after a restart", { position: undefined }, { kind: "probe" }],
  ["lags", {}, { kind: "send", after: 10 }],
] as const)("a relay that %s gets the next step", (_, over, step) => {
  expect(nextStep({ ...sender, ...over }, 12, now)).toEqual(step);
});

it("continues from where the relay says it stands, whatever was sent", () => {
  expect(answered({ ...sender, inFlight: true }, { v: 1, kind: "at", position: 4 }, now)?.position).toBe(4);
});

it.each([
  ["does not answer", undefined, 10, { position: 10, failures: 1 }],
  ["answers but does not move on", { v: 1, kind: "at", position: 10 }, 10, { position: 10, failures: 1 }],
  ["answers from further back", { v: 1, kind: "at", position: 4 }, 10, { position: 4, failures: 1 }],
  ["moves on", { v: 1, kind: "at", position: 11 }, 10, { position: 11, failures: 0 }],
  ["was only asked where it stands", { v: 1, kind: "at", position: 4 }, undefined, { position: 4, failures: 0 }],
] as const)("a relay that %s is left with its position and its failures", (_, reply, after, left) => {
  expect(concluded({ ...sender, inFlight: true }, { reply, after, top: 12 }, { now, random: 0 })).toMatchObject({
    ...left,
    inFlight: false,
  });
});

it("backs off from a relay that does not answer, up to five seconds, and keeps its position", () => {
  let behind: Sender = sender;
  const waits = [1, 2, 3, 4, 5, 6, 7].map(() => {
    behind = failed(behind, now, 0);
    return behind.retryAt - now;
  });
  expect(waits).toEqual([250, 500, 1_000, 2_000, 4_000, 5_000, 5_000]);
  expect(behind.position).toBe(10);
});

it("ignores a registration older than the one it has, and takes a newer one's position", () => {
  expect(renewed(sender, { relay: sender.relay, generation: 4, position: 1 }, now)).toBe(sender);
  expect(renewed({ ...sender, inFlight: true }, { relay: sender.relay, generation: 6, position: 1 }, now)).toMatchObject({
    generation: 6,
    position: 1,
    inFlight: false,
  });
});

it("trusts the deliver under way over a renewal that crossed it", () => {
  expect(renewed({ ...sender, inFlight: true }, { relay: sender.relay, generation: 5, position: 3 }, now + 9)).toMatchObject({
    position: 10,
    inFlight: true,
    leaseEndsAt: now + 9 + leaseMs,
  });
});

it("does not know a relay's position after a restart", () => {
  expect(restored("relay:weur:0", 5, now)).toMatchObject({ position: undefined, generation: 5 });
});

// ---- settlement

it("moves the watermark only over what is contiguous", () => {
  const gap = settle(nothingSettled, [
    [1, 5],
    [8, 9],
  ]);
  expect(gap).toEqual({ offset: 5, islands: [[8, 9]], incomplete: [] });
  expect(settle(gap, [[6, 7]])).toEqual({ offset: 9, islands: [], incomplete: [] });
});

it("settles a dead letter as incomplete, and completes it when it is applied after all", () => {
  const dead = settle(settle(nothingSettled, [[1, 5]]), [], [[6, 6]]);
  expect(dead).toEqual({ offset: 6, islands: [], incomplete: [[6, 6]] });
  expect(settle(dead, [[6, 6]]).incomplete).toEqual([]);
});

it("repeats and overlaps of marks change nothing", () => {
  const once = settle(nothingSettled, [
    [1, 5],
    [9, 12],
  ]);
  expect(
    settle(once, [
      [2, 5],
      [9, 10],
    ]),
  ).toEqual(once);
});

it.each([
  ["nothing is outstanding", { handedOver: 6, first: 1 }, { kind: "none" }],
  ["the log still holds it", { handedOver: 9, first: 6 }, { kind: "again", from: 6 }],
  ["the log was trimmed past it", { handedOver: 9, first: 8 }, { kind: "lost", range: [6, 7] }],
  ["the log is empty", { handedOver: 9, first: 9 }, { kind: "lost", range: [6, 8] }],
] as const)("a standstill at 5 when %s", (_, log, redrive) => {
  expect(redriveOf({ offset: 5, islands: [], incomplete: [] }, log)).toEqual(redrive);
  expect(redriveAfterMs).toBeGreaterThan(60_000);
});

it("looks soon at what lacks after a restart, but lets a known standstill wait on, however often the object is evicted", () => {
  const soon = { since: now, patienceMs: redriveAfterRestartMs };
  expect(afterRestart(undefined, now)).toEqual(soon);
  expect(afterRestart({ since: now - 60_000, patienceMs: redriveAfterMs }, now)).toEqual(soon);
  expect(afterRestart(soon, now + 9_000)).toEqual(soon);
  const redriven = { since: now - 60_000, patienceMs: redriveAfterMs * 4 };
  expect(afterRestart(redriven, now)).toEqual(redriven);
});

// ---- outbox

const cursor: Cursor = { next: 5, bytes: 1_000, since: now, retryAt: 0, busy: false };

it.each([
  ["everything is with the queue", { next: 10 }, undefined],
  ["the oldest event still may wait", {}, now + 1_000],
  ["the messages are full", { bytes: sendBatchBytes }, now + 10],
  ["the queue has just refused", { bytes: sendBatchBytes, retryAt: now + 4_000 }, now + 4_000],
  ["a send is under way", { busy: true, bytes: sendBatchBytes }, now + 1_010],
] as const)("hands over at the right time when %s", (_, over, due) => {
  expect(dueAt({ ...cursor, ...over }, { top: 9, delayMs: 1_000, now: now + 10 })).toBe(due);
});

// ---- waker

function waker(): { readonly waker: Waker; readonly alarms: number[]; readonly works: () => number } {
  const alarms: number[] = [];
  let works = 0;
  const made = new Waker({ now: () => now, setAlarm: (time) => void alarms.push(time), work: () => void (works += 1) });
  return { waker: made, alarms, works: () => works };
}

it("sets one alarm behind many near timers, never sooner than the safety net, and a new one only after it went off", () => {
  const { waker: one, alarms } = waker();
  for (let ms = 500; ms > 0; ms -= 100) one.at(now + ms);
  expect(alarms).toEqual([now + safetyNetMs]);
  one.alarmed();
  one.at(now + progressEveryMs);
  expect(alarms).toEqual([now + safetyNetMs, now + safetyNetMs]);
});

it("leaves what is far to the alarm, and moves the alarm forward when something nearer comes", () => {
  const { waker: one, alarms } = waker();
  one.at(now + 120_000);
  one.at(now + 60_000);
  one.at(now + 90_000);
  expect(alarms).toEqual([now + 120_000, now + 60_000]);
});

it("works once for the nearest of several times", async () => {
  const { waker: one, works } = waker();
  one.at(now + 5_000);
  one.at(now + 1);
  one.at(now + 2);
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(works()).toBe(1);
});

// ---- log bounds, bulk, epochs

const rows = Array.from({ length: 10 }, (_, n) => ({ first: n * 10 + 1, count: 10, at: now + n, bytes: 100 }));
const extent = { first: 1, events: 100, bytes: 1_000, oldestAt: now };

it.each([
  ["at every bound", { events: historyEventsMax, bytes: historyBytesMax, oldestAt: now - historyAgeMsMax }, false],
  ["one event past the count", { events: historyEventsMax + 1 }, true],
  ["one byte past the size", { bytes: historyBytesMax + 1 }, true],
  ["one millisecond past the age", { oldestAt: now - historyAgeMsMax - 1 }, true],
  ["empty", { events: 0, bytes: 0, oldestAt: undefined }, false],
] as const)("the oldest row of a log %s may be overwritten or not", (_, over, past) => {
  expect(isPast({ ...extent, ...over }, now)).toBe(past);
});

it("deletes rows only once a bound is passed by a tenth, then down to it, in whole rows", () => {
  expect(trimPoint(rows, { ...extent, events: historyEventsMax * 1.1 }, 101)).toBe(1);
  expect(trimPoint(rows, { ...extent, bytes: historyBytesMax * 1.1 }, 101)).toBe(1);
  const many = [
    { first: 1, count: historyEventsMax * 0.1, at: now, bytes: 1 },
    ...rows.map((row) => ({ ...row, first: row.first + 25_000 })),
  ];
  expect(trimPoint(many, { ...extent, events: historyEventsMax * 1.1 + 15 }, 1_000_000)).toBe(25_021);
});

it("never trims a row that a queue has not taken", () => {
  expect(trimPoint(rows, { ...extent, events: historyEventsMax * 2 }, 25)).toBe(21);
});

it("admits bulk at its share of the rate and says how long to wait beyond it", () => {
  const bulk = new Bulk(bulkEventsPerSecond);
  expect(bulk.admit(2_000, now)).toBe(0);
  expect(bulk.admit(1, now)).toBe(1_000);
  expect(bulk.admit(1, now + 1_000)).toBe(0);
});

it("names epochs so that they sort by creation and fit an R2 key", () => {
  expect(newEpoch(now, 0.999) < newEpoch(now + 1, 0)).toBe(true);
  expect(newEpoch(now, 0.5)).toMatch(/^[0-9a-z]{14}$/);
});
