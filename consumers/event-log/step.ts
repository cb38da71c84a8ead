/** Brings a batch of sequenced events into the log: grouped by stream, epoch and hour, each group one object. A message is done when
 *  every object that holds a part of it is stored. */
import { messageOf } from "../../platform/errors.ts";
import { utf8Bytes } from "../../platform/bytes.ts";
import { logObjectBytesMax } from "../../schemas/limits.ts";
import type { PackedMessage } from "../../schemas/pack.ts";
import { eventsOf } from "../../schemas/row.ts";
import { hourOf } from "../../stores/event-log.ts";
import type { LogLine } from "../../stores/event-log.ts";
import { done, park, retry } from "../consume.ts";
import type { Outcome } from "../consume.ts";

export interface EventLogDeps {
  /** Stores lines of one stream, epoch and hour; throws unless they are surely stored and their hour is marked for compaction. */
  put(stream: string, lines: readonly LogLine[]): Promise<unknown>;
}

export interface LogGroup {
  readonly stream: string;
  /** Indexes of the messages that have a part in it. */
  readonly items: Set<number>;
  /** By offset: a redelivered message repeats its events. */
  readonly lines: Map<number, LogLine>;
}

export async function eventLogStep(items: readonly PackedMessage[], deps: EventLogDeps): Promise<Outcome[]> {
  const outcomes = items.map((item): Outcome => (item.kind === "positions" ? done : park("an inbox message on the event-log queue")));
  for (const group of groupLines(items)) {
    try {
      for (const lines of objectsOf(group)) await deps.put(group.stream, lines);
    } catch (error) {
      for (const index of group.items) outcomes[index] = retry(messageOf(error));
    }
  }
  return outcomes;
}

export function groupLines(items: readonly PackedMessage[]): LogGroup[] {
  const groups = new Map<string, LogGroup>();
  for (const [index, item] of items.entries()) {
    if (item.kind !== "positions") continue;
    for (const row of item.rows) {
      const name = JSON.stringify([item.stream, item.epoch, hourOf(row.at)]);
      const group = groups.get(name) ?? { stream: item.stream, items: new Set(), lines: new Map() };
      groups.set(name, group);
      group.items.add(index);
      for (const { offset, at, stale, text } of eventsOf(row)) group.lines.set(offset, { epoch: item.epoch, offset, at, stale, text });
    }
  }
  return [...groups.values()];
}

/** The group's lines in order, cut where an object would grow too large. */
function objectsOf(group: LogGroup): LogLine[][] {
  const objects: LogLine[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const line of [...group.lines.values()].toSorted((a, b) => a.offset - b.offset)) {
    const cost = utf8Bytes(line.text);
    if (bytes + cost > logObjectBytesMax) {
      objects.push([]);
      bytes = 0;
    }
    objects.at(-1)?.push(line);
    bytes += cost;
  }
  return objects;
}
