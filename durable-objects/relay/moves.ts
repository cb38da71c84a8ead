/** Sends sockets to other relays: all of a drained one, and those that another region took in for theirs back home once it serves again.
 *  They are closed as by a restart, so clients come back at once, by their positions, and the gateway places them anew. */
import { messageOf } from "../../platform/errors.ts";
import { logWarning } from "../../platform/log.ts";
import { withTimeout } from "../../platform/timeout.ts";
import type { RelayRpc } from "../../schemas/rpc.ts";
import { moveEveryMs, moveSlice, recallMin, recallShare, servingTimeoutMs } from "./bounds.ts";
import type { RelayStore } from "./storage.ts";

export interface Movable {
  /** The region it would be in if that served. */
  readonly home: string | undefined;
}

export interface MovesDeps<T extends Movable> {
  readonly store: Pick<RelayStore, "findFlag" | "saveFlag">;
  connections(): Iterable<T>;
  sendAway(connection: T): void;
  /** Reads the sockets of a relay that slept. */
  wake(): void;
  region(): string;
  peer(name: string): Pick<RelayRpc, "serving">;
}

/** Pure. A tenth at a time, so that a region that has just come back is not run over. */
export function recalled<T extends Movable>(connections: Iterable<T>, home: string): T[] {
  const displaced = [...connections].filter((connection) => connection.home === home);
  return displaced.slice(0, Math.max(recallMin, Math.ceil(displaced.length * recallShare)));
}

export class Moves<T extends Movable> {
  readonly #deps: MovesDeps<T>;

  constructor(deps: MovesDeps<T>) {
    this.#deps = deps;
  }

  /** Whether this region is meant to have sockets. */
  get isServing(): boolean {
    return !this.#deps.store.findFlag("drained");
  }

  /** Answers how many sockets are sent away; they go in slices, so that their new relays are not all hit in one moment. */
  drain(isDrained: boolean): number {
    const { store, connections, wake } = this.#deps;
    store.saveFlag("drained", isDrained);
    if (!isDrained) return 0;
    wake();
    const all = [...connections()];
    this.#sendAway(all);
    return all.length;
  }

  #sendAway(connections: readonly T[]): void {
    for (const connection of connections.slice(0, moveSlice)) this.#deps.sendAway(connection);
    const rest = connections.slice(moveSlice);
    if (rest.length > 0) setTimeout(() => this.#sendAway(rest), moveEveryMs);
  }

  /** A socket was opened: remembered on disk if it belongs elsewhere, as only then anybody has to be sent home. */
  opened({ home }: Movable): void {
    if (home !== undefined && home !== this.#deps.region() && !this.#deps.store.findFlag("displaced"))
      this.#deps.store.saveFlag("displaced", true);
  }

  /** With each renewal. Never throws: a region that does not answer does not serve. */
  async recall(): Promise<void> {
    const { store, connections, wake, region } = this.#deps;
    if (!store.findFlag("displaced")) return;
    wake();
    const homes = new Set([...connections()].flatMap(({ home }) => (home === undefined || home === region() ? [] : [home])));
    if (homes.size === 0) store.saveFlag("displaced", false);
    for (const home of homes) if (await this.#serves(home)) this.#sendAway(recalled(connections(), home));
  }

  async #serves(home: string): Promise<boolean> {
    const relay = `relay:${home}:0`;
    try {
      return (await withTimeout(this.#deps.peer(relay).serving(), servingTimeoutMs, relay)).serving;
    } catch (error) {
      logWarning("relay.recall.silent", { relay, reason: messageOf(error) });
      return false;
    }
  }
}
