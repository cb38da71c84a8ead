/** Decides, event by event, what gets in, and renders it once. Pure: the clock is an argument. */
import { streamOf } from "../../channels/catalogue.ts";
import { utf8Bytes } from "../../platform/bytes.ts";
import { parseEvent, Traceparent } from "../../schemas/event.ts";
import type { EdgeEvent } from "../../schemas/event.ts";
import { eventAheadMsMax, eventBehindMsMax, eventBytesMax } from "../../schemas/limits.ts";
import type { Publication } from "../../schemas/rpc.ts";
import { toPublication } from "../../schemas/version.ts";
import type { Item, RejectedItem } from "./item.ts";

export interface ValidEvent {
  readonly stream: string;
  readonly publication: Publication;
}

export interface Validated {
  readonly valid: readonly ValidEvent[];
  readonly rejected: readonly RejectedItem[];
}

export interface ValidationContext {
  readonly nowMs: number;
  /** The request's `traceparent` header, given to events that carry none. Ignored when it is not a W3C one. */
  readonly traceparent?: string | undefined;
}

type Fault = Omit<RejectedItem, "index">;

/** Paths and messages may quote what was sent: bounded, or a bad batch would be answered at its own size. */
const quotedCharsMax = 512;

export function validateItems(items: readonly Item[], context: ValidationContext): Validated {
  const traceparent = Traceparent.safeParse(context.traceparent).data;
  const valid: ValidEvent[] = [];
  const rejected: RejectedItem[] = [];
  for (const [index, item] of items.entries()) {
    const result = validateItem(item, { nowMs: context.nowMs, traceparent });
    if ("code" in result) rejected.push({ index, ...clipped(result) });
    else valid.push(result);
  }
  return { valid, rejected };
}

function validateItem(item: Item, { nowMs, traceparent }: ValidationContext): ValidEvent | Fault {
  if ("fault" in item) return { code: "INVALID_PARAMETERS", message: item.fault };
  const parsed = parseEvent(item.value);
  if (!parsed.ok) return { ...(parsed.id === undefined ? {} : { id: parsed.id }), ...parsed.fault };
  const event = withTraceparent(parsed.event, traceparent);
  const clockFault = findClockFault(event, nowMs);
  if (clockFault !== undefined) return clockFault;
  const publication = toPublication(event);
  const bytes = utf8Bytes(publication.text);
  if (bytes > eventBytesMax) {
    return {
      id: event.id,
      code: "PAYLOAD_TOO_LARGE",
      message: `the event is ${bytes} bytes as rendered, at most ${eventBytesMax} are allowed`,
    };
  }
  return { stream: streamOf(event.type), publication };
}

function withTraceparent(event: EdgeEvent, traceparent: string | undefined): EdgeEvent {
  return event.traceparent === undefined && traceparent !== undefined ? { ...event, traceparent } : event;
}

/** A time in the future would pin its entity's newest state there; one long past belongs to a log no longer held (CONTRACT 2). */
function findClockFault(event: EdgeEvent, nowMs: number): Fault | undefined {
  const aheadMs = Date.parse(event.time) - nowMs;
  const refuse = (message: string): Fault => ({ id: event.id, code: "INVALID_PARAMETERS", message, path: "time" });
  if (aheadMs > eventAheadMsMax) return refuse(`must not be more than ${eventAheadMsMax / 60_000} minutes ahead`);
  if (-aheadMs > eventBehindMsMax) return refuse(`must not be more than ${eventBehindMsMax / 86_400_000} days behind`);
  return undefined;
}

function clipped(fault: Fault): Fault {
  const { path, message } = fault;
  const short = { ...fault, message: message.slice(0, quotedCharsMax) };
  return path === undefined || path === "" ? omitPath(short) : { ...short, path: path.slice(0, quotedCharsMax) };
}

function omitPath({ path: _, ...rest }: Fault): Fault {
  return rest;
}
