/** Parses again what left the queue (older versions live there): events with their positions, and the lines that are none. Pure. */
import { readStreamEvent } from "../../channels/stream-event.ts";
import type { PackedMessage } from "../../schemas/pack.ts";
import { cutRow, eventsOf } from "../../schemas/row.ts";
import type { LogRow } from "../../schemas/rpc.ts";
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
        const read = readStreamEvent(stream, text);
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
