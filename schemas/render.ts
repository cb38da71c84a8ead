/** Serialise once (DESIGN 5): an event's wire text is rendered at ingest and moved as it is by log row, queue and socket.
 *  Key order is fixed: attributes first, `data` and `meta` last, so a frame is the text's tail behind another head. What was sent, where an
 *  adapter changed it, stands among the attributes as text: logs have it, frames don't. */
import type { EdgeEvent, EventType, OriginalPosition } from "./event.ts";

export function renderEvent(event: EdgeEvent): string {
  const { specversion, id, source, type, subject, time, traceparent, original, extensions, data, meta } = event;
  // JSON.stringify skips undefined: traceparent, original and meta are optional.
  return JSON.stringify({ specversion, id, source, type, subject, time, traceparent, original, ...extensions, data, meta });
}

/** The wire text of an event in a replay's channel: its position in the stream it comes from stands last, where frames have it; what was
 *  sent stays in the log. */
export function renderReplayed({ original: _, ...event }: EdgeEvent, position: OriginalPosition): string {
  return `${renderEvent(event).slice(0, -1)},"original":${JSON.stringify(position)}}`;
}

/** The envelope attributes of a wire text, and the text from `"data":` to the last field, without the closing brace. */
export interface WireParts {
  readonly id: string;
  readonly type: EventType;
  readonly source: string;
  readonly subject: string;
  readonly time: string;
  /** `"data":{…}`, `"meta":{…}` where there is one, and in a replay's channel `"original":{…}`. */
  readonly tail: string;
}

/** Splits a wire text made by renderEvent. Quotes inside JSON strings are escaped, so `,"data":` is found at the top level only
 *  (attributes before it are scalars). */
export function splitWire(text: string): WireParts {
  const at = text.indexOf(',"data":');
  const head = JSON.parse(`${text.slice(0, at)}}`) as Omit<WireParts, "tail">;
  return { id: head.id, type: head.type, source: head.source, subject: head.subject, time: head.time, tail: text.slice(at + 1, -1) };
}
