/** The counters of the bench's Worker. Worker, consumers and objects of one local runtime share one isolate, so one record reaches all. */
import type { Counts } from "../cost/counts.ts";

const tally: Record<string, number> = {};
/** The second in which each object was last seen working. */
const lastSeen = new Map<string, number>();

export function add(name: string, count = 1): void {
  if (count !== 0) tally[name] = (tally[name] ?? 0) + count;
}

export function counts(): Counts {
  return { ...tally };
}

/** Counts a second in which an object worked, once: an object that could hibernate between two of its seconds is not billed for them. */
export function markAwake(className: string, id: string): void {
  const second = Math.floor(Date.now() / 1_000);
  const key = `${className} ${id}`;
  if (lastSeen.get(key) === second) return;
  lastSeen.set(key, second);
  add(`awake.${className}`);
}
