/** The adapters, and which of them an event is for: by its type where an envelope names one, else by its fields alone. */
import { isEventType } from "../../schemas/event.ts";
import type { EventType } from "../../schemas/event.ts";
import { foreignAlert } from "./alert.ts";
import type { Dialect } from "./dialect.ts";
import type { Opened } from "./envelope.ts";
import { toEventType } from "./event-names.ts";
import { foreignExecution } from "./execution.ts";
import { metricsReport } from "./metrics.ts";
import { apiV2Opportunity } from "./opportunity-api-v2.ts";
import { apiOpportunity } from "./opportunity-api.ts";
import { edgeOpportunity } from "./opportunity-edge.ts";
import { rustOpportunity } from "./opportunity-rust.ts";
import { temporalOpportunity } from "./opportunity-temporal.ts";
import { marketInForeignEnvelope, strategyInForeignEnvelope } from "./plain.ts";
import { isFields } from "./reading.ts";
import type { Fault, Fields } from "./reading.ts";
import { workflowReport } from "./workflow.ts";

export const dialects: readonly Dialect[] = [
  apiOpportunity,
  rustOpportunity,
  temporalOpportunity,
  apiV2Opportunity,
  edgeOpportunity,
  foreignExecution,
  foreignAlert,
  workflowReport,
  metricsReport,
  strategyInForeignEnvelope,
  marketInForeignEnvelope,
];

const byKind = new Map<string, Dialect[]>();
for (const dialect of dialects) for (const kind of dialect.kinds) byKind.set(kind, [...(byKind.get(kind) ?? []), dialect]);

export interface Found {
  readonly dialect: Dialect;
  readonly type: EventType;
  readonly record: Fields;
}

/** "canonical" is what no adapter may touch. */
export function findDialect(opened: Opened): Found | { readonly fault: Fault } | "canonical" {
  const { kind, record, typeName, typePath, base } = opened;
  if (kind === "bare") return findBare(record);
  const isCloudEvent = kind === "cloudevent";
  // Its faults are parseEvent's to tell, in its own words.
  if (isCloudEvent && (typeName === undefined || opened.envelope["specversion"] !== "1.0" || !isFields(record))) return "canonical";
  const type = toEventType(typeName ?? "");
  if (type === undefined) return isCloudEvent ? "canonical" : { fault: { path: typePath, message: unknownType(typeName ?? "") } };
  if (!isFields(record)) return { fault: { path: base, message: "must be an object" } };
  const asTyped = isCloudEvent && typeName !== undefined && isEventType(typeName);
  const found = byKind
    .get(type.slice(0, type.indexOf(".")))
    ?.find((dialect) => (asTyped ? dialect.isForeign(record) : dialect.recognise(record)));
  if (found !== undefined) return { dialect: found, type, record };
  return asTyped ? "canonical" : { fault: { path: base, message: `is of no known dialect of ${type} (docs/dialects.md)` } };
}

/** Without an envelope a record must say by its fields alone what it is. */
function findBare(record: unknown): Found | "canonical" {
  if (!isFields(record)) return "canonical";
  for (const dialect of dialects) {
    const type = dialect.recognise(record) ? dialect.typeOf?.(record) : undefined;
    if (type !== undefined) return { dialect, type, record };
  }
  return "canonical";
}

function unknownType(name: string): string {
  return `unknown event type "${name.slice(0, 64)}" (docs/dialects.md lists the spellings)`;
}
