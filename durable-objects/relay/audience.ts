/** Who listens to what: connections, groups and their memberships, in memory and in the relay's SQLite. */
import type { Position } from "../../channels/recovery.ts";
import { unsubscribeCodes } from "../../schemas/socket.ts";
import { quietEventsMin, quietViewsMax } from "./bounds.ts";
import { Delivery } from "./delivery.ts";
import { Users } from "./users.ts";
import { Group, isFiltered, keyOf, viewKeyOf, type Flush, type GroupSpec } from "./groups.ts";
import { QuietViews } from "./quiet.ts";
import type { Connection } from "./connection.ts";
import type { RelayStore } from "./storage.ts";

export interface AudienceDeps {
  readonly store: RelayStore;
  readonly now: () => number;
  /** Up to where the sockets of a stream have been sent everything. */
  standingOf(stream: string): Position;
  /** Somebody subscribed to the stream, or the last one left. */
  onChange(stream: string): void;
  onSlow(connection: Connection): void;
}

export interface Publication extends Flush {
  readonly stream: string;
  /** Counts flushes. */
  readonly turn: number;
}

export class Audience {
  readonly #deps: AudienceDeps;
  readonly #connections = new Map<string, Connection>();
  readonly #groups = new Map<string, Group>();
  readonly #byStream = new Map<string, Set<Group>>();
  readonly #quiet: QuietViews;
  readonly #users = new Users<Connection>();
  readonly #delivery: Delivery;

  constructor(deps: AudienceDeps) {
    this.#deps = deps;
    this.#quiet = new QuietViews(deps.store, { viewsMax: quietViewsMax, eventsMin: quietEventsMin });
    this.#delivery = new Delivery({
      now: deps.now,
      connections: () => this.connections(),
      groups: () => this.#groups.values(),
      onSlow: (connection) => deps.onSlow(connection),
    });
  }

  get size(): number {
    return this.#connections.size;
  }

  connections(): Iterable<Connection> {
    return this.#connections.values();
  }

  find(id: string): Connection | undefined {
    return this.#connections.get(id);
  }

  add(connection: Connection): void {
    this.#connections.set(connection.id, connection);
    this.identify(connection);
  }

  /** Who it is has become known, or has changed. Returns how many sockets its user has here. */
  identify(connection: Connection): number {
    // It may have closed while its token was verified: nobody would take it out again.
    return connection.open ? this.#users.enter(connection, connection.claims?.sub) : 0;
  }

  /** After a wake: groups start at the position that was written, which is what every socket has been sent. */
  load(connections: readonly Connection[]): void {
    for (const connection of connections) this.add(connection);
    const byId = new Map(this.#deps.store.groups().map(({ id, spec }) => [id, this.#wakeGroup(id, JSON.parse(spec) as GroupSpec)]));
    for (const { socketId, groupId } of this.#deps.store.subscriptions()) {
      const connection = this.#connections.get(socketId);
      const group = byId.get(groupId);
      // A socket that died with the object's process never reported its close.
      if (connection === undefined || group === undefined) this.#deps.store.dropSubscription(socketId, groupId);
      else enter(connection, group);
    }
    for (const group of byId.values()) this.#dropIfEmpty(group);
  }

  #wakeGroup(id: number, spec: GroupSpec): Group {
    const at = this.#deps.standingOf(spec.stream);
    const prev = isFiltered(spec) ? this.#quiet.prevOf(viewKeyOf(spec), at) : at.offset;
    const group = new Group(id, spec, { position: at.offset, prev, nowMs: this.#deps.now(), woken: true });
    this.#keep(group);
    return group;
  }

  #keep(group: Group): void {
    this.#groups.set(group.key, group);
    const siblings = this.#byStream.get(group.spec.stream);
    if (siblings === undefined) this.#byStream.set(group.spec.stream, new Set([group]));
    else siblings.add(group);
  }

  /** `position`: up to where the connection was sent everything. `prev`: after it, up to there, nothing was for this view. */
  join(connection: Connection, spec: GroupSpec, at: { readonly position: number; readonly prev: number }): void {
    const key = keyOf(spec);
    const known = this.#groups.get(key);
    const group = known ?? new Group(this.#deps.store.addGroup(key), spec, { ...at, nowMs: this.#deps.now(), woken: false });
    this.#keep(group);
    enter(connection, group);
    this.#deps.store.addSubscription(connection.id, group.id);
    this.#deps.onChange(spec.stream);
  }

  /** Whether there was such a subscription. */
  leave(connection: Connection, name: string): boolean {
    const group = connection.groups.get(name);
    if (group === undefined) return false;
    exit(connection, group);
    this.#deps.store.dropSubscription(connection.id, group.id);
    this.#dropIfEmpty(group);
    return true;
  }

  /** The socket is gone. */
  drop(connection: Connection): void {
    connection.open = false;
    this.#connections.delete(connection.id);
    this.#users.leave(connection);
    this.#delivery.gone(connection);
    const groups = [...connection.groups.values()];
    if (groups.length > 0) this.#deps.store.dropSocket(connection.id);
    for (const group of groups) {
      exit(connection, group);
      this.#dropIfEmpty(group);
    }
  }

  #dropIfEmpty(group: Group): void {
    if (group.members.size > 0) return;
    if (isFiltered(group.spec)) this.#quiet.end(viewKeyOf(group.spec), group.prev, this.#deps.standingOf(group.spec.stream));
    this.#groups.delete(group.key);
    this.#byStream.get(group.spec.stream)?.delete(group);
    this.#deps.store.dropGroup(group.id);
    this.#deps.onChange(group.spec.stream);
  }

  /** A burst is over and the stream's position is written. */
  settle(stream: string): void {
    this.#drain(stream);
    const at = this.#deps.standingOf(stream);
    for (const group of this.#groupsOf(stream)) if (isFiltered(group.spec)) this.#quiet.keep(viewKeyOf(group.spec), group.prev, at);
  }

  /** The offset up to which a view is known to hold nothing beyond `since`: a client of a quiet view misses nothing when the log that it
   *  would be looked up in is long gone. */
  quietUpTo(spec: GroupSpec, since: Position): number {
    if (!isFiltered(spec)) return since.offset;
    const key = viewKeyOf(spec);
    const { epoch, offset } = this.#deps.standingOf(spec.stream);
    const live = this.#groupsOf(spec.stream).find((group) => viewKeyOf(group.spec) === key && group.prev <= since.offset);
    if (live !== undefined && epoch === since.epoch) return Math.max(since.offset, offset);
    return this.#quiet.upTo(key, since);
  }

  isHeard(stream: string): boolean {
    return (this.#byStream.get(stream)?.size ?? 0) > 0;
  }

  hasLegacy(stream: string): boolean {
    return this.#groupsOf(stream).some((group) => group.spec.dialect === "legacy");
  }

  #groupsOf(stream: string): Group[] {
    return [...(this.#byStream.get(stream) ?? [])];
  }

  publish(publication: Publication): void {
    const nowMs = this.#deps.now();
    for (const group of this.#groupsOf(publication.stream)) {
      const run = group.take(publication, nowMs);
      if (run !== undefined) this.#delivery.send(group, run, publication.turn);
    }
    this.#delivery.relieve();
  }

  /** What waits for slow sockets goes out before anything is said of where they stand. */
  #drain(stream: string): void {
    for (const group of this.#groupsOf(stream)) this.#delivery.drain(group);
  }

  /** Part of the stream is lost to its subscribers: all but legacy ones are told and subscribe again by their position. */
  lose(stream: string): void {
    for (const group of this.#groupsOf(stream)) {
      if (group.spec.dialect === "legacy") continue;
      for (const member of group.members) {
        this.leave(member, group.name);
        member.tell({ kind: "unsubscribed", channel: group.name, code: unsubscribeCodes.insufficient, reason: "insufficient state" });
      }
    }
  }

  /** A new epoch counts from 1: what a legacy socket has seen under the old one tells nothing. */
  restartLegacy(stream: string, position: number): void {
    this.#drain(stream);
    for (const group of this.#groupsOf(stream)) {
      group.lane?.forget();
      if (group.spec.dialect !== "legacy") continue;
      for (const member of group.members) {
        member.joined[stream] = position;
        member.save();
      }
    }
  }

  tellPositions(afterMs: number): void {
    for (const group of this.#groups.values()) {
      this.#delivery.drain(group);
      const frame = group.renderIdle(this.#deps.standingOf(group.spec.stream).offset, this.#deps.now(), afterMs);
      if (frame !== undefined) for (const member of group.members) member.send(frame);
    }
  }
}

function enter(connection: Connection, group: Group): void {
  group.members.add(connection);
  connection.groups.set(group.name, group);
}

function exit(connection: Connection, group: Group): void {
  group.members.delete(connection);
  connection.groups.delete(group.name);
  group.lane?.leave(connection);
  connection.forget(group.name);
}
