/** Brings an event of any dialect to its canonical form, or refuses it by name. What is canonical already is left alone: it is for parseEvent to
 *  judge. Pure: the clock is an argument. */
import { hash64 } from "../../platform/bytes.ts";
import { findJsonFault } from "../../schemas/json.ts";
import { findDialect } from "./adapters.ts";
import type { Found } from "./adapters.ts";
import type { Dialect } from "./dialect.ts";
import { openEnvelope } from "./envelope.ts";
import type { Opened } from "./envelope.ts";
import { dottedName } from "./event-names.ts";
import { metricsMax } from "./metrics.ts";
import { isFields, Reading } from "./reading.ts";
import type { Fault, Fields } from "./reading.ts";
import { sortedJson } from "./sorted-json.ts";
import { time as timeUnit } from "./units.ts";

export interface Reception {
  /** Time of a report that tells none. */
  readonly timeMs: number;
  /** Of a signed webhook: what an event without an id is named after, so that a repeat has the same one. */
  readonly webhookId?: string | undefined;
  /** The event's place in its request. */
  readonly index: number;
}

export interface Draft {
  /** For parseEvent. */
  readonly event: Fields;
  /** What was sent. */
  readonly original: string;
  /** The path, as sent, of what became this canonical path. */
  sent(path: string): string;
}

export type Normalisation =
  | { readonly kind: "canonical" }
  | { readonly kind: "normalised"; readonly drafts: readonly Draft[] }
  | { readonly kind: "refused"; readonly id?: string; readonly fault: Fault };

const canonical: Normalisation = { kind: "canonical" };

export function normaliseEvent(value: unknown, reception: Reception): Normalisation {
  if (!isFields(value)) return canonical;
  const opened = openEnvelope(value);
  const found = findDialect(opened);
  if (found === "canonical") return canonical;
  if ("fault" in found) return refused(opened, found.fault);
  const fault = findJsonFault(value);
  if (fault !== undefined) return refused(opened, fault);
  const told = envelopeTime(opened);
  if (typeof told === "object") return refused(opened, told);
  return normaliseParts({ ...found, opened, told, reception, original: JSON.stringify(value) });
}

interface Making extends Found {
  readonly opened: Opened;
  /** The envelope's time. */
  readonly told: string | undefined;
  readonly reception: Reception;
  readonly original: string;
}

/** All of a record's events, or the first reason why there are none. */
function normaliseParts(making: Making): Normalisation {
  const { dialect, record, opened } = making;
  const parts = dialect.split(record);
  if (parts.length === 0) return refused(opened, { path: opened.base, message: "holds no number to record" });
  if (parts.length > metricsMax) return refused(opened, { path: opened.base, message: `holds more than ${metricsMax} numbers` });
  const drafts: Draft[] = [];
  for (const [index, part] of parts.entries()) {
    const draft = normalisePart(part, parts.length === 1 ? undefined : index, making);
    if ("fault" in draft) return refused(opened, draft.fault);
    drafts.push(draft);
  }
  return { kind: "normalised", drafts };
}

function normalisePart(record: Fields, part: number | undefined, making: Making): Draft | { readonly fault: Fault } {
  const { dialect, type, opened, told, reception, original } = making;
  const received = dialect.mayLackTime ? new Date(reception.timeMs).toISOString() : undefined;
  const envelope = { ...opened.envelope, name: dottedName(opened.typeName ?? type), time: told ?? received };
  const reading = new Reading(record, { envelope, base: opened.base, source: opened.source ?? "", type });
  const result = dialect.normalise(record, reading, opened.beside);
  if ("fault" in result) return result;
  const { data } = result;
  const time = told ?? result.time ?? received;
  if (time === undefined)
    return { fault: { path: reading.sent(dialect.times[0] ?? "time"), message: "is missing: the event has no time" } };
  const id = idOf([type, time, data], part, making);
  const event = { id, source: opened.source ?? `contabo/${dialect.name}`, type, time, data };
  return {
    event: opened.kind === "cloudevent" ? { ...opened.envelope, ...event } : { specversion: "1.0", ...event },
    original,
    sent: (path) => sentPath(path, { dialect, opened, reading }),
  };
}

/** Undefined where the envelope tells none: then it is the record's, else, where that will do, the time of receipt. */
function envelopeTime({ timePath, envelope }: Opened): string | Fault | undefined {
  if (timePath === undefined) return undefined;
  const converted = timeUnit.read(envelope[timePath]);
  return "value" in converted ? converted.value : { path: timePath, message: converted.fault };
}

/** The event's own, else the webhook's with the event's place in it, else a hash of all it says: two states of an entity differ in time or data
 *  and must not die as repeats of each other, the same text sent again must. */
function idOf(content: readonly unknown[], part: number | undefined, { opened, reception }: Making): string {
  const given = opened.kind === "cloudevent" ? opened.id : undefined;
  const { webhookId, index } = reception;
  const root = given ?? (webhookId === undefined ? undefined : `${webhookId}-${index}`);
  if (root === undefined) return hash64(sortedJson(content));
  return part === undefined ? root : `${root}-${part}`;
}

interface Place {
  readonly dialect: Dialect;
  readonly opened: Opened;
  readonly reading: Reading;
}

/** `data.token_pair` came from `data.tokens.tokenA.symbol`. */
function sentPath(path: string, { dialect, reading, opened }: Place): string {
  if (path === "time") return opened.timePath ?? reading.sent(reading.firstOf(dialect.times) ?? "time");
  if (path === "type") return opened.typePath;
  if (!path.startsWith("data.")) return path;
  const [to = "", ...rest] = path.slice("data.".length).split(".");
  const from = reading.firstOf(dialect.mappings.find((mapping) => mapping.to === to)?.from ?? []) ?? to;
  return [reading.sent(from), ...rest].join(".");
}

function refused({ id }: Opened, fault: Fault): Normalisation {
  return { kind: "refused", ...(id === undefined ? {} : { id }), fault };
}
