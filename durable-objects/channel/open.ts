/** Puts a stream's parts together: one stream in one epoch, as it is in use. */
import { findStream } from "../../channels/catalogue.ts";
import { Hub, type HubDeps } from "./hub.ts";
import { Log } from "./log.ts";
import type { Memory } from "./memory.ts";
import { Outbox, type OutboxDeps } from "./outbox.ts";
import { Presence } from "./presence.ts";
import { Progress } from "./progress.ts";
import type { Use } from "./retirement.ts";
import { Settlement } from "./settlement.ts";
import type { ChannelStorage, Identity } from "./storage.ts";

export interface Open {
  readonly identity: Identity;
  readonly log: Log;
  readonly outbox: Outbox;
  readonly hub: Hub;
  readonly presence: Presence;
  readonly progress: Progress;
  readonly settlement: Settlement;
  /** Whether D1 takes the stream, so that positions are settled by it. */
  readonly applies: boolean;
}

export type World = Pick<HubDeps, "relay" | "wakeAt" | "now"> & Pick<OutboxDeps, "queue" | "delays">;

export function useOf({ identity, log, hub }: Open): Use {
  return { stream: identity.stream, createdAt: identity.createdAt, lastAt: log.head.at, relays: hub.relays().length };
}

/** Throws when the catalogue does not know the stream. */
export function open(identity: Identity, storage: ChannelStorage, world: World): Open {
  const stream = findStream(identity.stream);
  if (stream === undefined) throw new Error(`no stream ${identity.stream} in the catalogue`);
  const log = new Log(storage);
  const progress = new Progress(storage);
  const outbox = new Outbox(identity, stream.sinks, { ...world, storage, log, progress });
  const hub = new Hub(identity, { ...world, storage, log });
  const presence = new Presence({ ...world, relays: () => hub.relays().map(({ relay }) => relay) });
  const settlement = new Settlement(progress, outbox.nextOf("hot-cache"), world.now());
  return { identity, log, outbox, hub, presence, progress, settlement, applies: stream.sinks.includes("hot-cache") };
}

/** When the next of its tasks is to be done; undefined when nothing is left to do. */
export function dueOf({ outbox, settlement, progress, applies }: Open, memory: Memory | undefined, now: number): number | undefined {
  const standstill = applies ? settlement.due(outbox.nextOf("hot-cache")) : undefined;
  const times = [outbox.due(now), standstill, progress.due(), memory?.due(now)].filter((time) => time !== undefined);
  return times.length === 0 ? undefined : Math.min(...times);
}
