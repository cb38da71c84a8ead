/** The relays of a run: made when somebody first names them, silent where their region is. */
import type { LocationHint } from "../platform/config.ts";
import type { Door } from "./crowd.ts";
import { Relay, type RelayDeps } from "./relay.ts";

export class Fleet {
  readonly relays = new Map<string, Relay>();
  readonly #socketsMax: number;
  readonly #deps: Omit<RelayDeps, "peer">;
  readonly #silentRegions = new Set<LocationHint>();

  constructor(socketsMax: number, deps: Omit<RelayDeps, "peer">) {
    this.#socketsMax = socketsMax;
    this.#deps = deps;
  }

  relay(name: string): Relay {
    const known = this.relays.get(name);
    if (known !== undefined) return known;
    const region = regionOfRelay(name);
    const site = { region, isSilent: this.#silentRegions.has(region) };
    const relay = new Relay(name, site, { ...this.#deps, peer: (other) => this.relay(other) });
    this.relays.set(name, relay);
    return relay;
  }

  door(name: string): Door {
    const relay = this.relays.get(name);
    const isSilent = relay?.site.isSilent ?? this.#silentRegions.has(regionOfRelay(name));
    const taken = relay === undefined ? 0 : relay.audience.sockets + relay.reserved;
    return { isSilent, room: Math.max(0, this.#socketsMax - taken) };
  }

  /** Answers those that fell silent. Of a region, relays that are made meanwhile are silent as well. */
  silence(region: LocationHint, shard: number | undefined): Relay[] {
    if (shard === undefined) this.#silentRegions.add(region);
    const struck = [...this.relays.values()].filter(
      ({ name, site }) => site.region === region && (shard === undefined || name === `relay:${region}:${shard}`),
    );
    for (const { site } of struck) site.isSilent = true;
    return struck;
  }

  wake(region: LocationHint, shard: number | undefined): void {
    if (shard === undefined) this.#silentRegions.delete(region);
    for (const { name, site } of this.relays.values()) {
      if (site.region === region && (shard === undefined || name === `relay:${region}:${shard}`)) site.isSilent = false;
    }
  }
}

/** `relay:{region}:{shard}` */
function regionOfRelay(name: string): LocationHint {
  return name.split(":")[1] as LocationHint;
}
