/** What a channel has seen within the dedupe window: event ids (a repeat gets its original offset) and the newest state of each
 *  entity. Typed tables by minute: 600,000 string ids in a Map took 77 MB, and objects share an isolate's 128 MB (DESIGN 8). */
import { dedupeWindowMs, seenEventsMax } from "../../schemas/limits.ts";
import { compareVersions, type Version } from "../../schemas/version.ts";
import { Table64 } from "./table64.ts";

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
    for (const segment of this.#newestFirst()) {
      const found = segment.ids.get(key);
      if (found !== undefined) return found[0];
    }
    return undefined;
  }

  findEntity(entity: string): EntityState | undefined {
    for (const segment of this.#newestFirst()) {
      const found = segment.entities.get(entity);
      if (found === undefined) continue;
      const [offset = 0, timeMs = 0, rank = 0, high = 0, low = 0] = found;
      return { offset, timeMs, rank, key: hex(high) + hex(low) };
    }
    return undefined;
  }

  record(event: SeenEvent, offset: number, at: number): void {
    const segment = this.#segmentAt(at);
    const known = this.findEntity(event.entity);
    // The newest segment must hold the greatest version: a stale event moves the offset, not the state.
    const newest = known !== undefined && compareVersions(known, event) > 0 ? known : event;
    const [high, low] = halves(newest.key);
    segment.ids.set(event.key, [offset]);
    segment.entities.set(event.entity, [offset, newest.timeMs, newest.rank, high, low]);
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

  *#newestFirst(): Generator<Segment> {
    for (let index = this.#segments.length - 1; index >= 0; index -= 1) {
      const segment = this.#segments[index];
      if (segment !== undefined) yield segment;
    }
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

export function halves(key: string): [high: number, low: number] {
  return [Number.parseInt(key.slice(0, 8), 16), Number.parseInt(key.slice(8, 16), 16)];
}
