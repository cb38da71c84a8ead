/** What a dead letter is sent as, and where to: a pure decision. A correction keeps the positions: the log already has the event under them, and
 *  the hot cache must get it under the same. */
import { utf8Bytes } from "../../platform/bytes.ts";
import { parseEvent } from "../../schemas/event.ts";
import { packedBytesMax } from "../../schemas/limits.ts";
import { packInbox, packPositions, unpack } from "../../schemas/pack.ts";
import type { PackedMessage } from "../../schemas/pack.ts";
import { renderEvent } from "../../schemas/render.ts";
import { eventsOf } from "../../schemas/row.ts";
import type { RedriveBody } from "../../schemas/dead-letter.ts";

export const redriveQueues = ["inbox", "hot-cache", "event-log"] as const;
export type RedriveQueue = (typeof redriveQueues)[number];

export interface Redrive {
  readonly queue: RedriveQueue;
  readonly bodies: readonly string[];
}

export type Decision =
  | { readonly ok: true; readonly redrive: Redrive }
  | { readonly ok: false; readonly path: string; readonly message: string };

/** What the letter holds, as far as it can be read. */
export function readLetter(body: unknown): PackedMessage | { readonly invalid: string } {
  const message = unpack(body);
  if ("kind" in message) return message;
  // The inbox parks a line it cannot take by itself.
  return typeof body === "string" && isJsonObject(body) ? { kind: "inbox", lines: [body] } : message;
}

/** `queue` is where the letter was read from. */
export function decideRedrive(queue: string, body: unknown, correction: RedriveBody): Decision {
  const message = readLetter(correction.body ?? body);
  if ("invalid" in message) return refuse("body", `can't be read (${message.invalid}): give a body that can`);
  const target = targetOf(queue, message);
  if (target === undefined) return refuse("body", `does not say which of ${redriveQueues.join(", ")} it is for`);
  const { events } = correction;
  const lines = events === undefined ? linesOf(message) : renderAll(events);
  if (!Array.isArray(lines)) return lines;
  const expected = linesOf(message).length;
  if (lines.length !== expected) return refuse("events", `the letter holds ${expected}, ${lines.length} were given`);
  const bodies = pack(message, target, lines);
  if (bodies.some((text) => utf8Bytes(text) > packedBytesMax))
    return refuse("events", `an event is longer than a message (${packedBytesMax} bytes)`);
  return { ok: true, redrive: { queue: target, bodies } };
}

/** The dead-letter queue takes from all: there the message itself says whose it is. */
function targetOf(queue: string, message: PackedMessage): RedriveQueue | undefined {
  const named = message.kind === "inbox" ? "inbox" : (message.sink ?? queue);
  return redriveQueues.find((each) => each === named && (each === "inbox") === (message.kind === "inbox"));
}

export function linesOf(message: PackedMessage): string[] {
  return message.kind === "inbox" ? message.lines : message.rows.flatMap((row) => eventsOf(row).map(({ text }) => text));
}

function renderAll(events: readonly Readonly<Record<string, unknown>>[]): string[] | (Decision & { ok: false }) {
  const lines: string[] = [];
  for (const [index, event] of events.entries()) {
    const parsed = parseEvent(event);
    if (!parsed.ok) return refuse(`events.${index}${parsed.fault.path === "" ? "" : `.${parsed.fault.path}`}`, parsed.fault.message);
    lines.push(renderEvent(parsed.event));
  }
  return lines;
}

function pack(message: PackedMessage, target: RedriveQueue, lines: readonly string[]): string[] {
  if (message.kind === "inbox") return packInbox(lines);
  let at = 0;
  const rows = message.rows.map((row) => {
    const part = lines.slice(at, at + row.count);
    at += row.count;
    return { ...row, lines: part.join("\n") };
  });
  const { stream, epoch } = message;
  return packPositions({ stream, epoch, sink: target }, rows).map(({ body }) => body);
}

function refuse(path: string, message: string): Decision & { ok: false } {
  return { ok: false, path, message };
}

function isJsonObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
