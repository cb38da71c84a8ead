/** Clients who come to a relay from another one that died: each is given what it missed from the relay's recent rows, or from the hub's
 *  log by one shared call, or told that it cannot be (channels/recovery.ts). */
import { decideRecovery } from "../channels/recovery.ts";
import { hubTimeoutMs, ringBytesMax, ringEventsMax } from "../durable-objects/relay/bounds.ts";
import { recoveryEventsMax } from "../schemas/limits.ts";
import { offMsMax } from "./tally.ts";
import type { Clients } from "./crowd.ts";
import type { Relay, RelayDeps } from "./relay.ts";
import { epoch } from "./views.ts";

export interface Return {
  readonly clients: Clients;
  /** Up to here they were shown everything. */
  readonly shown: number;
  readonly offSince: number;
  /** They are in. */
  done(): void;
  /** The relay died before they were. */
  turnedAway(): void;
}

export class Returns {
  readonly #relay: Relay;
  readonly #deps: RelayDeps;
  readonly #ringEvents: number;
  #joinedAt = 0;
  #waiting: Return[] = [];
  /** Wait for the hub's log. */
  #pulling: Return[] = [];

  constructor(relay: Relay, deps: RelayDeps) {
    this.#relay = relay;
    this.#deps = deps;
    this.#ringEvents = Math.min(ringEventsMax, Math.floor(ringBytesMax / deps.eventBytes));
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0 && this.#pulling.length === 0;
  }

  arrive(one: Return): void {
    if (this.#relay.site.isSilent) return one.turnedAway();
    this.#waiting.push(one);
    this.#relay.join();
    this.caughtUp();
  }

  /** The relay died. */
  empty(): void {
    const all = [...this.#waiting, ...this.#pulling];
    this.#waiting = [];
    this.#pulling = [];
    for (const one of all) one.turnedAway();
  }

  joined(position: number): void {
    this.#joinedAt = position;
    this.caughtUp();
  }

  /** Whoever is not ahead of the relay any more is served. */
  caughtUp(): void {
    if (!this.#relay.isLive || this.#waiting.length === 0) return;
    const { shown } = this.#relay.audience;
    const ready = this.#waiting.filter((one) => one.shown <= shown);
    this.#waiting = this.#waiting.filter((one) => one.shown > shown);
    const ringFirst = Math.max(this.#joinedAt, shown - this.#ringEvents) + 1;
    for (const one of ready) {
      if (one.shown + 1 >= ringFirst || one.shown === shown) this.#admit(one);
      else this.#pull(one);
    }
  }

  #pull(one: Return): void {
    this.#pulling.push(one);
    if (this.#pulling.length > 1) return;
    const { wire, hub, costs, tally } = this.#deps;
    tally.historyCalls += 1;
    this.#relay.calls += 1;
    wire.call<true>(
      { from: this.#relay.site, to: hub.site, timeoutMs: hubTimeoutMs },
      (answer) => hub.cpu.spend(costs.callMs, () => answer(true)),
      (reply) => {
        const waiting = this.#pulling;
        this.#pulling = [];
        for (const next of waiting)
          if (reply === undefined) this.#pull(next);
          else this.#admit(next);
      },
    );
  }

  /** In one turn, so that what comes next follows what they were given. */
  #admit({ clients, shown, offSince, done, turnedAway }: Return): void {
    const { agenda, costs, tally, hub, frameBytes } = this.#deps;
    const { audience, cpu } = this.#relay;
    cpu.turn(() => {
      if (!this.#relay.isLive) {
        turnedAway();
        return 0;
      }
      const { count } = clients;
      const bounds = { epoch, top: audience.shown, first: hub.log.first };
      const recovery = decideRecovery(bounds, { epoch, offset: shown }, recoveryEventsMax);
      const missed = recovery.recovered ? recovery.missed : 0;
      const costMs = count * (costs.sendMs + missed * costs.frameEventMs);
      audience.add(clients);
      tally.deliveries += count * missed;
      tally.socketBytes += count * missed * frameBytes.event;
      if (!recovery.recovered) tally.unrecovered += count;
      const offMs = agenda.now + costMs - offSince;
      tally.longestOffMs = Math.max(tally.longestOffMs, offMs);
      if (offMs > offMsMax) tally.offTooLong += count;
      done();
      return costMs;
    });
  }
}
