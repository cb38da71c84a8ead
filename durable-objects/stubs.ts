/** The only place where an object is named: the name, its placement hint and its interface belong together,
 *  because `get()` without the hint would pin a regional object beside its first caller (REALTIME 3). */
import type { RateLimiterRpc } from "../schemas/rate-limit.ts";
import type { ChannelRpc, RelayRpc } from "../schemas/rpc.ts";
import type { UpstreamRpc } from "../schemas/upstream.ts";

export interface ObjectBindings {
  readonly CHANNELS: DurableObjectNamespace;
  readonly RELAYS: DurableObjectNamespace;
  readonly CHANNEL_HOME: string;
}

/** A fresh stub each time: a stub dies with the first exception it sees. */
export function channelStub(env: ObjectBindings, stream: string): ChannelRpc {
  const id = env.CHANNELS.idFromName(`channel:${stream}`);
  const stub = env.CHANNELS.get(id, { locationHint: env.CHANNEL_HOME as DurableObjectLocationHint });
  return stub as unknown as ChannelRpc;
}

export type RelayStub = RelayRpc & { fetch(request: Request): Promise<Response> };

/** `relay:{region}:{shard}`: the region is the location hint. */
export function relayName(region: string, shard: number): string {
  return `relay:${region}:${shard}`;
}

export function relayStub(env: ObjectBindings, name: string): RelayStub {
  const region = name.split(":")[1] ?? "";
  const id = env.RELAYS.idFromName(name);
  const stub = env.RELAYS.get(id, { locationHint: region as DurableObjectLocationHint });
  return stub as unknown as RelayStub;
}

export interface UpstreamBindings {
  readonly UPSTREAMS: DurableObjectNamespace;
  readonly CHANNEL_HOME: string;
}

/** One for all backends: two would be two subscriptions. It stands beside the channels it feeds. */
export function upstreamStub(env: UpstreamBindings): UpstreamRpc {
  const id = env.UPSTREAMS.idFromName("upstream:contabo");
  const stub = env.UPSTREAMS.get(id, { locationHint: env.CHANNEL_HOME as DurableObjectLocationHint });
  return stub as unknown as UpstreamRpc;
}

export interface LimiterBindings {
  readonly RATE_LIMITERS: DurableObjectNamespace;
}

/** One of the limiters of a region: which of them has a key is decided by the key's hash, so that each key has exactly one. */
export function rateLimiterStub(env: LimiterBindings, region: string, shard: number): RateLimiterRpc {
  const id = env.RATE_LIMITERS.idFromName(`limiter:${region}:${shard}`);
  const stub = env.RATE_LIMITERS.get(id, { locationHint: region as DurableObjectLocationHint });
  return stub as unknown as RateLimiterRpc;
}
