/** Who listens to a channel, from all relays that take the stream: asked of them when somebody asks, once for all who do so within seconds. */
import { presenceFreshMs, presenceMembersMax, presenceTimeoutMs } from "../../schemas/limits.ts";
import type { Member, MembersReply, PresenceReply, PresenceRequest } from "../../schemas/presence.ts";
import type { RelayRpc } from "../../schemas/rpc.ts";
import { messageOf } from "../../platform/errors.ts";
import { logWarning } from "../../platform/log.ts";
import { withTimeout } from "../../platform/timeout.ts";

/** Channels whose answer is remembered: a stream has a view for each chain, and there are a few dozen. */
const answersMax = 256;

export interface PresenceDeps {
  relays(): readonly string[];
  relay(name: string): RelayRpc;
  now(): number;
}

/** Pure. A user on several relays is one user; what a relay has no room to name is counted once per relay. */
export function unionOf(replies: readonly (MembersReply | undefined)[]): PresenceReply {
  const members: Member[] = [];
  const users = new Set<string>();
  let clients = 0;
  let unnamed = 0;
  for (const reply of replies) {
    if (reply === undefined) continue;
    clients += reply.clients;
    unnamed += reply.users - new Set(reply.members.map(({ user }) => user)).size;
    for (const { user } of reply.members) users.add(user);
    members.push(...reply.members);
  }
  const silent = replies.filter((reply) => reply === undefined).length;
  return { v: 1, members: members.slice(0, presenceMembersMax), users: users.size + unnamed, clients, silent };
}

export class Presence {
  readonly #deps: PresenceDeps;
  readonly #answers = new Map<string, { readonly at: number; readonly answer: Promise<PresenceReply> }>();

  constructor(deps: PresenceDeps) {
    this.#deps = deps;
  }

  async of(request: PresenceRequest): Promise<PresenceReply> {
    const now = this.#deps.now();
    const known = this.#answers.get(request.channel);
    if (known !== undefined && now - known.at < presenceFreshMs) return known.answer;
    if (this.#answers.size >= answersMax) this.#answers.clear();
    const answer = this.#ask(request);
    this.#answers.set(request.channel, { at: now, answer });
    return answer;
  }

  /** Never throws: a relay out of reach is silent. */
  async #ask(request: PresenceRequest): Promise<PresenceReply> {
    const replies = this.#deps.relays().map(async (relay): Promise<MembersReply | undefined> => {
      try {
        return await withTimeout(this.#deps.relay(relay).members(request), presenceTimeoutMs, relay);
      } catch (error) {
        logWarning("channel.presence.silent", { stream: request.stream, relay, reason: messageOf(error) });
        return undefined;
      }
    });
    return unionOf(await Promise.all(replies));
  }
}
