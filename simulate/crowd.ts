/** Puts clients on relays by the gateway's own rules, a few alike ones at a time. How many relays a region has is planned for those who are
 *  expected, and grows by one when the one beyond its last is full, as an operator would set it. */
import { regionOf, regionsOf } from "../gateway/region.ts";
import { relaysToAsk } from "../gateway/shards.ts";
import type { LocationHint } from "../platform/config.ts";
import { Placement, shardsMax } from "../schemas/placement.ts";
import { cohorts, type Cohort } from "./geography.ts";
import type { Random } from "./random.ts";

/** Clients that are placed alike and see the same: of one country, with one filter. */
export interface Clients {
  readonly cohort: Cohort;
  readonly group: number;
  readonly count: number;
}

/** What a relay tells somebody who comes with clients. */
export interface Door {
  readonly isSilent: boolean;
  readonly room: number;
}

export interface CrowdDeps {
  readonly regions: readonly LocationHint[];
  /** Relays of each region to begin with. */
  readonly shards: Placement["shards"];
  readonly random: Random;
  door(name: string): Door;
}

export interface Seat {
  readonly relay: string;
  readonly region: LocationHint;
  readonly clients: Clients;
  /** Spent on relays that did not answer. */
  readonly waitedMs: number;
}

export interface Seating {
  readonly seats: readonly Seat[];
  /** Found no relay that took them. */
  readonly left: number;
  readonly waitedMs: number;
}

/** As gateway/placement.ts waits for an upgrade. */
const upgradeTimeoutMs = 2_500;
/** Clients that come together: a million are 100,000 of them. */
const clientsAtOnce = 10;

export class Crowd {
  readonly #deps: CrowdDeps;
  #placement: Placement;

  constructor(deps: CrowdDeps) {
    this.#deps = deps;
    this.#placement = Placement.parse({ v: 1, shards: deps.shards });
  }

  /** Where they are taken in; several seats when a relay has room for some only. */
  seat(clients: Clients): Seating {
    const { regions, random } = this.#deps;
    const seats: Seat[] = [];
    let { count } = clients;
    let waitedMs = 0;
    for (const { region, shard } of relaysToAsk(regionsOf(clients.cohort.place, regions), this.#placement, random())) {
      const relay = `relay:${region}:${shard}`;
      const { isSilent, room } = this.#deps.door(relay);
      if (isSilent) waitedMs += upgradeTimeoutMs;
      const taken = isSilent ? 0 : Math.min(room, count);
      if (taken === 0) continue;
      if (taken === room) this.#grow(region, shard);
      seats.push({ relay, region, clients: { ...clients, count: taken }, waitedMs });
      count -= taken;
      if (count === 0) break;
    }
    return { seats, left: count, waitedMs };
  }

  #grow(region: LocationHint, shard: number): void {
    const { shards } = this.#placement;
    if (shard < (shards[region] ?? 1)) return;
    // Past its bound the configuration refuses, and the region stays as it is.
    const grown = Placement.safeParse({ ...this.#placement, shards: { ...shards, [region]: shard + 1 } });
    if (grown.success) this.#placement = grown.data;
  }
}

/** How full an operator plans the relays to be: they fill unevenly. */
const plannedShare = 0.8;

/** As an operator would configure them for those who are expected. */
export function plannedShards(
  expected: readonly Clients[],
  { regions, relaySockets }: { regions: readonly LocationHint[]; relaySockets: number },
): Placement["shards"] {
  const clients = new Map<LocationHint, number>();
  for (const { cohort, count } of expected) {
    const region = regionOf(cohort.place, regions);
    clients.set(region, (clients.get(region) ?? 0) + count);
  }
  const shardsOf = (count: number): number => Math.min(shardsMax, Math.max(1, Math.ceil(count / (relaySockets * plannedShare))));
  return Object.fromEntries([...clients].map(([region, count]) => [region, shardsOf(count)]));
}

/** All who come, country by country and filter by filter in a random order, exactly as many as asked for. */
export function arrivals(subscribers: number, shares: readonly number[], random: Random): Clients[] {
  const groups = split(
    subscribers,
    cohorts.map(({ weight }) => weight),
  ).flatMap((ofCountry, country) => {
    const cohort = cohorts[country];
    return cohort === undefined ? [] : split(ofCountry, shares).flatMap((count, group) => parts({ cohort, group, count }));
  });
  return shuffled(groups, random);
}

/** In groups that come together. */
export function parts({ cohort, group, count }: Clients): Clients[] {
  const whole = Math.ceil(count / clientsAtOnce);
  return Array.from({ length: whole }, (_, part) => ({ cohort, group, count: Math.min(clientsAtOnce, count - part * clientsAtOnce) }));
}

/** Whole numbers in these proportions; each end is rounded, so the sum is exact. */
export function split(total: number, weights: readonly number[]): number[] {
  const sum = weights.reduce((all, weight) => all + weight, 0);
  let seen = 0;
  let given = 0;
  return weights.map((weight) => {
    seen += weight;
    const upTo = Math.round((total * seen) / sum);
    const share = upTo - given;
    given = upTo;
    return share;
  });
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  return items
    .map((item) => ({ item, order: random() }))
    .toSorted((a, b) => a.order - b.order)
    .map(({ item }) => item);
}
