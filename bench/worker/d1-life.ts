/** One opportunity's life in D1, step by step, with the Worker's own statements: what each step writes, index entries included. */
import { parseEvent } from "../../schemas/event.ts";
import type { EdgeEvent } from "../../schemas/event.ts";
import { versionOf } from "../../schemas/version.ts";
import { findHotTable } from "../../stores/hot-cache-tables.ts";
import { upsertNewest } from "../../stores/hot-cache.ts";
import { pruneHotCache } from "../../stores/prune.ts";
import { countBindings } from "./bindings.ts";
import { counts } from "./tally.ts";

export interface LifeStep {
  readonly name: string;
  /** One event per opportunity, as rendered. */
  readonly events: readonly string[];
}

export interface StepCost {
  readonly name: string;
  readonly opportunities: number;
  readonly rows: number;
}

/** Rows written per step; the last one is the pruning. */
export async function measureLife(env: Env, steps: readonly LifeStep[]): Promise<StepCost[]> {
  const table = findHotTable("opportunities");
  if (table === undefined) throw new Error("the hot cache has no opportunities");
  const measured: StepCost[] = [];
  for (const { name, events } of steps) {
    // Recorded times are years old: a clock at 0 has no horizon that would refuse them, today's prunes them all.
    const placed = events.map(read).map((event, index) => ({ event, version: versionOf(event), epoch: "bench", offset: index + 1 }));
    measured.push({ name, opportunities: events.length, rows: await upsertNewest(env.OPPORTUNITIES_DB, { table, placed, now: 0 }) });
  }
  const before = counts();
  await pruneHotCache(countBindings(env), { now: Date.now() });
  const pruned = "d1.written.delete.opportunities";
  measured.push({
    name: "pruned",
    opportunities: Math.max(...steps.map(({ events }) => events.length)),
    rows: (counts()[pruned] ?? 0) - (before[pruned] ?? 0),
  });
  return measured;
}

function read(text: string): EdgeEvent {
  const parsed = parseEvent(JSON.parse(text));
  if (!parsed.ok) throw new Error(`${parsed.fault.path}: ${parsed.fault.message}`);
  return parsed.event;
}
