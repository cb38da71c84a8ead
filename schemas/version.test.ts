import * as fc from "fast-check";
import { expect, it } from "vitest";
import { executionData, opportunityData, sentEvent } from "../tests/support/sent-events.ts";
import { parseEvent } from "./event.ts";
import type { EdgeEvent } from "./event.ts";
import { renderEvent } from "./render.ts";
import { compareVersions, keyOf, rankOf, toPublication, versionOf } from "./version.ts";
import type { Version } from "./version.ts";

function parsed(type: string, changes: Record<string, unknown> = {}): EdgeEvent {
  const result = parseEvent(sentEvent(type, changes));
  if (!result.ok) throw new Error(`${result.fault.path}: ${result.fault.message}`);
  return result.event;
}

function execution(type: string, status: string): EdgeEvent {
  return parsed(type, { id: "same", data: executionData({ status }) });
}

it("ranks states that share a millisecond by their place in a life, not by their ids", () => {
  const submitted = rankOf(execution("execution.submitted", "submitted"));
  expect(submitted).toBeGreaterThan(rankOf(execution("execution.submitted", "pending")));
  expect(rankOf(execution("execution.failed", "failed"))).toBeGreaterThan(submitted);
  expect(rankOf(execution("execution.failed", "reverted"))).toBeGreaterThan(submitted);
  expect(rankOf(execution("execution.completed", "confirmed"))).toBeGreaterThan(submitted);
});

it("ranks an update above the detection it updates, and an end above both", () => {
  const detected = rankOf(parsed("opportunity.detected"));
  const updated = rankOf(parsed("opportunity.updated"));
  const expired = rankOf(parsed("opportunity.expired", { data: opportunityData({ execution_status: "expired" }) }));
  expect(updated).toBeGreaterThan(detected);
  expect(expired).toBeGreaterThan(updated);
});

it("ranks every type and status from 0 to 15", () => {
  for (const status of ["pending", "executing", "executed", "expired", "failed"]) {
    for (const type of ["opportunity.detected", "opportunity.updated", "opportunity.expired"]) {
      const rank = rankOf(parsed(type, { data: opportunityData({ execution_status: status }) }));
      expect(rank).toBeGreaterThanOrEqual(0);
      expect(rank).toBeLessThanOrEqual(15);
    }
  }
  expect(rankOf(parsed("workflow.updated"))).toBe(1);
});

it("orders versions totally: by time, then rank, then key", () => {
  const version = fc.record({ timeMs: fc.nat(3), rank: fc.nat(2), key: fc.constantFrom("00ff", "0100", "a000") });
  fc.assert(
    fc.property(version, version, version, (a: Version, b: Version, c: Version) => {
      expect(Math.sign(compareVersions(a, b))).toBe(-Math.sign(compareVersions(b, a)) + 0);
      expect(compareVersions(a, b) === 0).toBe(a.timeMs === b.timeMs && a.rank === b.rank && a.key === b.key);
      const sorted = [a, b, c].toSorted(compareVersions);
      expect([c, b, a].toSorted(compareVersions)).toEqual(sorted);
    }),
  );
});

it("gives an id of another source another key, wherever the boundary between them lies", () => {
  expect(keyOf("a", "bc")).not.toBe(keyOf("ab", "c"));
  expect(keyOf("a", "b")).toMatch(/^[0-9a-f]{16}$/);
  expect(keyOf("a", "b")).toBe(keyOf("a", "b"));
});

it("makes the same publication from an event as from its own rendering", () => {
  const event = parsed("opportunity.detected");
  const publication = toPublication(event);
  const again = parseEvent(JSON.parse(publication.text));
  if (!again.ok) throw new Error("unreadable");
  expect(toPublication(again.event)).toEqual(publication);
  expect(publication).toMatchObject({ text: renderEvent(event), timeMs: Date.parse(event.time), key: versionOf(event).key });
});
