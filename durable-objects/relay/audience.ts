/** Who listens to what: connections, groups and their memberships, in memory and in the relay's SQLite. */
import type { LiveEvent } from "../../channels/dialects/live-event.ts";
import { pickFrame } from "../../channels/dialects/legacy.ts";
import { renderBatches } from "../../channels/dialects/native.ts";
import { unsubscribeCodes } from "../../schemas/socket.ts";
import { Group, keyOf, type GroupSpec } from "./groups.ts";
import type { Connection } from "./connection.ts";
import type { RelayStore } from "./storage.ts";

export interface AudienceDeps {
  readonly store: RelayStore;
  readonly now: () => number;
  /** Somebody subscribed to the stream, or the last one left. */
  onChange(stream: string): void;
  onSlow(connection: Connection): void;
}

export interface Publication {
  readonly stream: string;
  readonly epoch: string;
  readonly events: readonly LiveEvent[];
  /** Counts flushes. */
  readonly turn: number;
  shownOf(event: LiveEvent): number;
}

export class Audience {
  readonly #deps: AudienceDeps;
  readonly #connections = new Map<string, Connection>();
  readonly #groups = new Map<string, Group>();
  readonly #byStream = new Map<string, Set<Group>>();

  constructor(deps: AudienceDeps) {
    this.#deps = deps;
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
  }

  /** After a wake: groups start at the position that was written, which is what every socket has been sent. */
  load(connections: readonly Connection[], positionOf: (stream: string) => number): void {
    for (const connection of connections) this.add(connection);
    const byId = new Map(
      this.#deps.store.groups().map(({ id, spec }) => [id, this.#makeGroup(id, JSON.parse(spec) as GroupSpec, positionOf)]),
    );
    for (const { socketId, groupId } of this.#deps.store.subscriptions()) {
      const connection = this.#connections.get(socketId);
      const group = byId.get(groupId);
      // A socket that died with the object's process never reported its close.
      if (connection === undefined || group === undefined) this.#deps.store.dropSubscription(socketId, groupId);
      else enter(connection, group);
    }
    for (const group of byId.values()) this.#dropIfEmpty(group);
  }

  #makeGroup(id: number, spec: GroupSpec, positionOf: (stream: string) => number): Group {
    const group = new Group(id, spec, { position: positionOf(spec.stream), nowMs: this.#deps.now(), woken: true });
    this.#keep(group);
    return group;
  }

  #keep(group: Group): void {
    this.#groups.set(group.key, group);
    const siblings = this.#byStream.get(group.spec.stream);
    if (siblings === undefined) this.#byStream.set(group.spec.stream, new Set([group]));
    else siblings.add(group);
  }

  join(connection: Connection, spec: GroupSpec, position: number): void {
    const key = keyOf(spec);
    const known = this.#groups.get(key);
    const group = known ?? new Group(this.#deps.store.addGroup(key), spec, { position, nowMs: this.#deps.now(), woken: false });
    this.#keep(group);
    enter(connection, group);
    this.#deps.store.addSubscription(connection.id, group.id);
    this.#deps.onChange(spec.stream);
  }

  /** Whether there was such a subscription. */
  leave(connection: Connection, channel: string): boolean {
    const group = connection.groups.get(channel);
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
    const groups = [...connection.groups.values()];
    if (groups.length > 0) this.#deps.store.dropSocket(connection.id);
    for (const group of groups) {
      exit(connection, group);
      this.#dropIfEmpty(group);
    }
  }

  #dropIfEmpty(group: Group): void {
    if (group.members.size > 0) return;
    this.#groups.delete(group.key);
    this.#byStream.get(group.spec.stream)?.delete(group);
    this.#deps.store.dropGroup(group.id);
    this.#deps.onChange(group.spec.stream);
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
    for (const group of this.#groupsOf(publication.stream)) {
      if (group.spec.dialect === "legacy") this.#publishLegacy(group, publication);
      else this.#publishNative(group, publication);
    }
  }

  #publishNative(group: Group, { epoch, events, turn }: Publication): void {
    const frames = group.renderNative(epoch, events, this.#deps.now());
    if (frames.length === 0) return;
    const batched = lazily(() => renderBatches(frames));
    for (const member of group.members) {
      if (member.isSlow(turn)) this.#deps.onSlow(member);
      else for (const text of member.batch ? batched() : frames) member.send(text);
    }
  }

  #publishLegacy(group: Group, { stream, events, turn, shownOf }: Publication): void {
    const frames = group.renderLegacy(events, shownOf);
    for (const member of group.members) {
      const joinedAt = member.joined[stream] ?? 0;
      if (member.isSlow(turn)) this.#deps.onSlow(member);
      else for (const frame of frames) member.send(pickFrame(frame, joinedAt));
    }
  }

  /** Part of the stream is lost to its subscribers: native ones are told and subscribe again by their position. */
  lose(stream: string): void {
    for (const group of this.#groupsOf(stream)) {
      if (group.spec.dialect === "legacy") continue;
      const { channel } = group.spec;
      for (const member of group.members) {
        this.leave(member, channel);
        member.answer({ type: "unsubscribed", channel, code: unsubscribeCodes.insufficient, reason: "insufficient state" });
      }
    }
  }

  /** A new epoch counts from 1: what a legacy socket has seen under the old one tells nothing. */
  restartLegacy(stream: string, position: number): void {
    for (const group of this.#groupsOf(stream)) {
      if (group.spec.dialect !== "legacy") continue;
      for (const member of group.members) {
        member.joined[stream] = position;
        member.save();
      }
    }
  }

  tellPositions(positionOf: (stream: string) => number, afterMs: number): void {
    for (const group of this.#groups.values()) {
      const frame = group.renderIdle(positionOf(group.spec.stream), this.#deps.now(), afterMs);
      if (frame !== undefined) for (const member of group.members) member.send(frame);
    }
  }
}

function enter(connection: Connection, group: Group): void {
  group.members.add(connection);
  connection.groups.set(group.spec.channel, group);
}

function exit(connection: Connection, group: Group): void {
  group.members.delete(connection);
  connection.groups.delete(group.spec.channel);
}

/** Rendered for the first who needs it. */
function lazily<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}
