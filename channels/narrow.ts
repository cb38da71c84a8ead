/** What somebody may pass on of what he holds: the part of the asked rights that he has himself, channel by channel. Patterns are those of
 *  capabilities.ts, whole segments each. Pure. */
import { channelsOf, isRoleWithin, type Grants } from "./capabilities.ts";

export type Narrowed = { readonly ok: true; readonly grants: Grants } | { readonly ok: false; readonly beyond: "role" | "channels" };

/** What is not asked for is passed on as it is held. */
export function narrowGrants(held: Grants, wanted: Grants): Narrowed {
  const role = wanted.role ?? held.role;
  if (role !== undefined && !isRoleWithin(role, held.role)) return { ok: false, beyond: "role" };
  const own = channelsOf(held);
  if (own === "all") return { ok: true, grants: { role, channels: wanted.channels } };
  if (wanted.channels === undefined) return { ok: true, grants: { role, channels: held.channels } };
  const channels = meetMaps(own, wanted.channels);
  // Asked for something and holding nothing of it is a mistake to be told; asking for nothing is not.
  const isNothing = Object.keys(channels).length === 0 && Object.keys(wanted.channels).length > 0;
  return isNothing ? { ok: false, beyond: "channels" } : { ok: true, grants: { role, channels } };
}

type ChannelMap = NonNullable<Grants["channels"]>;

function meetMaps(one: ChannelMap, other: ChannelMap): ChannelMap {
  const met = new Map<string, Set<string>>();
  for (const [pattern, actions] of Object.entries(one)) {
    for (const [wanted, wantedActions] of Object.entries(other)) {
      const both = actions.filter((action) => wantedActions.includes(action));
      if (both.length === 0) continue;
      for (const meeting of meetPatterns(pattern, wanted)) met.set(meeting, new Set([...(met.get(meeting) ?? []), ...both]));
    }
  }
  return Object.fromEntries([...met].map(([pattern, actions]) => [pattern, [...actions]]));
}

/** Patterns that together cover exactly the channels that both cover. A pattern of one segment also covers the views of its stream: those
 *  are met as `stream:*`. */
export function meetPatterns(one: string, other: string): string[] {
  const met = meetSegments(one.split(":"), other.split(":"));
  const meetings = met === undefined ? [meetViews(one, other), meetViews(other, one)] : [met];
  return meetings.flatMap((segments) => (segments === undefined ? [] : [segments.join(":")]));
}

function meetViews(pattern: string, stream: string): string[] | undefined {
  return stream.includes(":") ? undefined : meetSegments(pattern.split(":"), [stream, "*"]);
}

/** The names both match as one pattern; undefined when there are none. A last `*` stands for one segment or more. */
function meetSegments(one: readonly string[], other: readonly string[]): string[] | undefined {
  const [short, long] = one.length <= other.length ? [one, other] : [other, one];
  const isOpen = short.at(-1) === "*";
  if (short.length < long.length && !isOpen) return undefined;
  const met = long.map((segment, index) => meetSegment(segment, index < short.length ? (short[index] ?? "*") : "*"));
  return met.includes(undefined) ? undefined : met.map((segment) => segment ?? "");
}

function meetSegment(one: string, other: string): string | undefined {
  if (one === "*") return other;
  return other === "*" || other === one ? one : undefined;
}
