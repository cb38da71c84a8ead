/** Reads an event of a stream back from its wire text: from a queue and from storage, where older versions live. Pure. */
import { messageOf } from "../platform/errors.ts";
import { parseEvent } from "../schemas/event.ts";
import type { EdgeEvent } from "../schemas/event.ts";
import { versionOf } from "../schemas/version.ts";
import type { Version } from "../schemas/version.ts";
import { streamOf } from "./catalogue.ts";

export interface StreamEvent {
  readonly event: EdgeEvent;
  readonly version: Version;
}

/** The reason is for operators. */
export function readStreamEvent(stream: string, text: string): StreamEvent | { readonly reason: string } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return { reason: `not JSON: ${messageOf(error)}` };
  }
  const parsed = parseEvent(json);
  if (!parsed.ok) return { reason: `not an event: ${parsed.fault.path} ${parsed.fault.message}` };
  const { event } = parsed;
  if (streamOf(event.type) !== stream) return { reason: `${event.type} does not belong to stream ${stream}` };
  return { event, version: versionOf(event) };
}
