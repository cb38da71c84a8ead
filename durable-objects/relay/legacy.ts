/** Subscribes a socket in the legacy dialect, as the deployed frontend expects without asking for it (CONTRACT 5.2). */
import { mayDo } from "../../channels/capabilities.ts";
import type { LegacyView } from "../../channels/dialects/dialect.ts";
import { legacyStreams } from "../../channels/dialects/legacy.ts";
import type { Config } from "../../platform/config.ts";
import type { Audience } from "./audience.ts";
import type { Connection } from "./connection.ts";
import type { Streams } from "./streams.ts";

export interface LegacySubscription {
  readonly stream: string;
  readonly view: LegacyView;
}

/** What an anonymous legacy client hears: nothing that is not public, and nothing at all when the owner says so. */
export function legacySubscriptions({ legacyView, publicChannels }: Pick<Config, "legacyView" | "publicChannels">): LegacySubscription[] {
  if (legacyView === "off") return [];
  return legacyStreams.flatMap((stream) => {
    const isPublic = mayDo({ grants: undefined, action: "subscribe", channel: { channel: stream, stream }, publicChannels });
    return isPublic ? [{ stream, view: legacyView }] : [];
  });
}

/** Safe to run again: what is subscribed already is left alone. */
export async function startLegacy(
  connection: Connection,
  subscriptions: readonly LegacySubscription[],
  { streams, audience }: { readonly streams: Streams; readonly audience: Audience },
): Promise<void> {
  for (const { stream: name, view } of subscriptions) {
    const stream = streams.find(name);
    while (stream.phase !== "live" && isWaiting(connection, name)) await streams.joined(stream);
    if (!isWaiting(connection, name)) continue;
    // Entities whose last event is not beyond this position are new to this socket.
    connection.joined[name] = stream.flushed;
    connection.save();
    const at = { position: stream.flushed, prev: stream.flushed };
    audience.join(connection, { channel: name, stream: name, dialect: "legacy", filters: {}, view }, at);
  }
}

/** Meanwhile the socket may have closed or turned native. */
function isWaiting(connection: Connection, channel: string): boolean {
  return connection.open && connection.dialect === "legacy" && !connection.groups.has(channel);
}
