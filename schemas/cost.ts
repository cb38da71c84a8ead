/** What GET /ops/cost answers: operations that the edge counted of itself, times the price sheet. */
import { z } from "zod";

export const CostLine = z.object({
  service: z.string(),
  operation: z.string(),
  basis: z.enum(["counted", "derived"]).describe("counted where it happened, or concluded from what was counted"),
  operations: z.number(),
  dollars: z.number(),
});

export const CostReport = z.object({
  from: z.iso.datetime().describe("start of the first ten minutes that count"),
  to: z.iso.datetime(),
  prices_read_on: z.string().describe("when the price sheet was read"),
  events: z.int().describe("events that were sequenced meanwhile"),
  lines: z.array(CostLine).describe("dearest first"),
  dollars: z.object({
    counted: z.number(),
    derived: z.number(),
    total: z.number(),
    per_hour: z.number(),
    per_million_events: z.number().optional(),
  }),
  not_counted: z.array(z.string()).describe("what the bill has beside this"),
  unreachable: z.array(z.string()).describe("streams that did not answer: their part is missing"),
});

export type CostLine = z.infer<typeof CostLine>;
export type CostReport = z.infer<typeof CostReport>;
