/** Moves recorded events to now. All times of an event shift together, so that durations inside it stay as recorded; ids get the
 *  run's own suffix, or a second run would be one long list of duplicates. Pure. */
import { parseEvent, type EdgeEvent } from "../schemas/event.ts";

/** Fields of `data` that hold a time. */
const timeFields = ["timestamp", "expiry_time", "created_at", "last_modified", "last_update"] as const;
/** Fields of `data` that name an entity born in this run. A strategy outlives runs: its id stays. */
const entityFields = ["opportunity_id", "execution_id"] as const;

export interface Rebase {
  /** What the event's own time becomes. */
  readonly toMs: number;
  readonly runId: string;
  /** When this opportunity was detected, re-based; absent for its first event. */
  readonly detectedMs?: number;
}

export function rebaseEvent(event: EdgeEvent, { toMs, runId, detectedMs }: Rebase): EdgeEvent {
  const shiftMs = toMs - Date.parse(event.time);
  const data: Record<string, unknown> = { ...event.data };
  for (const field of timeFields) {
    const value = data[field];
    if (typeof value === "string") data[field] = new Date(Date.parse(value) + shiftMs).toISOString();
  }
  for (const field of entityFields) {
    const value = data[field];
    if (typeof value === "string") data[field] = `${value}-${runId}`;
  }
  // Idle time between detection and now may have been cut: the detection keeps the time it was posted with.
  if (detectedMs !== undefined) data["timestamp"] = new Date(detectedMs).toISOString();
  const { specversion, source, type } = event;
  const parsed = parseEvent({ specversion, id: `${event.id}-${runId}`, source, type, time: new Date(toMs).toISOString(), data });
  if (!parsed.ok) throw new Error(`${event.id}: ${parsed.fault.path}: ${parsed.fault.message}`);
  return parsed.event;
}

/** Re-bases one lane in order. Times never fall back, and what was recorded at different times stays at different milliseconds,
 *  however fast the lane is played: newest-wins counts in milliseconds. */
export class LaneRebaser {
  readonly #runId: string;
  readonly #detected = new Map<string, number>();
  #recordedMs = Number.NEGATIVE_INFINITY;
  #toMs = Number.NEGATIVE_INFINITY;

  constructor(runId: string) {
    this.#runId = runId;
  }

  rebase(event: EdgeEvent, dueAtMs: number): EdgeEvent {
    const recordedMs = Date.parse(event.time);
    const earliestMs = recordedMs > this.#recordedMs ? this.#toMs + 1 : this.#toMs;
    const toMs = Math.max(Math.round(dueAtMs), earliestMs);
    this.#recordedMs = recordedMs;
    this.#toMs = toMs;
    const detectedMs = this.#detected.get(event.subject);
    if (event.type === "opportunity.detected") this.#detected.set(event.subject, toMs);
    return rebaseEvent(event, { toMs, runId: this.#runId, ...(detectedMs === undefined ? {} : { detectedMs }) });
  }
}
