/** How long relays were out of the hub's reach: from the first call that got no answer to the first that did. */
import type { DeliverReply } from "../schemas/rpc.ts";
import type { Tally } from "./tally.ts";

export class Healing {
  readonly #tally: Tally;
  readonly #failingSince = new Map<string, number>();

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  note(relay: string, reply: DeliverReply | undefined, { calledAt, now }: { readonly calledAt: number; readonly now: number }): void {
    const since = this.#failingSince.get(relay);
    if (reply === undefined) {
      this.#tally.failedCalls += 1;
      if (since === undefined) this.#failingSince.set(relay, calledAt);
      return;
    }
    this.#failingSince.delete(relay);
    // A relay that has no such interest any more was not healed.
    if (since === undefined || reply.kind !== "at") return;
    const ms = now - since;
    this.#tally.heals += 1;
    if (ms > (this.#tally.longestHeal?.ms ?? 0)) this.#tally.longestHeal = { relay, ms };
  }
}
