import { describe, expect, it } from "vitest";
import { parseEvent, type EdgeEvent } from "../../schemas/event.ts";
import { interleave, livesOf, mixOf, planEvents, planPosts } from "./lives.ts";

const recordedMs = Date.parse("2024-08-08T23:54:15.088Z");
const startMs = Date.parse("2026-11-24T00:00:00.000Z");

function opportunity(id: string, afterMs: number, type = "opportunity.updated"): EdgeEvent {
  const time = new Date(recordedMs + afterMs).toISOString();
  const fields = {
    chain: "binance",
    dex_a: "a",
    dex_b: "b",
    token_pair: "BTC/USDT",
    price_difference: "1",
    volume: "1",
    estimated_profit: "1",
  };
  const data = { opportunity_id: id, ...fields, risk_score: 1, timestamp: time, expiry_time: time, execution_status: "pending" };
  const parsed = parseEvent({ specversion: "1.0", id: `${id}@${afterMs}`, source: "test", type, subject: id, time, data });
  if (!parsed.ok) throw new Error(`${parsed.fault.path}: ${parsed.fault.message}`);
  return parsed.event;
}

const life = (id: string): EdgeEvent[] => [opportunity(id, 0, "opportunity.detected"), opportunity(id, 700), opportunity(id, 2_000)];

describe("a planned stream", () => {
  const plan = { events: 100, eventsPerSecond: 10, startMs };
  const planned = planEvents(livesOf([...life("a"), ...life("b")]), plan);

  it("has exactly the events asked for, each under a name of its own, in order of due time", () => {
    expect(planned).toHaveLength(100);
    expect(new Set(planned.map(({ event }) => event.id)).size).toBe(100);
    expect(planned.map(({ dueMs }) => dueMs)).toEqual(planned.map(({ dueMs }) => dueMs).toSorted((a, b) => a - b));
  });

  it("runs at the mean rate from its first second to its last", () => {
    expect(planned[0]?.dueMs).toBeLessThan(1_000);
    expect(planned.at(-1)?.dueMs).toBeGreaterThan(9_000);
    expect(planned.at(-1)?.dueMs).toBeLessThan(11_000);
  });

  it("keeps the pace recorded inside a life, in due times as in event times", () => {
    const entities = Map.groupBy(planned, ({ event }) => event.subject);
    const whole = [...entities.values()].find((events) => events.length === 3);
    const [first, second, third] = whole ?? [];
    expect((second?.dueMs ?? 0) - (first?.dueMs ?? 0)).toBe(700);
    expect((third?.dueMs ?? 0) - (first?.dueMs ?? 0)).toBe(2_000);
    expect(Date.parse(second?.event.time ?? "") - startMs).toBe(second?.dueMs);
  });

  it("is posted when a batch is full, the last one as it is", () => {
    const posts = planPosts(planned, 30);
    expect(posts.map(({ events }) => events.length)).toEqual([30, 30, 30, 10]);
    expect(posts[0]?.dueMs).toBe(planned[29]?.dueMs);
  });
});

it("mixes lanes of unlike length evenly", () => {
  const lanes = [
    ["a1", "a2", "a3", "a4"],
    ["b1", "b2"],
  ].map((ids) => livesOf(ids.map((id) => opportunity(id, 0))));
  expect(interleave(lanes).map(([event]) => event?.subject)).toEqual(["a1", "b1", "a2", "a3", "b2", "a4"]);
});

it("counts events and distinct entities by kind", () => {
  const mix = mixOf([...life("a"), ...life("b")], 6_000);
  expect(mix.entities).toEqual({ opportunity: { events: 6, distinct: 2 } });
  expect(mix.bytesPerEvent).toBe(1_000);
  expect(mix.types).toEqual({ "opportunity.detected": 2, "opportunity.updated": 4 });
});
