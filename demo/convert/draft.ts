/** The shape every converter hands on: an event of the canonical set before it is validated and sorted.
 *  `order` settles what share a millisecond; block times have one-second resolution. */
import { parseEvent, type EventType } from "../../schemas/event.ts";
import { renderEvent } from "../../schemas/render.ts";

export interface Draft {
  readonly atMs: number;
  /** Compared left to right after the time. */
  readonly order: readonly number[];
  readonly id: string;
  readonly source: string;
  readonly type: EventType;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface Provenance {
  readonly recordedAt: string;
  /** Repository the facts were recorded in. */
  readonly from: string;
  /** Fields of `data` that no source carries: computed by a rule of demo/README.md. */
  readonly derived: readonly string[];
}

export function provenance({ recordedAt, from, derived }: Provenance): Record<string, unknown> {
  return { recorded_at: recordedAt, recorded_by: from, derived };
}

export function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}

export function compareDrafts(a: Draft, b: Draft): number {
  if (a.atMs !== b.atMs) return a.atMs - b.atMs;
  for (const [index, value] of a.order.entries()) {
    const other = b.order[index] ?? 0;
    if (value !== other) return value - other;
  }
  return 0;
}

/** The event's wire text as the edge itself would render it. Throws on the first event the schemas refuse. */
export function renderDraft(draft: Draft): string {
  const { id, source, type, data } = draft;
  const parsed = parseEvent({ specversion: "1.0", id, source, type, time: isoOf(draft.atMs), data });
  if (!parsed.ok) throw new Error(`${id}: ${parsed.fault.path}: ${parsed.fault.message}`);
  return renderEvent(parsed.event);
}
