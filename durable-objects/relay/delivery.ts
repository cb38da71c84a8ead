/** Hands a group's events to its members: at once, by the slow lane to those who lag or where a view is capped, and no longer to those who
 *  do not read (DESIGN 11). How much is too much is flow.ts's, what a lane keeps lane.ts's. */
import type { Rendered } from "../../channels/dialects/dialect.ts";
import { conflateEveryMs, relayUnreadBytesMax } from "./bounds.ts";
import type { Connection } from "./connection.ts";
import type { Verdict } from "./flow.ts";
import type { Group } from "./groups.ts";
import type { Run } from "./lane.ts";

export interface DeliveryDeps {
  readonly now: () => number;
  connections(): Iterable<Connection>;
  groups(): Iterable<Group>;
  /** Closes it. */
  onSlow(connection: Connection): void;
}

export class Delivery {
  readonly #deps: DeliveryDeps;
  /** Of all connections, as of each one's last look. */
  #unreadBytes = 0;
  #isDraining = false;

  constructor(deps: DeliveryDeps) {
    this.#deps = deps;
  }

  /** `turn` counts flushes: a connection is looked at once in each. */
  send(group: Group, run: Run, turn: number): void {
    const nowMs = this.#deps.now();
    this.#cap(group, run, nowMs);
    const sent = { channel: group.name, offset: run.events.at(-1)?.offset ?? run.prev, atMs: nowMs };
    let rendered: Rendered | undefined;
    for (const member of group.members) {
      const verdict = this.#look(member, turn, nowMs);
      if (verdict === "close") this.#deps.onSlow(member);
      else if (!group.holdsBack(member, verdict === "conflate")) {
        rendered ??= group.render(run) ?? nothing;
        for (const text of rendered(listenerOf(member, group))) member.send(text);
        member.sentUpTo(sent);
      }
    }
    group.lane?.take(run);
    if (group.lane?.isFull === true) this.drain(group);
    else if (group.lane?.isOpen === true) this.#drainLater();
  }

  /** All members enter the lane together: those already in it must not have anything that the others do not. */
  #cap(group: Group, run: Run, nowMs: number): void {
    if (!group.exceedsCap(run, nowMs)) return;
    this.drain(group);
    group.isCapped = true;
  }

  #look(member: Connection, turn: number, nowMs: number): Verdict {
    const before = member.unreadBytes;
    const verdict = member.pressure(turn, nowMs);
    this.#unreadBytes += member.unreadBytes - before;
    return verdict;
  }

  #drainLater(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    setTimeout(() => {
      this.#isDraining = false;
      for (const group of this.#deps.groups()) this.drain(group);
    }, conflateEveryMs);
  }

  /** Whatever waits in the slow lane goes out now. */
  drain(group: Group): void {
    const nowMs = this.#deps.now();
    const drained = group.drain(nowMs);
    if (drained === undefined) return;
    const sent = { channel: group.name, offset: drained.end, atMs: nowMs };
    for (const member of drained.members) {
      for (const text of drained.rendered(listenerOf(member, group))) member.send(text);
      member.sentUpTo(sent);
    }
  }

  /** When the relay holds too much that nobody reads, the slowest go first, until the rest fits. */
  relieve(): void {
    if (this.#unreadBytes <= relayUnreadBytesMax) return;
    const nowMs = this.#deps.now();
    const slowest = [...this.#deps.connections()];
    for (const connection of slowest) connection.measure(nowMs);
    slowest.sort((one, other) => other.unreadBytes - one.unreadBytes);
    this.#unreadBytes = slowest.reduce((sum, { unreadBytes }) => sum + unreadBytes, 0);
    for (const connection of slowest) {
      if (this.#unreadBytes <= relayUnreadBytesMax) return;
      this.#deps.onSlow(connection);
    }
  }

  gone(connection: Connection): void {
    this.#unreadBytes -= connection.unreadBytes;
    connection.unreadBytes = 0;
  }
}

function listenerOf(member: Connection, { spec }: Group): { readonly batch: boolean; readonly joinedAt: number } {
  return { batch: member.batch, joinedAt: member.joined[spec.stream] ?? 0 };
}

function nothing(): readonly string[] {
  return [];
}
