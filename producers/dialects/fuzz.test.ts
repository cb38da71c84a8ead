/** Whatever a sender writes, an adapter answers with a valid canonical event or a refusal that names a path: it never throws. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { recorded, writers } from "../../tests/samples/opportunities.ts";
import { parseEvent } from "../../schemas/event.ts";
import { validateItems } from "../ingest/validate.ts";
import { toDecimalText, inWholeUnits } from "./decimal-text.ts";
import { normaliseEvent } from "./index.ts";

const nowMs = recorded.detectedMs;
const samples = [
  ...Object.values(writers).map((write) => write(recorded)),
  { id: "x1", opportunityId: "o1", chain: "Arbitrum", status: "SUCCESS", createdAt: nowMs, txHash: "0x1", actualProfit: 1 },
  { severity: "low", message: "m", timestamp: nowMs },
];
const frames = [
  { eventType: "workflow_status_update", workflowId: "w", agentId: "a", data: { status: "s" } },
  { eventType: "system_metrics_update", data: { cpu: 1, deep: { er: "2" } } },
  { type: "strategy_updated", data: { strategy_id: "s" } },
];

const junk = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom(Number.NaN, 1e308, 2 ** 60, -0, "0x", "1e400", "\ud800", "9".repeat(500), "2026-02-30T00:00:00Z", "🦄"),
  fc.constantFrom<unknown>([], {}, [[]], { symbol: 7 }, "__proto__", "constructor"),
);

/** A sample in which some fields, at any depth, hold something else. */
function spoilt(value: unknown): fc.Arbitrary<unknown> {
  if (typeof value !== "object" || value === null)
    return fc.oneof({ weight: 6, arbitrary: fc.constant(value) }, { weight: 1, arbitrary: junk });
  if (Array.isArray(value)) return fc.tuple(...value.map(spoilt));
  const fields = Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, fc.oneof({ weight: 9, arbitrary: spoilt(inner) }, junk)]),
  );
  return fc.record(fields, { requiredKeys: [] });
}

const event = fc.oneof(
  ...samples.map(spoilt),
  ...frames.map(spoilt),
  fc
    .tuple(fc.constantFrom("opportunity_detected", "execution:completed", "system.error"), fc.oneof(...samples.map(spoilt)))
    .map(([type, data]) => ({
      type,
      data,
    })),
);

it("answers anything with an event or a refusal that says where", () => {
  let accepted = 0;
  fc.assert(
    fc.property(event, (value) => {
      const { valid, rejected } = validateItems([{ value }], { nowMs });
      expect(valid.length > 0).toBe(rejected.length === 0);
      for (const { publication } of valid) expect(parseEvent(JSON.parse(publication.text)).ok).toBe(true);
      for (const { message, path = "" } of rejected) expect([message, path]).not.toContain("");
      accepted += valid.length > 0 ? 1 : 0;
    }),
    { numRuns: 3_000 },
  );
  // Otherwise the samples are spoilt so much that nothing is tested.
  expect(accepted).toBeGreaterThan(100);
  // Thousands of runs, on a machine that may be busy.
}, 60_000);

it("never changes a number: an accepted profit is the very one that was sent", () => {
  const write = writers["rust"];
  fc.assert(
    fc.property(fc.double({ noNaN: true, min: -1e15, max: 1e15 }), (profit) => {
      const result = normaliseEvent({ ...write?.(recorded), estimated_profit: profit }, { timeMs: nowMs, index: 0 });
      const data = result.kind === "normalised" ? (result.drafts[0]?.event["data"] as { estimated_profit: string }) : undefined;
      // Negative zero is refused by name.
      expect(data === undefined ? -0 : Number(data.estimated_profit)).toBe(profit);
    }),
    { numRuns: 1_000 },
  );
});

it("moves digits exactly: whole units and back are the same integer", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }), fc.integer({ min: 0, max: 36 }), (units, decimals) => {
      const [whole = "", fraction = ""] = inWholeUnits(String(units), decimals).split(".");
      expect(BigInt(whole + fraction.padEnd(decimals, "0"))).toBe(units);
      expect(toDecimalText(String(units))).toBe(String(units));
    }),
  );
});
