/** What a run came to, in numbers. */
import type { LocationHint } from "../platform/config.ts";
import { directRelaysMax } from "../schemas/limits.ts";
import type { Arrival } from "./audience.ts";
import { costLines, type CostLine } from "./cost.ts";
import type { Tally } from "./tally.ts";
import type { SimulateOptions } from "./options.ts";
import type { Relay } from "./relay.ts";
import { limitsOf, socketsAdvised, type Limit, type Load, type RelayLoad } from "./saturation.ts";
import { Spread } from "./spread.ts";
import { groupKinds, groupShares, shareOfView } from "./views.ts";
import { World, type Course, type Work } from "./world.ts";

export interface RegionOutcome {
  readonly region: LocationHint;
  readonly relays: number;
  readonly sockets: number;
  readonly fullest: number;
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  readonly maxMs: number;
}

export interface WorstPath extends Arrival {
  readonly relay: string;
}

export interface Outcome {
  readonly options: SimulateOptions;
  readonly relays: number;
  readonly isTree: boolean;
  readonly refused: number;
  readonly regions: readonly RegionOutcome[];
  readonly all: Omit<RegionOutcome, "region">;
  readonly worst: WorstPath | undefined;
  readonly events: number;
  readonly seconds: number;
  readonly drainedMs: number;
  readonly counts: Tally;
  readonly lostCalls: number;
  /** Relays that had not shown everything when the run ended, and by how many events the last of them lacks. */
  readonly behind: { readonly relays: number; readonly events: number };
  readonly longestFlushMs: number;
  /** Share of the posting time in which the thread worked. */
  readonly busy: { readonly hub: number; readonly relay: number; readonly relayName: string };
  readonly cost: readonly CostLine[];
  readonly limits: readonly Limit[];
  readonly socketsAdvised: number | undefined;
}

export function simulate(options: SimulateOptions, onStep?: (atMs: number) => void): Outcome {
  const world = new World(options);
  return outcomeOf(world, world.run(onStep));
}

function outcomeOf(world: World, { postedMs, endedMs, work }: Course): Outcome {
  const { options, tally, hub } = world;
  const relays = [...world.fleet.relays.values()];
  const seconds = postedMs / 1_000;
  const load = loadOf(world, work);
  const behind = world.behind();
  const lacking = behind.map(({ audience }) => hub.log.top - audience.shown);
  return {
    options,
    relays: relays.length,
    isTree: relays.length > directRelaysMax,
    refused: world.journeys.refused,
    regions: options.regions.map((region) => ({ region, ...summaryOf(relays.filter(({ site }) => site.region === region)) })),
    all: summaryOf(relays),
    worst: worstOf(relays),
    events: hub.log.top,
    seconds,
    drainedMs: endedMs - postedMs,
    counts: tally,
    lostCalls: world.wire.lost,
    behind: { relays: behind.length, events: Math.max(0, ...lacking) },
    longestFlushMs: Math.max(0, ...relays.map(({ audience }) => audience.longestFlushMs)),
    busy: busyOf(work, postedMs),
    cost: costLines(tally, { events: hub.log.top, seconds, relays: relays.length }),
    limits: limitsOf(load),
    socketsAdvised: socketsAdvised(load),
  };
}

function summaryOf(relays: readonly Relay[]): Omit<RegionOutcome, "region"> {
  const latency = new Spread();
  for (const { audience } of relays) latency.merge(audience.latency);
  const sockets = relays.map(({ audience }) => audience.sockets);
  return {
    relays: relays.length,
    sockets: sockets.reduce((sum, count) => sum + count, 0),
    fullest: Math.max(0, ...sockets),
    p50Ms: latency.percentileMs(0.5),
    p99Ms: latency.percentileMs(0.99),
    maxMs: Math.max(0, ...relays.map(({ audience }) => audience.worst?.ms ?? 0)),
  };
}

function worstOf(relays: readonly Relay[]): WorstPath | undefined {
  const paths = relays.flatMap(({ name, audience }) => (audience.worst === undefined ? [] : [{ relay: name, ...audience.worst }]));
  return paths.toSorted((a, b) => b.ms - a.ms)[0];
}

function busyOf({ hubBusyMs, relays }: Work, postedMs: number): Outcome["busy"] {
  const [busiest] = relays.toSorted((a, b) => b.busyMs - a.busyMs);
  return { hub: hubBusyMs / postedMs, relay: (busiest?.busyMs ?? 0) / postedMs, relayName: busiest?.relay.name ?? "" };
}

function loadOf({ options, tally }: World, { relays }: Work): Load {
  const { rate, batch, subscribers, seconds, postUs, postEventUs, callUs } = options;
  const postsPerSecond = rate / batch;
  const hubCalls = tally.directCalls + tally.interestCalls + tally.historyCalls;
  return {
    rate,
    subscribers,
    postsPerSecond,
    postMsPerSecond: (postsPerSecond * (postUs + batch * postEventUs)) / 1_000,
    hubCallMsPerSecond: (hubCalls * callUs) / 1_000 / seconds,
    relays: relays.map(({ relay, calls }) => relayLoad(relay, options, calls)),
  };
}

/** From the mix that was asked for: a relay's own differs by chance. */
function relayLoad({ name, audience }: Relay, options: SimulateOptions, calls: number): RelayLoad {
  const { rate, seconds, sendUs, frameEventUs, callUs } = options;
  let eventUs = 0;
  let flushUs = 0;
  for (const [index, share] of groupShares(options).entries()) {
    const { view, batch } = groupKinds[index] ?? { view: 0, batch: false };
    eventUs += share * shareOfView(view) * (batch ? frameEventUs : sendUs);
    if (batch) flushUs += share * sendUs;
  }
  return {
    relay: name,
    sockets: audience.sockets,
    eventMsPerSecond: (audience.sockets * rate * eventUs) / 1_000,
    flushMs: (audience.sockets * flushUs) / 1_000,
    callMsPerSecond: (calls * callUs) / 1_000 / seconds,
  };
}
