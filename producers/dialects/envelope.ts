/** Takes apart what an event comes in: CloudEvents, a frame `{type, data}` of the backend's socket, its webhook's `{eventType, workflowId, agentId,
 *  data}`, or nothing at all. */
import type { Fields } from "./reading.ts";
import { has, isFields } from "./reading.ts";

export interface Opened {
  readonly kind: "cloudevent" | "enveloped" | "bare";
  readonly envelope: Fields;
  /** As sent; undefined in a bare record. */
  readonly typeName: string | undefined;
  readonly typePath: string;
  readonly record: unknown;
  /** Where the record stands. */
  readonly base: "data" | "";
  /** For reports. It is the event's own in CloudEvents only: elsewhere it may be the entity's, which many events share. */
  readonly id: string | undefined;
  readonly source: string | undefined;
  /** Where the envelope's own time stands, if it has one. */
  readonly timePath: string | undefined;
  /** What the envelope holds besides, for fields that nobody else keeps. */
  readonly beside: Fields;
}

const known = new Set(["type", "eventType", "data", "source", "timestamp", "time"]);

export function openEnvelope(value: Fields): Opened {
  if (has(value, "specversion")) {
    // Its other attributes are extensions, and stay where they are.
    return { ...enveloped(value, "type"), kind: "cloudevent", timePath: has(value, "time") ? "time" : undefined };
  }
  if (typeof value["eventType"] === "string") return { ...enveloped(value, "eventType"), beside: besideOf(value) };
  if (typeof value["type"] === "string" && isFields(value["data"])) return { ...enveloped(value, "type"), beside: besideOf(value) };
  const bare = { typeName: undefined, typePath: "", id: undefined, source: undefined, timePath: undefined, beside: {} };
  return { kind: "bare", envelope: {}, record: value, base: "", ...bare };
}

function enveloped(value: Fields, typePath: string): Opened {
  return {
    kind: "enveloped",
    envelope: value,
    typeName: textOf(value[typePath]),
    typePath,
    record: value["data"],
    base: "data",
    id: textOf(value["id"]),
    source: textOf(value["source"]),
    timePath: ["time", "timestamp"].find((name) => has(value, name)),
    beside: {},
  };
}

function besideOf(value: Fields): Fields {
  return Object.fromEntries(Object.entries(value).filter(([name]) => !known.has(name)));
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
