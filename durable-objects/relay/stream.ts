/** One stream as a relay knows it: where it stands, what it holds for its sockets, and the row that survives an eviction. */
import { lingerMs } from "../../schemas/limits.ts";
import type { LogRow } from "../../schemas/rpc.ts";
import { ringBytesMax, ringEventsMax } from "./bounds.ts";
import { Ring } from "./ring.ts";
import { Shown } from "./shown.ts";
import type { StreamRow } from "./storage.ts";
import type { StreamState } from "./stream-state.ts";

export interface RelayStream extends StreamState {
  readonly name: string;
  phase: "idle" | "joining" | "live";
  generation: number;
  epoch: string;
  /** Everything up to here is with the relay… */
  position: number;
  /** …and everything up to here was sent to its sockets. */
  flushed: number;
  clean: boolean;
  idleSinceMs: number | undefined;
  readonly ring: Ring;
  readonly shown: Shown;
  pending: LogRow[];
  pendingBytes: number;
  join: Promise<void> | undefined;
  waiters: (() => void)[];
}

export function rowOf({ name, generation, epoch, flushed, clean, idleSinceMs }: RelayStream): StreamRow {
  return { stream: name, generation, epoch, position: flushed, clean, idleSinceMs };
}

/** A stream found dirty is not live: its interest is registered anew, which also ends whatever calls are still under way. */
export function restore({ stream, generation, epoch, position, clean, idleSinceMs }: StreamRow): RelayStream {
  return {
    name: stream,
    phase: epoch === "" || !clean ? "idle" : "live",
    generation,
    epoch,
    position,
    flushed: position,
    clean,
    idleSinceMs,
    ring: new Ring({ bytesMax: ringBytesMax, eventsMax: ringEventsMax }),
    shown: new Shown(),
    pending: [],
    pendingBytes: 0,
    join: undefined,
    waiters: [],
  };
}

/** Somebody subscribes, but no interest is registered: a join failed, or the object died before it was answered. */
export function isOrphaned(stream: RelayStream): boolean {
  return stream.phase === "idle" && stream.idleSinceMs === undefined;
}

export function isOver(stream: RelayStream, nowMs: number): boolean {
  return stream.idleSinceMs !== undefined && nowMs - stream.idleSinceMs >= lingerMs;
}

/** Resolves when the position moves on, or when the time is over. */
export function moved(stream: RelayStream, timeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, timeoutMs);
    stream.waiters.push(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
