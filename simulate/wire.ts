/** Calls between objects: they take as long as the distance says, get lost on either way, and find nobody where an object is silent.
 *  A caller that hears nothing gives up after its time-out, as platform/timeout.ts does; a late answer is then nobody's. */
import type { LocationHint } from "../platform/config.ts";
import type { Agenda } from "./agenda.ts";
import { distanceMs } from "./geography.ts";
import type { Random } from "./random.ts";

/** Where an object stands, and whether it can be reached. */
export interface Site {
  readonly region: LocationHint;
  isSilent: boolean;
}

export interface Trip {
  readonly from: Site;
  readonly to: Site;
  readonly timeoutMs: number;
}

export interface WireDeps {
  readonly agenda: Agenda;
  readonly random: Random;
  /** Probability that a call or its answer is lost. */
  readonly loss: number;
  /** A way takes up to this share longer. */
  readonly jitter: number;
}

export class Wire {
  lost = 0;
  /** From here on calls may be lost. */
  isLossy = false;
  readonly #deps: WireDeps;

  constructor(deps: WireDeps) {
    this.#deps = deps;
  }

  /** `receive` happens at the other end and answers by its argument; `done` happens here, once, without an answer after the time-out. */
  call<R>({ from, to, timeoutMs }: Trip, receive: (answer: (reply: R) => void) => void, done: (reply: R | undefined) => void): void {
    const { agenda } = this.#deps;
    let isOpen = true;
    const settle = (reply: R | undefined): void => {
      if (!isOpen) return;
      isOpen = false;
      done(reply);
    };
    agenda.after(timeoutMs, () => settle(undefined));
    const fate = this.#fate();
    if (fate === "request lost" || from.isSilent) return;
    agenda.after(this.delayMs(from.region, to.region), () => {
      if (to.isSilent) return;
      receive((reply) => {
        if (fate === "answer lost" || to.isSilent) return;
        agenda.after(this.delayMs(to.region, from.region), () => {
          if (!from.isSilent) settle(reply);
        });
      });
    });
  }

  delayMs(from: LocationHint, to: LocationHint): number {
    return distanceMs(from, to) * (1 + this.#deps.jitter * this.#deps.random());
  }

  #fate(): "arrives" | "request lost" | "answer lost" {
    if (!this.isLossy || this.#deps.random() >= this.#deps.loss) return "arrives";
    this.lost += 1;
    return this.#deps.random() < 0.5 ? "request lost" : "answer lost";
  }
}
