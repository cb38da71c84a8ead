/** Which relays are asked for a socket, in order: those of the nearest region from a random shard on, then one more than it has, so that
 *  a region grows rather than refuse, then the next regions. Pure; what a region has and which are drained is configured. */
import type { LocationHint } from "../platform/config.ts";
import type { Placement } from "../schemas/placement.ts";

/** Relays of one region that are asked: each may take a round trip to say that it is full. */
const hopsMax = 4;
/** Three regions that do not serve are an outage, and the client waits meanwhile. */
const regionsMax = 3;

export interface RelayId {
  readonly region: LocationHint;
  readonly shard: number;
}

/** `regions` nearest first; `random` in [0, 1) spreads sockets over a region's relays. */
export function relaysToAsk(regions: readonly LocationHint[], { shards, drained }: Placement, random: number): RelayId[] {
  const serving = regions.filter((region) => !drained.includes(region));
  // With everything drained a socket is still better placed somewhere than nowhere.
  const order = serving.length === 0 ? regions : serving;
  return order.slice(0, regionsMax).flatMap((region) => shardsToAsk(shards[region] ?? 1, random).map((shard) => ({ region, shard })));
}

function shardsToAsk(count: number, random: number): number[] {
  const start = Math.min(count - 1, Math.floor(random * count));
  const known = Array.from({ length: Math.min(count, hopsMax - 1) }, (_, hop) => (start + hop) % count);
  return [...known, count];
}
