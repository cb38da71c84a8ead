/** What a producer hands over and the text it becomes: one CloudEvent, rendered once, so that every retry sends the same bytes.
 *  Pure: the clock and new ids are arguments. */
import type { z } from "zod";
import type { EventType, eventTypes } from "../../schemas/event.ts";

/** `data` as docs/protocol.md describes it for this type, before the edge fills in defaults. */
export type DataFor<T extends EventType> = z.input<(typeof eventTypes)[T]>;

/** One event. `id` and `time` are made when they are left out; with an id of its own an event may be published again safely. */
export type PublishEvent = { [T in EventType]: Envelope<T> }[EventType];

interface Envelope<T extends EventType> {
  readonly type: T;
  readonly data: DataFor<T>;
  readonly id?: string;
  /** Names the sender, e.g. "contabo/searcher-1"; `(source, id)` is what the edge recognises a repeat by. */
  readonly source?: string;
  readonly time?: string | Date;
  readonly traceparent?: string;
}

export interface Rendered {
  readonly id: string;
  readonly text: string;
  /** UTF-8. */
  readonly bytes: number;
}

export interface RenderContext {
  readonly source: string;
  readonly nowMs: number;
  newId(): string;
}

const encoder = new TextEncoder();

/** Throws TypeError for what JSON cannot hold, such as a BigInt: amounts are decimal strings. */
export function renderForPost(event: PublishEvent, context: RenderContext): Rendered {
  const { type, data, id = context.newId(), source = context.source, time = new Date(context.nowMs), traceparent } = event;
  const at = time instanceof Date ? time.toISOString() : time;
  const text = JSON.stringify({ specversion: "1.0", id, source, type, time: at, traceparent, data });
  return { id, text, bytes: encoder.encode(text).byteLength };
}
