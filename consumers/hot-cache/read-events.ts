/** Parses again what left the queue (older versions live there): events with their positions, and the lines that are none. Pure. */
import { streamOf } from "../../channels/catalogue.ts";
import { messageOf } from "../../platform/errors.ts";
import { parseEvent } from "../../schemas/event.ts";
import type { PackedMessage } from "../../schemas/pack.ts";
import { cutRow, eventsOf } from "../../schemas/row.ts";
import type { LogRow } from "../../schemas/rpc.ts";
import { versionOf } from "../../schemas/version.ts";
import type { Placed } from "../../stores/hot-cache-tables.ts";

export type PositionsMessage = Extract<PackedMessage, { kind: "positions" }>;

/** A placed event that still knows the row it came in. */
export interface ReadEvent extends Placed {
  readonly origin: LogRow;
}

/** An event that can never be written, with the reason an operator will read. */
export interface Poison {
  readonly stream: string;
  readonly epoch: string;
  /** The one-event row: parked as a message that can be sent again. */
  readonly row: LogRow;
  readonly reason: string;
}

export function readEvents(stream: string, messages: readonly PositionsMessage[]): { events: ReadEvent[]; poisons: Poison[] } {
  const events: ReadEvent[] = [];
  const poisons: Poison[] = [];
  for (const { epoch, rows } of messages) {
    for (const origin of rows) {
      for (const { offset, text } of eventsOf(origin)) {
        const read = readLine(stream, text);
        if ("reason" in read) poisons.push({ stream, epoch, row: rowAt(origin, offset), reason: read.reason });
        else events.push({ ...read, epoch, offset, origin });
      }
    }
  }
  return { events, poisons };
}

export function toPoison(stream: string, { epoch, offset, origin }: ReadEvent, reason: string): Poison {
  return { stream, epoch, row: rowAt(origin, offset), reason };
}

function rowAt(row: LogRow, offset: number): LogRow {
  const cut = cutRow(row, offset, offset);
  if (cut === undefined) throw new Error(`offset ${offset} is outside its row ${row.first}+${row.count}`);
  return cut;
}

function readLine(stream: string, text: string): Pick<Placed, "event" | "version"> | { reason: string } {
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
