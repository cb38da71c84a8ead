/** The design without a sequencer: each event is one call of a Durable Object, one queue message, one D1 upsert and one R2 object. Pure. */
import { prices } from "../../schemas/prices.ts";
import type { Mix } from "./lives.ts";

export const naiveAssumptions = [
  "one request per post; each event then costs one Durable Object call that writes nothing",
  "one queue message of one unit (write, read, delete), never retried; consumers' own requests not counted",
  "one R2 PUT per event; no relays: one object sends to everybody",
  "D1 with the seed's two indexes: 3 rows per insert, 3 per update (no conflation), 1 per delete",
] as const;

/** Kinds of entity that stand in D1; strategies are never deleted. */
const stored = ["opportunity", "execution", "strategy", "metrics"] as const;
const kept: readonly string[] = ["strategy"];
const rowsPerUpsert = 3;

export interface NaiveCost {
  readonly lines: readonly { readonly binding: string; readonly perMillion: number }[];
  readonly withoutD1: number;
  readonly d1: number;
}

export function naiveCost(mix: Mix, batch: number): NaiveCost {
  const million = 1_000_000;
  const lines = [
    { binding: "Workers requests", perMillion: (prices.workerRequest * million) / batch },
    { binding: "Durable Object requests", perMillion: prices.objectRequest * million },
    { binding: "Queues", perMillion: prices.queueOperation * 3 * million },
    { binding: "R2 class A", perMillion: prices.r2ClassA * million },
  ];
  const rows = stored.reduce((sum, kind) => {
    const { events, distinct } = mix.entities[kind] ?? { events: 0, distinct: 0 };
    return sum + events * rowsPerUpsert + (kept.includes(kind) ? 0 : distinct);
  }, 0);
  const withoutD1 = lines.reduce((sum, line) => sum + line.perMillion, 0);
  return { lines, withoutD1, d1: ((prices.d1RowWritten * rows) / mix.events) * million };
}
