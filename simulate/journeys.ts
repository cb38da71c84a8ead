/** Clients on their way: all of them at the beginning, later those whose relay died. They come back at different times, ask relay after
 *  relay, and go on from the position they had. */
import type { Agenda } from "./agenda.ts";
import type { Tally } from "./tally.ts";
import { parts, type Clients, type Crowd, type Seat } from "./crowd.ts";
import type { Fleet } from "./fleet.ts";
import type { Random } from "./random.ts";
import type { Relay } from "./relay.ts";

/** The SDK comes back after anything up to a second, so that a herd does not come at once; up to twice as much after each refusal. */
const reconnectMs = 1_000;
const reconnectsMax = 6;

export interface JourneyDeps {
  readonly agenda: Agenda;
  readonly fleet: Fleet;
  readonly crowd: Crowd;
  readonly random: Random;
  readonly tally: Tally;
}

/** Where clients stood when they lost their relay. */
interface Origin {
  readonly shown: number;
  readonly offSince: number;
}

export class Journeys {
  /** Clients who found no relay with room. */
  refused = 0;
  /** Groups of clients between two relays. */
  underWay = 0;
  readonly #deps: JourneyDeps;

  constructor(deps: JourneyDeps) {
    this.#deps = deps;
  }

  /** Before time begins. */
  begin(all: readonly Clients[]): void {
    const { crowd, fleet } = this.#deps;
    for (const clients of all) {
      const { seats, left } = crowd.seat(clients);
      this.refused += left;
      for (const { relay, clients: seated } of seats) fleet.relay(relay).audience.add(seated);
    }
  }

  /** A relay died. */
  scatter(relay: Relay): void {
    const { clients, shown } = relay.die();
    const offSince = this.#deps.agenda.now;
    for (const part of clients.flatMap(parts)) {
      this.#deps.tally.movedClients += part.count;
      this.#comeBack(part, { shown, offSince }, 0);
    }
  }

  #comeBack(clients: Clients, origin: Origin, attempt: number): void {
    const { random, crowd } = this.#deps;
    if (attempt >= reconnectsMax) {
      this.refused += clients.count;
      return;
    }
    this.#later(random() * reconnectMs * 2 ** attempt, () => {
      const { seats, left, waitedMs } = crowd.seat(clients);
      for (const seat of seats) this.#travel(seat, origin, attempt);
      if (left > 0) this.#later(waitedMs, () => this.#comeBack({ ...clients, count: left }, origin, attempt + 1));
    });
  }

  #travel({ relay: name, clients, waitedMs }: Seat, origin: Origin, attempt: number): void {
    const relay = this.#deps.fleet.relay(name);
    relay.reserved += clients.count;
    this.underWay += 1;
    const done = (): void => {
      this.underWay -= 1;
      relay.reserved -= clients.count;
    };
    const turnedAway = (): void => {
      done();
      this.#comeBack(clients, origin, attempt + 1);
    };
    this.#later(waitedMs, () => relay.returns.arrive({ clients, ...origin, done, turnedAway }));
  }

  #later(delayMs: number, act: () => void): void {
    this.underWay += 1;
    this.#deps.agenda.after(delayMs, () => {
      this.underWay -= 1;
      act();
    });
  }
}
