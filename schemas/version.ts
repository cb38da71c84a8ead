/** An entity's newest state is the greatest (time in ms, lifecycle rank, id hash), the same in a channel and in D1 (DESIGN 8).
 *  Block times have one-second resolution: `submitted` before `completed` must not hang on a random id. */
import { hash64 } from "../platform/bytes.ts";
import type { EdgeEvent, OriginalPosition } from "./event.ts";
import { renderEvent, renderReplayed } from "./render.ts";
import type { Publication } from "./rpc.ts";

export interface Version {
  readonly timeMs: number;
  readonly rank: number;
  /** hash64 of (source, id). Compared as text, which is its order as a number. */
  readonly key: string;
}

/** Negative when a is older than b, 0 when they are the same event, positive when newer. */
export function compareVersions(a: Version, b: Version): number {
  if (a.timeMs !== b.timeMs) return a.timeMs - b.timeMs;
  if (a.rank !== b.rank) return a.rank - b.rank;
  if (a.key === b.key) return 0;
  return a.key < b.key ? -1 : 1;
}

const statusRank: Readonly<Record<string, number>> = {
  pending: 0,
  submitted: 1,
  executing: 2,
  expired: 3,
  failed: 4,
  reverted: 4,
  executed: 5,
  confirmed: 5,
};

/** Position of a state in its entity's life, 0–15. An update outranks the detection it updates. */
export function rankOf(event: EdgeEvent): number {
  const status = event.data["execution_status"] ?? event.data["status"];
  const byStatus = typeof status === "string" ? (statusRank[status] ?? 0) : 0;
  const updated = event.type === "opportunity.detected" || event.type === "execution.submitted" ? 0 : 1;
  return byStatus * 2 + updated;
}

export function keyOf(source: string, id: string): string {
  return hash64(`${source}\u0000${id}`);
}

export function versionOf(event: EdgeEvent): Version {
  return { timeMs: Date.parse(event.time), rank: rankOf(event), key: keyOf(event.source, event.id) };
}

/** What a channel needs to sequence an event. `text` is given where the event was read from its own wire text. */
export function toPublication(event: EdgeEvent, text = renderEvent(event)): Publication {
  const { timeMs, rank, key } = versionOf(event);
  const { replayed, subject } = event;
  return { key: replayed === undefined ? key : positionKey(replayed), entity: hash64(subject), timeMs, rank, text };
}

/** For a replay's channel. */
export function toReplayed(event: EdgeEvent, position: OriginalPosition): Publication {
  return toPublication({ ...event, replayed: position }, renderReplayed(event, position));
}

/** A log keeps the repeats of an id and a replay shows them, so there its position is what an event is known by. */
function positionKey({ channel, epoch, offset }: OriginalPosition): string {
  return keyOf(channel, `${epoch}:${offset}`);
}
