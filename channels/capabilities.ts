/** Who may do what on which channel (CONTRACT 4). A capability on a stream covers its views, which are parts of it; a capability
 *  on a view covers that view alone. `*` stands for whole segments, so `order:*` never matches `orders-secret`. */
import type { ChannelName } from "./catalogue.ts";
import { findChannel, findStream } from "./catalogue.ts";

export const channelActions = ["subscribe", "history", "presence"] as const;
export type ChannelAction = (typeof channelActions)[number];

/** What a verified token says about its bearer. */
export interface Grants {
  readonly role?: string | undefined;
  /** Pattern → actions. A token that carries a map has exactly what the map says. */
  readonly channels?: Readonly<Record<string, readonly string[]>> | undefined;
}

/** What a role may do without a channel map in its token. */
interface RoleRights {
  /** On the catalogue's streams; `all` is every action on every channel, whatever the map says. */
  readonly channels: readonly ChannelAction[] | "all";
  /** The operators' addresses: /ops. */
  readonly operates: boolean;
}

const reading: readonly ChannelAction[] = ["subscribe", "history"];

/** Every role that the owner's issuers write, in any case (UPSTREAM 2; how each issuer spells its claims is platform/claims.ts).
 *  A role that is not listed has what is public. */
const rightsOfRole = new Map<string, RoleRights>([
  ["super_admin", { channels: "all", operates: true }],
  ["admin", { channels: "all", operates: true }],
  ["operator", { channels: reading, operates: true }],
  ["trader", { channels: reading, operates: false }],
  ["analyst", { channels: reading, operates: false }],
  ["user", { channels: reading, operates: false }],
  ["viewer", { channels: reading, operates: false }],
  ["readonly", { channels: reading, operates: false }],
]);

function rightsOf(grants: Grants | undefined): RoleRights | undefined {
  return rightsOfRole.get((grants?.role ?? "").toLowerCase());
}

export interface AccessRequest {
  readonly grants: Grants | undefined;
  readonly action: ChannelAction;
  readonly channel: ChannelName;
  readonly publicChannels: readonly string[];
}

export function mayDo({ grants, action, channel, publicChannels }: AccessRequest): boolean {
  if (isPublic(channel, publicChannels) && reading.includes(action)) return true;
  if (grants === undefined) return false;
  const rights = rightsOf(grants);
  if (rights?.channels === "all") return true;
  if (grants.channels !== undefined) return isGranted(grants.channels, action, channel);
  // Replays belong to operators by an explicit grant; the catalogue's streams are open to every known role.
  const isCatalogued = findStream(channel.stream) !== undefined && !channel.stream.startsWith("replay");
  return isCatalogued && rights?.channels.includes(action) === true;
}

/** Whether the bearer is an operator. A channel map narrows channels, not this. */
export function mayOperate(grants: Grants | undefined): boolean {
  return rightsOf(grants)?.operates === true;
}

/** The configured list names channels as clients do: aliases count. */
function isPublic(channel: ChannelName, publicChannels: readonly string[]): boolean {
  return publicChannels.some((name) => covers(findChannel(name)?.channel ?? name, channel));
}

function isGranted(channels: Readonly<Record<string, readonly string[]>>, action: ChannelAction, channel: ChannelName): boolean {
  return Object.entries(channels).some(([pattern, actions]) => actions.includes(action) && covers(pattern, channel));
}

function covers(pattern: string, { channel, stream }: ChannelName): boolean {
  return matchesPattern(pattern, channel) || matchesPattern(pattern, stream);
}

/** Segment by segment; a last `*` stands for one segment or more, an inner one for exactly one. */
export function matchesPattern(pattern: string, name: string): boolean {
  const wanted = pattern.split(":");
  const given = name.split(":");
  const open = wanted.at(-1) === "*";
  if (open ? given.length < wanted.length : given.length !== wanted.length) return false;
  return wanted.every((segment, index) => segment === "*" || segment === given[index]);
}
