/** When each event of a lane falls due, in milliseconds after the start at speed 1. Pure. */
import type { EdgeEvent } from "../schemas/event.ts";

export interface TimedEvent {
  readonly dueMs: number;
  readonly event: EdgeEvent;
}

/** Recorded pace, idle time cut: the recordings span months, and nobody waits an hour for the next event. */
export const idleMsMax = 1_000;

/** The events in the order given, which must be the recorded one. */
export function paceLane(events: readonly EdgeEvent[]): TimedEvent[] {
  let dueMs = 0;
  let previousMs: number | undefined;
  return events.map((event) => {
    const recordedMs = Date.parse(event.time);
    dueMs += Math.min(idleMsMax, recordedMs - (previousMs ?? recordedMs));
    previousMs = recordedMs;
    return { dueMs, event };
  });
}

/** What falls due in the first `seconds` of the lane. */
export function sliceLane(lane: readonly TimedEvent[], seconds: number): TimedEvent[] {
  return lane.filter(({ dueMs }) => dueMs < seconds * 1_000);
}
