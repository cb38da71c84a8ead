/** Who listens to a channel: of this relay's sockets, and by way of the hub of all. */
import type { ChannelName } from "../../channels/catalogue.ts";
import type { Presence } from "../../channels/dialects/dialect.ts";
import { AppError } from "../../platform/errors.ts";
import { withTimeout } from "../../platform/timeout.ts";
import { presenceMembersMax } from "../../schemas/limits.ts";
import type { Member, MembersReply } from "../../schemas/presence.ts";
import type { ChannelRpc } from "../../schemas/rpc.ts";
import { hubTimeoutMs } from "./bounds.ts";
import type { GroupSpec } from "./groups.ts";

export interface Listener {
  readonly id: string;
  readonly open: boolean;
  readonly claims: { readonly sub?: string | undefined } | undefined;
  readonly groups: ReadonlyMap<string, { readonly spec: Pick<GroupSpec, "channel"> }>;
}

/** Asks the hub, which asks every relay. Throws UPSTREAM_UNAVAILABLE. */
export function askPresence(hub: (stream: string) => ChannelRpc): (channel: Pick<ChannelName, "channel" | "stream">) => Promise<Presence> {
  return async ({ channel, stream }) => {
    try {
      return await withTimeout(hub(stream).presence({ v: 1, stream, channel }), hubTimeoutMs, "presence");
    } catch (error) {
      throw new AppError("UPSTREAM_UNAVAILABLE", "the channel is out of reach, try again shortly", { cause: error });
    }
  };
}

/** Pure. A socket that knows the channel by two names is one member. */
export function membersOf(listeners: Iterable<Listener>, channel: string): MembersReply {
  const members: Member[] = [];
  const users = new Set<string>();
  let clients = 0;
  for (const { id, open, claims, groups } of listeners) {
    if (!open || ![...groups.values()].some(({ spec }) => spec.channel === channel)) continue;
    clients += 1;
    if (claims?.sub === undefined) continue;
    users.add(claims.sub);
    if (members.length < presenceMembersMax) members.push({ user: claims.sub, client: id });
  }
  return { v: 1, members, users: users.size, clients };
}
