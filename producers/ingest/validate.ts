/** Decides, event by event, what gets in, and renders it once. Pure: the clock is an argument. */
import { streamOf } from "../../channels/catalogue.ts";
import { utf8Bytes } from "../../platform/bytes.ts";
import { parseEvent, Traceparent } from "../../schemas/event.ts";
import type { EdgeEvent } from "../../schemas/event.ts";
import { eventAheadMsMax, eventBehindMsMax, eventBytesMax } from "../../schemas/limits.ts";
import type { Publication } from "../../schemas/rpc.ts";
import { toPublication } from "../../schemas/version.ts";
import { normaliseEvent } from "../dialects/index.ts";
import type { Draft } from "../dialects/index.ts";
import { isFields } from "../dialects/reading.ts";
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
  /** Whoever signed the request, where it is signed. */
  readonly signed?: Signed | undefined;
}

/** What a verified signature says of its request. */
export interface Signed {
  /** When it was signed: the time of a report that tells none. */
  readonly timeMs: number;
  /** Standard Webhooks: a repeat has the same one, and so the events in it that have no id of their own. */
  readonly webhookId?: string;
}

type Fault = Omit<RejectedItem, "index">;

/** Paths and messages may quote what was sent: bounded, or a bad batch would be answered at its own size. */
const quotedCharsMax = 512;

export function validateItems(items: readonly Item[], context: ValidationContext): Validated {
  const traceparent = Traceparent.safeParse(context.traceparent).data;
  const valid: ValidEvent[] = [];
  const rejected: RejectedItem[] = [];
  for (const [index, item] of items.entries()) {
    const result = validateItem(item, { ...context, traceparent, index });
    if ("code" in result) rejected.push({ index, ...clipped(result) });
    else valid.push(...result);
  }
  return { valid, rejected };
}

interface ItemContext extends ValidationContext {
  readonly index: number;
}

/** One item is one event, but for a report of many metrics, which gets in as a whole or not at all. */
function validateItem(item: Item, context: ItemContext): readonly ValidEvent[] | Fault {
  if ("fault" in item) {
    const { fault: message, path } = item;
    return { code: "INVALID_PARAMETERS", message, ...(path !== undefined && { path }) };
  }
  const { nowMs, signed, index } = context;
  const normalised = normaliseEvent(item.value, { timeMs: signed?.timeMs ?? nowMs, webhookId: signed?.webhookId, index });
  switch (normalised.kind) {
    case "canonical":
      return allOf([validateCanonical(item.value, context)]);
    case "refused":
      return { ...withId(normalised.id), code: "INVALID_PARAMETERS", ...normalised.fault };
    case "normalised":
      return allOf(normalised.drafts.map((draft) => validateDraft(draft, context)));
  }
}

function allOf(results: readonly (ValidEvent | Fault)[]): readonly ValidEvent[] | Fault {
  const fault = results.find((result) => "code" in result);
  return fault ?? results.filter((result) => "stream" in result);
}

function validateCanonical(value: unknown, context: ItemContext): ValidEvent | Fault {
  const parsed = parseEvent(value);
  if (!parsed.ok) return { ...withId(parsed.id), ...parsed.fault };
  if (isFields(value) && "original" in value)
    return { id: parsed.event.id, code: "INVALID_PARAMETERS", message: "is the edge's own attribute", path: "original" };
  return toValid(parsed.event, context);
}

/** Faults are told by the paths that were sent. */
function validateDraft(draft: Draft, context: ItemContext): ValidEvent | Fault {
  const parsed = parseEvent({ ...draft.event, original: draft.original });
  const result = parsed.ok ? toValid(parsed.event, context) : { ...withId(parsed.id), ...parsed.fault };
  return "path" in result && result.path !== undefined ? { ...result, path: draft.sent(result.path) } : result;
}

function withId(id: string | undefined): { id?: string } {
  return id === undefined ? {} : { id };
}

function toValid(parsed: EdgeEvent, { nowMs, traceparent }: ItemContext): ValidEvent | Fault {
  const event = withTraceparent(parsed, traceparent);
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
