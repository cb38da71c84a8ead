/** Finds a relay that takes a socket: one of the nearest region's, else the next in the order of shards.ts, when one is silent or
 *  full. What the socket then says is its caller's. */
import { relayName, relayStub, type RelayStub } from "../durable-objects/stubs.ts";
import { configOf } from "../platform/config.ts";
import { AppError, messageOf } from "../platform/errors.ts";
import { logWarning } from "../platform/log.ts";
import { withTimeout } from "../platform/timeout.ts";
import { placementsOf } from "./placements.ts";
import { regionsOf, type Place } from "./region.ts";
import { relaysToAsk, type RelayId } from "./shards.ts";

/** An upgrade only wakes the object: one that has not answered by now is not going to. */
const upgradeTimeoutMs = 2_500;
export interface PlacementDeps {
  /** Names of relays in the order in which they are asked. */
  relays(env: Env, place: Place | undefined): Promise<readonly RelayId[]>;
  relay(env: Env, name: string): Pick<RelayStub, "fetch">;
  readonly timeoutMs: number;
}

export const platformDeps: PlacementDeps = { relays: relaysNear, relay: relayStub, timeoutMs: upgradeTimeoutMs };

async function relaysNear(env: Env, place: Place | undefined): Promise<RelayId[]> {
  return relaysToAsk(regionsOf(place, configOf(env).regions), await placementsOf(env).now(Date.now()), Math.random());
}

/** What Cloudflare knows of where a request comes from; undefined in tests and offline. */
export function placeOf(request: Request): Place | undefined {
  const cf = request.cf;
  if (cf === undefined || cf === null) return undefined;
  const textOf = (name: string): string | undefined => (typeof cf[name] === "string" ? cf[name] : undefined);
  return {
    continent: textOf("continent"),
    country: textOf("country"),
    regionCode: textOf("regionCode"),
    longitude: textOf("longitude"),
  };
}

export interface UpgradeWish {
  readonly env: Env;
  readonly place: Place | undefined;
  /** Made anew for each relay that is asked, which must know its own name. */
  request(relay: string): Request;
}

/** The first relay's answer that is not "full". Throws CAPACITY_EXCEEDED when all are, UPSTREAM_UNAVAILABLE when none answers. */
export async function reachRelay({ env, place, request }: UpgradeWish, deps: PlacementDeps = platformDeps): Promise<Response> {
  let isFull = false;
  const silent = new Set<string>();
  for (const { region, shard } of await deps.relays(env, place)) {
    // A region's relays fall silent together; a full one's neighbour may have room.
    if (silent.has(region)) continue;
    const name = relayName(region, shard);
    const answer = deps.relay(env, name).fetch(request(name));
    try {
      const response = await withTimeout(answer, deps.timeoutMs, name);
      if (response.status !== 503) {
        placementsOf(env).took(region, shard, Date.now());
        return response;
      }
      isFull = true;
    } catch (error) {
      logWarning("placement.relay.silent", { relay: name, reason: messageOf(error) });
      silent.add(region);
      placementsOf(env).silent(region, Date.now());
      closeLate(answer);
    }
  }
  if (isFull) throw new AppError("CAPACITY_EXCEEDED", "the relays near you are full", { retryAfterSeconds: 1 });
  throw new AppError("UPSTREAM_UNAVAILABLE", "no relay is in reach", { retryAfterSeconds: 1 });
}

/** A socket that comes after its caller went on would stay open for nobody. */
function closeLate(answer: Promise<Response>): void {
  answer.then(
    ({ webSocket }) => {
      webSocket?.accept();
      webSocket?.close(1000, "late");
    },
    () => undefined,
  );
}
