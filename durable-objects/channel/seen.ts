/** What a channel has seen within the dedupe window: event ids (a repeat gets its original offset) and the newest state of each
 *  entity. Typed tables by minute: 600,000 string ids in a Map took 77 MB, and objects share an isolate's 128 MB (DESIGN 8). */
import { dedupeWindowMs, seenEventsMax } from "../../schemas/limits.ts";
import { compareVersions, type Version } from "../../schemas/version.ts";
import { key64, Table64, type Key64 } from "./table64.ts";

/** 24 bytes in a stored blob: key 8, entity 8, time 6, rank 1, one spare. */
export interface SeenEvent extends Version {
  readonly entity: string;
}

export interface EntityState extends Version {
  /** Offset of the entity's last event, whether or not it was the newest state. */
  readonly offset: number;
}

interface Segment {
  readonly startedAt: number;
  endedAt: number;
  events: number;
  readonly ids: Table64;
  readonly entities: Table64;
}

const segmentMs = 60_000;
const blobEntryBytes = 24;

export class SeenIndex {
  /** Oldest first. */
  readonly #segments: Segment[] = [];

  get events(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.events, 0);
  }

  /** The offset under which the event was sequenced, if that was within the window. */
  findOffset(key: string): number | undefined {
    return this.#find(key64(key), "ids")?.[0];
  }

  findEntity(entity: string): EntityState | undefined {
    return this.#stateOf(key64(entity));
  }

  record(event: SeenEvent, offset: number, at: number): void {
    const segment = this.#segmentAt(at);
    const entity = key64(event.entity);
    const known = this.#stateOf(entity);
    // The newest segment must hold the greatest version: a stale event moves the offset, not the state.
    const newest = known !== undefined && compareVersions(known, event) > 0 ? known : event;
    const [high, low] = key64(newest.key);
    segment.ids.set(key64(event.key), [offset]);
    segment.entities.set(entity, [offset, newest.timeMs, newest.rank, high, low]);
    segment.events += 1;
  }

  /** Forgets what is older than the window, and the oldest minutes where memory would run out first. */
  expire(now: number): void {
    let held = this.events;
    for (let oldest = this.#segments[0]; oldest !== undefined; oldest = this.#segments[0]) {
      if (oldest.endedAt >= now - dedupeWindowMs && held <= seenEventsMax) return;
      held -= oldest.events;
      this.#segments.shift();
    }
  }

  #segmentAt(at: number): Segment {
    const current = this.#segments.at(-1);
    if (current !== undefined && at < current.startedAt + segmentMs) {
      current.endedAt = Math.max(current.endedAt, at);
      return current;
    }
    const fresh: Segment = { startedAt: at, endedAt: at, events: 0, ids: new Table64(1), entities: new Table64(5) };
    this.#segments.push(fresh);
    return fresh;
  }

  #stateOf(entity: Key64): EntityState | undefined {
    const found = this.#find(entity, "entities");
    if (found === undefined) return undefined;
    return { offset: found[0] ?? 0, timeMs: found[1] ?? 0, rank: found[2] ?? 0, key: hex(found[3] ?? 0) + hex(found[4] ?? 0) };
  }

  /** The newest. */
  #find(key: Key64, table: "ids" | "entities"): Float64Array | undefined {
    for (let index = this.#segments.length - 1; index >= 0; index -= 1) {
      const found = this.#segments[index]?.[table].get(key);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

export function encodeSeen(events: readonly SeenEvent[]): ArrayBuffer {
  const buffer = new ArrayBuffer(events.length * blobEntryBytes);
  const view = new DataView(buffer);
  events.forEach((event, index) => {
    const at = index * blobEntryBytes;
    view.setBigUint64(at, BigInt(`0x${event.key}`));
    view.setBigUint64(at + 8, BigInt(`0x${event.entity}`));
    view.setUint16(at + 16, Math.floor(event.timeMs / 2 ** 32));
    view.setUint32(at + 18, event.timeMs % 2 ** 32);
    view.setUint8(at + 22, event.rank);
  });
  return buffer;
}

export function decodeSeen(buffer: ArrayBuffer): SeenEvent[] {
  const view = new DataView(buffer);
  return Array.from({ length: buffer.byteLength / blobEntryBytes }, (_, index) => {
    const at = index * blobEntryBytes;
    return {
      key: hex(view.getUint32(at)) + hex(view.getUint32(at + 4)),
      entity: hex(view.getUint32(at + 8)) + hex(view.getUint32(at + 12)),
      timeMs: view.getUint16(at + 16) * 2 ** 32 + view.getUint32(at + 18),
      rank: view.getUint8(at + 22),
    };
  });
}

function hex(half: number): string {
  return half.toString(16).padStart(8, "0");
}
