/** What a frame of Contabo's socket, `{type, data}`, hands to ingest. It has neither id nor sequence, and after a reconnect or from the other
 *  backend the same event may come again: its id is a hash of its content (producers/dialects), so nothing that changes from one sending to
 *  the next may count as content. Pure. */
import type { UpstreamFrame } from "../../schemas/upstream.ts";
import type { Item } from "../ingest/item.ts";

/** Where the dialects of `data` say when it happened (docs/dialects.md). */
export const timesOfData = [
  "timestamp",
  "created_at",
  "createdAt",
  "detected_at",
  "detectedAt",
  "last_update",
  "last_modified",
  "updated_at",
];

export function itemOf({ body }: UpstreamFrame): Item {
  // A backend that speaks CloudEvents has ids and times of its own: the same ones it posts under.
  if (body["specversion"] !== undefined || !hasTime(body["data"])) return { value: body };
  // The frame's own is the moment of sending.
  const { timestamp: _timestamp, time: _time, ...rest } = body;
  return { value: rest };
}

function hasTime(data: unknown): boolean {
  return typeof data === "object" && data !== null && timesOfData.some((name) => Object.hasOwn(data, name));
}
