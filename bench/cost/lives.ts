/** Lays the committed recordings out as a stream of a given mean rate: lives (an opportunity with its executions) that start evenly, each
 *  at its recorded pace. How updates fall into D1's batch windows is then as recorded, not as fast as we can post. Pure. */
import { rebaseEvent } from "../../demo/rebase.ts";
import type { EdgeEvent } from "../../schemas/event.ts";

/** Events that belong together, in recorded order. */
export type Life = readonly EdgeEvent[];

export interface PlannedEvent {
  readonly event: EdgeEvent;
  /** Milliseconds after the start. */
  readonly dueMs: number;
}

/** An execution belongs to its opportunity; what names no opportunity stands alone. */
export function livesOf(lane: readonly EdgeEvent[]): Life[] {
  const lives = new Map<string, EdgeEvent[]>();
  for (const event of lane) {
    const owner = "opportunity_id" in event.data ? String(event.data.opportunity_id) : `${event.type} ${event.id}`;
    const life = lives.get(owner);
    if (life === undefined) lives.set(owner, [event]);
    else life.push(event);
  }
  return [...lives.values()];
}

/** Lanes mixed so that any stretch has the mix of the whole: the n-th life of a lane stands where its share of the lane is reached. */
export function interleave(lanes: readonly (readonly Life[])[]): Life[] {
  return lanes
    .flatMap((lives) => lives.map((life, index) => ({ life, share: (index + 0.5) / lives.length })))
    .toSorted((a, b) => a.share - b.share)
    .map(({ life }) => life);
}

export interface Plan {
  readonly events: number;
  readonly eventsPerSecond: number;
  readonly startMs: number;
}

/** The longest recorded life ends within it: from then on as many lives end as begin. */
const settleMs = 60_000;

/** Exactly `events` events in order of due time, cut out of an endless stream that has settled: lives are repeated under new names as
 *  often as needed, and some were under way when the cut begins or are when it ends. */
export function planEvents(lives: readonly Life[], plan: Plan): PlannedEvent[] {
  const untilMs = settleMs + (plan.events / plan.eventsPerSecond) * 1_000;
  const planned: PlannedEvent[] = [];
  let bornMs = 0;
  for (let pass = 0; bornMs <= untilMs; pass += 1) {
    for (const life of lives) {
      planned.push(...planLife(life, { bornMs: bornMs - settleMs, startMs: plan.startMs, runId: `p${pass}` }));
      bornMs += (life.length / plan.eventsPerSecond) * 1_000;
      if (bornMs > untilMs) break;
    }
  }
  const due = planned.filter(({ dueMs }) => dueMs >= 0).toSorted((a, b) => a.dueMs - b.dueMs);
  return due.slice(0, plan.events);
}

function planLife(life: Life, { bornMs, startMs, runId }: { bornMs: number; startMs: number; runId: string }): PlannedEvent[] {
  const [first] = life;
  const recordedMs = Date.parse(first?.time ?? "");
  return life.map((event) => {
    const dueMs = Math.round(bornMs + Date.parse(event.time) - recordedMs);
    return { dueMs, event: rebaseEvent(event, { toMs: startMs + dueMs, runId, detectedMs: startMs + Math.round(bornMs) }) };
  });
}

export interface PlannedPost {
  readonly events: readonly EdgeEvent[];
  readonly dueMs: number;
}

/** A post leaves when it is full. */
export function planPosts(planned: readonly PlannedEvent[], size: number): PlannedPost[] {
  return Array.from({ length: Math.ceil(planned.length / size) }, (_, index) => {
    const batch = planned.slice(index * size, (index + 1) * size);
    return { events: batch.map(({ event }) => event), dueMs: batch.at(-1)?.dueMs ?? 0 };
  });
}

export interface Mix {
  readonly events: number;
  readonly bytesPerEvent: number;
  readonly types: Readonly<Record<string, number>>;
  /** Events and distinct entities by kind of entity. */
  readonly entities: Readonly<Record<string, { readonly events: number; readonly distinct: number }>>;
}

export function mixOf(events: readonly EdgeEvent[], bytes: number): Mix {
  const types: Record<string, number> = {};
  const subjects = new Map<string, string[]>();
  for (const { type, subject } of events) {
    types[type] = (types[type] ?? 0) + 1;
    const kind = type.slice(0, type.indexOf("."));
    subjects.set(kind, [...(subjects.get(kind) ?? []), subject]);
  }
  const entities = Object.fromEntries([...subjects].map(([kind, all]) => [kind, { events: all.length, distinct: new Set(all).size }]));
  return { events: events.length, bytesPerEvent: bytes / events.length, types, entities };
}
