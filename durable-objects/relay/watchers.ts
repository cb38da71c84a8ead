/** Tells those who want to know who comes to a channel and who leaves it. Looks now and then, and only while somebody watches: nothing has
 *  to be kept in step, and a relay that dies is no leave of its users until they stay away. */
import type { ChannelName } from "../../channels/catalogue.ts";
import { messageOf } from "../../platform/errors.ts";
import { logWarning } from "../../platform/log.ts";
import { presenceGraceMs, presencePollMs } from "../../schemas/limits.ts";
import type { Member } from "../../schemas/presence.ts";

/** What is known of a channel, by user. */
export interface Known {
  readonly member: Member;
  /** Not found since then. */
  readonly missingSince: number | undefined;
}

export interface Changes {
  readonly joins: readonly Member[];
  readonly leaves: readonly Member[];
  readonly after: ReadonlyMap<string, Known>;
}

/** Pure. Who stays away for less than the grace period, as in a reconnect, has not left. The first look tells nothing: all were there. */
export function changesOf(before: ReadonlyMap<string, Known> | undefined, found: readonly Member[], nowMs: number): Changes {
  const after = new Map<string, Known>(found.map((member) => [member.user, { member, missingSince: undefined }]));
  if (before === undefined) return { joins: [], leaves: [], after };
  const joins = [...after.values()].map(({ member }) => member).filter(({ user }) => !before.has(user));
  const leaves: Member[] = [];
  for (const [user, { member, missingSince = nowMs }] of before) {
    if (after.has(user)) continue;
    if (nowMs - missingSince >= presenceGraceMs) leaves.push(member);
    else after.set(user, { member, missingSince });
  }
  return { joins, leaves, after };
}

export interface Watcher {
  readonly open: boolean;
  /** Names of channels whose comings and goings it wants to hear. */
  readonly watches: ReadonlySet<string>;
  tell(reply: { readonly kind: "join" | "leave"; readonly channel: string; readonly member: Member }): void;
}

type Channel = Pick<ChannelName, "channel" | "stream">;

interface Listener {
  readonly watcher: Watcher;
  /** What the watcher calls the channel. */
  readonly name: string;
}

interface Watched {
  readonly channel: Channel;
  readonly listeners: Map<Watcher, string>;
  known: ReadonlyMap<string, Known> | undefined;
}

export interface WatchersDeps {
  membersOf(channel: Channel): Promise<readonly Member[]>;
  now(): number;
}

export class Watchers {
  readonly #deps: WatchersDeps;
  readonly #channels = new Map<string, Watched>();
  #isLooking = false;

  constructor(deps: WatchersDeps) {
    this.#deps = deps;
  }

  add(channel: Channel, { watcher, name }: Listener): void {
    const watched = this.#channels.get(channel.channel) ?? { channel, listeners: new Map<Watcher, string>(), known: undefined };
    watched.listeners.set(watcher, name);
    this.#channels.set(channel.channel, watched);
    if (watched.known === undefined) void this.#look(watched);
    if (!this.#isLooking) this.#lookLater();
  }

  async #lookAll(): Promise<void> {
    await Promise.all([...this.#channels.values()].map((watched) => this.#look(watched)));
    if (this.#channels.size > 0) this.#lookLater();
    else this.#isLooking = false;
  }

  #lookLater(): void {
    this.#isLooking = true;
    setTimeout(() => void this.#lookAll(), presencePollMs);
  }

  /** Never throws: what could not be asked now is asked again. */
  async #look(watched: Watched): Promise<void> {
    for (const [watcher, name] of watched.listeners) if (!watcher.open || !watcher.watches.has(name)) watched.listeners.delete(watcher);
    if (watched.listeners.size === 0) {
      this.#channels.delete(watched.channel.channel);
      return;
    }
    try {
      const { joins, leaves, after } = changesOf(watched.known, await this.#deps.membersOf(watched.channel), this.#deps.now());
      watched.known = after;
      for (const member of joins) tell(watched.listeners, "join", member);
      for (const member of leaves) tell(watched.listeners, "leave", member);
    } catch (error) {
      logWarning("relay.presence.failed", { channel: watched.channel.channel, reason: messageOf(error) });
    }
  }
}

function tell(listeners: ReadonlyMap<Watcher, string>, kind: "join" | "leave", member: Member): void {
  for (const [watcher, channel] of listeners) watcher.tell({ kind, channel, member });
}
