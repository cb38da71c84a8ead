/** The CloudEvents 1.0 envelope and the closed set of event types (CONTRACT 2). `parseEvent` is the one door for events:
 *  at ingest, and again off a queue or out of storage, where older versions live. */
import { z } from "zod";
import { Alert, Execution, Id, identifier, Market, Metric, Opportunity, Strategy, Time, Workflow } from "./data.ts";
import { findJsonFault } from "./json.ts";
import { idCharsMax, sourceCharsMax } from "./limits.ts";

/** The schema of each type's `data` and the entity it speaks of. */
export const eventTypes = {
  "opportunity.detected": Opportunity,
  "opportunity.updated": Opportunity,
  "opportunity.expired": Opportunity,
  "execution.submitted": Execution,
  "execution.completed": Execution,
  "execution.failed": Execution,
  "strategy.updated": Strategy,
  "market.updated": Market,
  "metrics.recorded": Metric,
  "system.alert": Alert,
  "workflow.updated": Workflow,
  "workflow.completed": Workflow,
  "agent.updated": Workflow,
} as const;

export type EventType = keyof typeof eventTypes;

/** CloudEvents extension attributes are lower-case letters and digits; their values scalars. */
const Extension = z.union([z.string().max(1_024), z.number(), z.boolean()]);

/** W3C Trace Context: neither id may be all zeros, version ff is forbidden. */
export const Traceparent = z
  .string()
  .regex(/^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/, "must be a W3C traceparent");

/** Where a replayed event stands in the stream that it is replayed from. */
export const OriginalPosition = z.object({
  channel: z.string().min(1).max(259),
  epoch: z.string().min(1).max(64),
  offset: z.int().nonnegative(),
  at: z.int().nonnegative().describe("when it was sequenced there: epoch ms"),
});

export type OriginalPosition = z.infer<typeof OriginalPosition>;

export const Envelope = z.looseObject({
  specversion: z.literal("1.0"),
  id: Id,
  source: identifier(sourceCharsMax),
  type: z.string(),
  subject: Id.optional(),
  time: Time,
  datacontenttype: z
    .string()
    .regex(
      /^[a-zA-Z]+\/(?:[a-zA-Z0-9.!#$&^_-]{1,100}\+)?[jJ][sS][oO][nN](?:\s*;.{0,200})?$/,
      'must be a media type of JSON, such as "application/json"',
    )
    .optional(),
  dataschema: z.string().max(1_024).optional(),
  traceparent: Traceparent.optional(),
  /** superjson's type annotations for BigInt and Date, carried beside plain JSON. */
  meta: z.record(z.string(), z.unknown()).optional(),
  /** The edge's own: what was sent, where a dialect's adapter changed it; in a replay's channel, where the event stands in its stream.
   *  Ingest refuses it from senders. */
  original: z.union([z.string(), OriginalPosition]).optional(),
});

export interface EdgeEvent {
  readonly specversion: "1.0";
  readonly id: string;
  readonly source: string;
  readonly type: EventType;
  /** The entity: always present once parsed. */
  readonly subject: string;
  /** RFC 3339, UTC, milliseconds. */
  readonly time: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly meta?: Readonly<Record<string, unknown>>;
  readonly traceparent?: string;
  /** JSON text of what was sent, where an adapter changed it. */
  readonly original?: string;
  /** Set for an event of a replay's channel. */
  readonly replayed?: OriginalPosition;
  /** datacontenttype, dataschema and CloudEvents extensions, in the order they came. */
  readonly extensions: Readonly<Record<string, string | number | boolean>>;
}

export interface EventFault {
  readonly code: "INVALID_PARAMETERS";
  readonly message: string;
  /** Dotted path of the offending field, e.g. `data.risk_score`; "" is the event as a whole. */
  readonly path: string;
}

export type ParsedEvent =
  | { readonly ok: true; readonly event: EdgeEvent }
  | { readonly ok: false; readonly id?: string; readonly fault: EventFault };

const envelopeFields = new Set(["specversion", "id", "source", "type", "subject", "time", "traceparent", "meta", "original", "data"]);
const extensionName = /^[a-z0-9]{1,64}$/;

/** Validates one event: JSON bounds, envelope, type, data, subject. Does not look at the clock. */
export function parseEvent(input: unknown): ParsedEvent {
  const id = readId(input);
  const refuse = (path: string, message: string): ParsedEvent => ({
    ok: false,
    ...(id === undefined ? {} : { id }),
    fault: { code: "INVALID_PARAMETERS", message, path },
  });
  const jsonFault = findJsonFault(input);
  if (jsonFault !== undefined) return refuse(jsonFault.path, jsonFault.message);
  const envelope = Envelope.safeParse(input);
  if (!envelope.success) return refuse(...firstIssue(envelope.error, ""));
  const { type } = envelope.data;
  if (!isEventType(type)) return refuse("type", `unknown event type "${type.slice(0, 64)}"; known: ${Object.keys(eventTypes).join(", ")}`);
  const data = eventTypes[type].safeParse(envelope.data["data"]);
  if (!data.success) return refuse(...firstIssue(data.error, "data"));
  const extensions = parseExtensions(envelope.data);
  if ("path" in extensions) return refuse(extensions.path, extensions.message);
  const entity = entityOf(type, data.data, envelope.data.id);
  const { subject = entity, time, source, traceparent, meta, original } = envelope.data;
  if (subject !== entity) return refuse("subject", `must be the entity's id "${entity}"`);
  return {
    ok: true,
    event: {
      specversion: "1.0",
      id: envelope.data.id,
      source,
      type,
      subject,
      time,
      data: data.data,
      ...(meta === undefined ? {} : { meta }),
      ...(traceparent === undefined ? {} : { traceparent }),
      ...originOf(original),
      extensions: extensions.values,
    },
  };
}

function originOf(original: string | OriginalPosition | undefined): Pick<EdgeEvent, "original" | "replayed"> {
  if (original === undefined) return {};
  return typeof original === "string" ? { original } : { replayed: original };
}

export function isEventType(type: string): type is EventType {
  return Object.hasOwn(eventTypes, type);
}

function readId(input: unknown): string | undefined {
  const id = typeof input === "object" && input !== null ? (input as { id?: unknown }).id : undefined;
  return typeof id === "string" ? id.slice(0, idCharsMax) : undefined;
}

function firstIssue(error: z.ZodError, prefix: string): [path: string, message: string] {
  const [issue] = error.issues;
  const path = [prefix, ...(issue?.path ?? [])].filter((part) => part !== "").join(".");
  return [path, issue?.message ?? "invalid"];
}

function parseExtensions(
  envelope: Readonly<Record<string, unknown>>,
): { values: Record<string, string | number | boolean> } | { path: string; message: string } {
  const values: Record<string, string | number | boolean> = {};
  for (const [name, value] of Object.entries(envelope)) {
    if (envelopeFields.has(name) || value === undefined || value === null) continue;
    if (!extensionName.test(name)) return { path: name, message: "attribute names are lower-case letters and digits (CloudEvents 1.0)" };
    const parsed = Extension.safeParse(value);
    if (!parsed.success) return { path: name, message: "an extension attribute is a string, a number or a boolean" };
    values[name] = parsed.data;
  }
  return { values };
}

/** The id of what the event speaks of. `market` has one entity; alerts and metrics are each their own. */
function entityOf(type: EventType, data: Readonly<Record<string, unknown>>, id: string): string {
  switch (type) {
    case "opportunity.detected":
    case "opportunity.updated":
    case "opportunity.expired":
      return String(data["opportunity_id"]);
    case "execution.submitted":
    case "execution.completed":
    case "execution.failed":
      return String(data["execution_id"]);
    case "strategy.updated":
      return String(data["strategy_id"]);
    case "market.updated":
      return "market";
    case "workflow.updated":
    case "workflow.completed":
      return String(data["workflow_id"]);
    case "agent.updated":
      return String(data["agent_id"] ?? data["workflow_id"]);
    case "metrics.recorded":
    case "system.alert":
      return id;
  }
}
