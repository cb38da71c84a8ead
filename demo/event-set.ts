/** Reads the committed event set. Each lane is one recording, in recorded order. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { parseEvent, type EdgeEvent } from "../schemas/event.ts";

export const laneNames = ["arbitrum", "btc"] as const;
export type LaneName = (typeof laneNames)[number];

export function eventSetPath(name: LaneName): URL {
  return new URL(`./events/${name}.ndjson.gz`, import.meta.url);
}

/** Throws on a line the schemas refuse: the set is committed, so that is a bug. */
export function readEventSet(name: LaneName): EdgeEvent[] {
  const lines = gunzipSync(readFileSync(eventSetPath(name)))
    .toString("utf8")
    .trimEnd()
    .split("\n");
  return lines.map((line, index) => {
    const parsed = parseEvent(JSON.parse(line));
    if (!parsed.ok) throw new Error(`${name} line ${index + 1}: ${parsed.fault.path}: ${parsed.fault.message}`);
    return parsed.event;
  });
}
