/** Puts hub, relays, clients and network together and lets time pass: join, post, go wrong, drain. What came of it is in outcome.ts. */
import type { LocationHint } from "../platform/config.ts";
import { Agenda } from "./agenda.ts";
import type { Costs } from "./cpu.ts";
import { Tally } from "./tally.ts";
import { arrivals, Crowd, plannedShards } from "./crowd.ts";
import type { Fault } from "./faults.ts";
import { Fleet } from "./fleet.ts";
import { Hub } from "./hub.ts";
import { Journeys } from "./journeys.ts";
import type { SimulateOptions } from "./options.ts";
import { seeded } from "./random.ts";
import type { Relay } from "./relay.ts";
import { frameBytesOf, groupShares } from "./views.ts";
import { Wire } from "./wire.ts";

/** Relays join before anything is posted or lost. */
const warmUpMs = 3_000;
/** What has not arrived by then, will not: a relay is saturated, or gone. */
const drainMs = 120_000;
const stepMs = 250;
const usPerMs = 1_000;
/** Where the backend stands. */
const backend: LocationHint = "weur";

/** What the threads had done when the posting ended. */
export interface Work {
  readonly hubBusyMs: number;
  readonly relays: readonly { readonly relay: Relay; readonly busyMs: number; readonly calls: number }[];
}

export interface Course {
  readonly postedMs: number;
  readonly endedMs: number;
  readonly work: Work;
}

export class World {
  readonly options: SimulateOptions;
  readonly tally = new Tally();
  readonly fleet: Fleet;
  readonly hub: Hub;
  readonly wire: Wire;
  readonly journeys: Journeys;
  readonly #agenda = new Agenda();

  constructor(options: SimulateOptions) {
    const { seed, loss, jitter, home, eventBytes, relaySockets } = options;
    const agenda = this.#agenda;
    this.options = options;
    this.wire = new Wire({ agenda, random: seeded(seed, "wire"), loss, jitter });
    const shared = { agenda, wire: this.wire, tally: this.tally, costs: costsOf(options), eventBytes };
    const site = { region: home, isSilent: false };
    this.hub = new Hub({ ...shared, random: seeded(seed, "hub"), site, relay: (name) => this.fleet.relay(name) });
    const frameBytes = frameBytesOf(eventBytes);
    this.fleet = new Fleet(relaySockets, { ...shared, random: seeded(seed, "relays"), frameBytes, jitter, hub: this.hub });
    this.journeys = this.#populated();
  }

  #populated(): Journeys {
    const { options, fleet, tally } = this;
    const { seed, regions, subscribers, shards } = options;
    const expected = arrivals(subscribers, groupShares(options), seeded(seed, "arrivals"));
    const planned = shards === 0 ? plannedShards(expected, options) : Object.fromEntries(regions.map((region) => [region, shards]));
    const crowd = new Crowd({ regions, shards: planned, random: seeded(seed, "placement"), door: (name) => fleet.door(name) });
    const journeys = new Journeys({ agenda: this.#agenda, fleet, crowd, random: seeded(seed, "clients"), tally });
    journeys.begin(expected);
    return journeys;
  }

  /** `onStep` hears of each quarter of a virtual second since the posting began. */
  run(onStep: (atMs: number) => void = () => undefined): Course {
    for (const relay of this.fleet.relays.values()) relay.join();
    this.#agenda.runUntil(warmUpMs);
    // Only what the posting causes is counted.
    Object.assign(this.tally, new Tally());
    this.wire.isLossy = true;
    for (const fault of this.options.faults) this.#at(fault.atMs, () => this.#strike(fault));
    this.#post(0);
    const postedMs = this.options.seconds * 1_000;
    this.#advance(0, postedMs, onStep);
    const work = this.#work();
    return { postedMs, endedMs: this.#drain(postedMs, onStep), work };
  }

  #advance(fromMs: number, untilMs: number, onStep: (atMs: number) => void): void {
    for (let atMs = fromMs; atMs < untilMs;) {
      atMs = Math.min(untilMs, atMs + stepMs);
      this.#agenda.runUntil(warmUpMs + atMs);
      onStep(atMs);
    }
  }

  #drain(fromMs: number, onStep: (atMs: number) => void): number {
    let atMs = fromMs;
    while (!this.#isDrained && atMs < fromMs + drainMs) {
      this.#advance(atMs, atMs + stepMs, onStep);
      atMs += stepMs;
    }
    return atMs;
  }

  get #isDrained(): boolean {
    const isPosted = this.hub.log.top >= this.#posts * this.options.batch;
    return isPosted && this.journeys.underWay === 0 && this.behind().length === 0;
  }

  /** Relays with sockets that have not shown them everything. */
  behind(): Relay[] {
    return [...this.fleet.relays.values()].filter((relay) => relay.audience.sockets > 0 && !relay.isAt(this.hub.log.top));
  }

  #work(): Work {
    const relays = [...this.fleet.relays.values()];
    return { hubBusyMs: this.hub.cpu.busyMs, relays: relays.map((relay) => ({ relay, busyMs: relay.cpu.busyMs, calls: relay.calls })) };
  }

  /** Since the posting began. */
  #at(ms: number, act: () => void): void {
    this.#agenda.at(warmUpMs + ms, act);
  }

  get #posts(): number {
    return Math.ceil((this.options.seconds * this.options.rate) / this.options.batch);
  }

  #post(index: number): void {
    if (index >= this.#posts) return;
    const { batch, rate, home } = this.options;
    this.#at((index * batch * 1_000) / rate, () => {
      const postedAt = this.#agenda.now;
      this.#agenda.after(this.wire.delayMs(backend, home), () => this.hub.publish(batch, postedAt));
      this.#post(index + 1);
    });
  }

  #strike(fault: Fault): void {
    if (fault.kind === "restart") return this.hub.restart();
    const { kind, region, shard, untilMs } = fault;
    const struck = this.fleet.silence(region, shard);
    if (kind === "kill") for (const relay of struck) this.journeys.scatter(relay);
    if (untilMs < Number.POSITIVE_INFINITY) this.#at(untilMs, () => this.fleet.wake(region, shard));
  }
}

function costsOf({ callUs, postUs, postEventUs, sendUs, frameEventUs }: SimulateOptions): Costs {
  return {
    callMs: callUs / usPerMs,
    postMs: postUs / usPerMs,
    postEventMs: postEventUs / usPerMs,
    sendMs: sendUs / usPerMs,
    frameEventMs: frameEventUs / usPerMs,
  };
}
