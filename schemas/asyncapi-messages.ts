/** The messages of the AsyncAPI document, one for each frame either side may send, and the schemas they share. */
import { z } from "zod";
import { Alert, Execution, Market, Metric, Opportunity, Strategy, Workflow } from "./data.ts";
import { eventTypes } from "./event.ts";
import { controlFrames, EventHead, HistoryHead, legacyFrames } from "./server-frames.ts";
import { ClientFrame } from "./socket.ts";
import { SseClosed } from "./sse.ts";

export interface Message {
  readonly name: string;
  readonly title: string;
  readonly summary?: string;
  readonly payload: object;
}

const data = { Opportunity, Execution, Strategy, Market, Alert, Metric, Workflow } as const;

/** AsyncAPI's own dialect is a superset of JSON Schema draft 7. Times and defaults as they are sent. */
function jsonSchema(schema: z.ZodType): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: "input", target: "draft-7" });
  return rest;
}

export function schemas(): Record<string, object> {
  return Object.fromEntries(Object.entries(data).map(([name, schema]) => [name, jsonSchema(schema)]));
}

/** `opportunity.detected` is sent as `opportunity_detected`. */
export function frameType(eventType: string): string {
  return eventType.replaceAll(".", "_");
}

function schemaName(eventType: keyof typeof eventTypes): string {
  const found = Object.entries(data).find(([, schema]) => schema === eventTypes[eventType]);
  if (found === undefined) throw new Error(`${eventType} has data that the document does not name`);
  return found[0];
}

export const eventNames = Object.keys(eventTypes).map(frameType);
export const controlNames = Object.keys(controlFrames);
export const legacyNames = Object.keys(legacyFrames);
/** Client frames go by `client_{type}`: `history`, `presence` and others have the same type in both directions. */
export const clientNames = ClientFrame.options.map((option) => clientName(option.shape.type.value));

export function clientName(type: string): string {
  return `client_${type}`;
}

export function messages(): Record<string, Message> {
  const all = [...clientMessages(), ...controlMessages(), ...eventMessages(), ...collections(), ...legacyMessages(), ...otherDialects()];
  return Object.fromEntries(all.map((message) => [message.name, message]));
}

function clientMessages(): Message[] {
  return ClientFrame.options.map((option) => {
    const type = option.shape.type.value;
    return { name: clientName(type), title: `${type} (client)`, payload: jsonSchema(option) };
  });
}

function controlMessages(): Message[] {
  return Object.entries(controlFrames).map(([name, schema]) => ({ name, title: name, payload: jsonSchema(schema) }));
}

function eventMessages(): Message[] {
  return (Object.keys(eventTypes) as (keyof typeof eventTypes)[]).map((eventType) => {
    const type = frameType(eventType);
    const head = jsonSchema(z.object({ type: z.literal(type), ...EventHead.shape }));
    return {
      name: type,
      title: `event ${eventType}`,
      payload: withProperty(head, "data", { $ref: `#/components/schemas/${schemaName(eventType)}` }),
    };
  });
}

/** Frames that hold event frames. */
function collections(): Message[] {
  const events = eventNames.map((name) => ({ $ref: `#/components/messages/${name}/payload` }));
  const history = withProperty(jsonSchema(HistoryHead), "events", { type: "array", items: { anyOf: events } });
  const position = { $ref: "#/components/messages/position/payload" };
  const batch = {
    type: "object",
    properties: { type: { type: "string", const: "batch" }, frames: { type: "array", items: { anyOf: [...events, position] } } },
    required: ["type", "frames"],
  };
  return [
    { name: "history", title: "history", payload: history },
    { name: "batch", title: "batch", summary: "Several frames at once, for sockets opened with ?batch=1", payload: batch },
  ];
}

function legacyMessages(): Message[] {
  return Object.entries(legacyFrames).map(([name, schema]) => ({ name, title: `${name} (legacy)`, payload: jsonSchema(schema) }));
}

function otherDialects(): Message[] {
  const line = { type: "object", description: "Centrifugo's client protocol v2; several lines of JSON may make one message" };
  return [
    { name: "closed", title: "closed (SSE)", payload: jsonSchema(SseClosed) },
    { name: "centrifugo_command", title: "command of a Centrifugo SDK", payload: line },
    { name: "centrifugo_reply", title: "reply or push to a Centrifugo SDK", payload: line },
  ];
}

function withProperty(schema: object, name: string, property: object): object {
  const { properties, required, ...rest } = schema as { properties?: object; required?: readonly string[] };
  return { ...rest, properties: { ...properties, [name]: property }, required: [...(required ?? []), name] };
}
