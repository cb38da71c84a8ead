/** Who may do what on which channel (CONTRACT 4). A capability on a stream covers its views, which are parts of it; a capability
 *  on a view covers that view alone. `*` stands for whole segments, so `order:*` never matches `orders-secret`. */
import type { ChannelName } from "./catalogue.ts";
import { findChannel, findStream, isReplayChannel, streams } from "./catalogue.ts";

export const channelActions = ["subscribe", "history", "presence"] as const;
export type ChannelAction = (typeof channelActions)[number];

/** What a verified token says about its bearer. */
export interface Grants {
  readonly role?: string | undefined;
  /** Pattern → actions. A token that carries a map has exactly what the map says. */
  readonly channels?: Readonly<Record<string, readonly string[]>> | undefined;
}

/** What is no channel: `operate` the operators' addresses and anybody's sessions, `execute` trades, `configure` strategies. */
export const permissions = ["operate", "execute", "configure"] as const;
export type Permission = (typeof permissions)[number];

/** What a role may do without a channel map in its token. */
interface RoleRights {
  /** On the catalogue's streams; `all` is every action on every channel, whatever the map says. */
  readonly channels: readonly ChannelAction[] | "all";
  readonly permissions: readonly Permission[];
}

const reading: readonly ChannelAction[] = ["subscribe", "history"];

/** Every role that the owner's issuers write, in any case (UPSTREAM 2; how each issuer spells its claims is platform/claims.ts), from the
 *  one that has most. A role that is not listed has what is public. */
const rightsOfRole = new Map<string, RoleRights>([
  ["super_admin", { channels: "all", permissions }],
  ["admin", { channels: "all", permissions }],
  ["operator", { channels: reading, permissions }],
  ["trader", { channels: reading, permissions: ["execute"] }],
  ["analyst", { channels: reading, permissions: [] }],
  ["user", { channels: reading, permissions: [] }],
  ["viewer", { channels: reading, permissions: [] }],
  ["readonly", { channels: reading, permissions: [] }],
]);
const ranks = [...rightsOfRole.keys()];

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
  if (isReplayChannel(channel.stream)) return mayDoOnReplay(grants, action, channel);
  if (isPublic(channel, publicChannels) && reading.includes(action)) return true;
  if (grants === undefined) return false;
  const rights = rightsOf(grants);
  if (rights?.channels === "all") return true;
  if (grants.channels !== undefined) return isGranted(grants.channels, action, channel);
  return findStream(channel.stream) !== undefined && rights?.channels.includes(action) === true;
}

/** Replays belong to operators: a map narrows them and gives nobody else anything. */
function mayDoOnReplay(grants: Grants | undefined, action: ChannelAction, channel: ChannelName): boolean {
  if (!hasPermission(grants, "operate")) return false;
  if (rightsOf(grants)?.channels === "all" || grants?.channels === undefined) return true;
  return isGranted(grants.channels, action, channel);
}

/** A channel map narrows channels, not this. */
export function hasPermission(grants: Grants | undefined, permission: Permission): boolean {
  return rightsOf(grants)?.permissions.includes(permission) === true;
}

/** What the bearer may do on channels, as a map; `all` is more than any map says. */
export function channelsOf(grants: Grants): NonNullable<Grants["channels"]> | "all" {
  const rights = rightsOf(grants);
  if (rights?.channels === "all") return "all";
  if (grants.channels !== undefined) return grants.channels;
  const actions = rights?.channels ?? [];
  return Object.fromEntries(streams.map(({ name }) => [name, actions]));
}

/** Whether somebody of role `held` may give role `wanted`: it stands no higher, and has nothing that the other lacks. */
export function isRoleWithin(wanted: string, held: string | undefined): boolean {
  const [given, own] = [rightsOf({ role: wanted }), rightsOf({ role: held })];
  // Another system may know a role that this one does not: it is passed on as it is, or not at all.
  if (given === undefined || own === undefined) return wanted.toLowerCase() === held?.toLowerCase();
  const isLower = ranks.indexOf(wanted.toLowerCase()) >= ranks.indexOf((held ?? "").toLowerCase());
  return isLower && given.permissions.every((permission) => own.permissions.includes(permission));
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
