/** The committed event set: complete, in order, small. */
import { statSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { EdgeEvent } from "../schemas/event.ts";
import { rankOf } from "../schemas/version.ts";
import { eventSetPath, laneNames, readEventSet } from "./event-set.ts";

const lanes = { arbitrum: readEventSet("arbitrum"), btc: readEventSet("btc") };
const all = [...lanes.arbitrum, ...lanes.btc];

function countTypes(events: readonly EdgeEvent[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { type } of events) counts[type] = (counts[type] ?? 0) + 1;
  return counts;
}

function byEntity(events: readonly EdgeEvent[], prefix: string): EdgeEvent[][] {
  const groups = Map.groupBy(
    events.filter(({ type }) => type.startsWith(prefix)),
    ({ subject }) => subject,
  );
  return [...groups.values()];
}

describe("the committed event set", () => {
  it("parses, and holds what its sources say", () => {
    expect(countTypes(lanes.arbitrum)).toEqual({
      "execution.completed": 1_083,
      "execution.submitted": 1_083,
      "market.updated": 216,
      "metrics.recorded": 43,
      "opportunity.detected": 755,
      "opportunity.updated": 755,
      "strategy.updated": 46,
      "system.alert": 47,
    });
    expect(countTypes(lanes.btc)).toEqual({
      "metrics.recorded": 68,
      "opportunity.detected": 107,
      "opportunity.expired": 107,
      "opportunity.updated": 2_885,
      "system.alert": 3,
    });
  });

  it("takes at most 4 MB in the repository", () => {
    const bytes = laneNames.reduce((sum, name) => sum + statSync(eventSetPath(name)).size, 0);
    expect(bytes).toBeLessThanOrEqual(4_000_000);
  });

  it.each(laneNames)("is sorted by time: %s", (name) => {
    const times = lanes[name].map(({ time }) => time);
    expect(times).toEqual(times.toSorted());
  });

  it("uses an event id once", () => {
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
  });

  it("never lets an entity's later event rank below an earlier one of the same millisecond", () => {
    for (const events of [...byEntity(all, "opportunity."), ...byEntity(all, "execution.")]) {
      for (const [index, event] of events.entries()) {
        const next = events[index + 1];
        if (next?.time === event.time) expect(rankOf(next), next.id).toBeGreaterThan(rankOf(event));
      }
    }
  });

  it("gives each Arbitrum opportunity a whole life, and each execution its two events", () => {
    const executions = byEntity(lanes.arbitrum, "execution.");
    const opportunities = byEntity(lanes.arbitrum, "opportunity.");
    expect(executions).toHaveLength(1_083);
    for (const events of executions) expect(events.map(({ type }) => type)).toEqual(["execution.submitted", "execution.completed"]);
    for (const events of opportunities) expect(events.map(({ data }) => data["execution_status"])).toEqual(["pending", "executed"]);
    const executed = new Set(executions.map((events) => events[0]?.data["opportunity_id"]));
    expect(opportunities.every((events) => executed.has(events[0]?.subject))).toBe(true);
  });

  it("opens, moves and closes each BTC gap, never two at once", () => {
    let open: string | undefined;
    for (const { type, subject, data } of lanes.btc.filter((event) => event.type.startsWith("opportunity."))) {
      if (type === "opportunity.detected") {
        expect(open).toBeUndefined();
        open = subject;
      }
      expect(subject).toBe(open);
      expect(data["execution_status"]).toBe(type === "opportunity.expired" ? "expired" : "pending");
      if (type === "opportunity.expired") open = undefined;
    }
    expect(open).toBeUndefined();
  });

  it("names the recorded time, the recording and the derived fields in every event", () => {
    for (const { id, time, data } of all) {
      const metadata = data["metadata"] as Record<string, unknown>;
      expect(metadata["recorded_at"], id).toBe(time);
      expect(metadata["recorded_by"], id).toMatch(/^(christoftorres\/Rolling-in-the-Shadows|nkaz001\/hftbacktest)$/);
      const derived = metadata["derived"] as string[];
      if (data["confidence"] !== undefined)
        expect(derived, id).toEqual(expect.arrayContaining(["confidence", "expiry_time", "risk_score"]));
    }
  });

  it("keeps on-chain amounts to the last digit", () => {
    const amounts = lanes.arbitrum.flatMap(({ data }) => (data["route"] ?? []) as { amount_in: string }[]).map((hop) => hop.amount_in);
    expect(Math.max(...amounts.map((amount) => amount.length))).toBe(29);
    for (const amount of amounts) expect(amount).toMatch(/^[1-9]\d*$/);
    expect(amounts).toContain("493783862704066488");
  });
});
