/** Subscribes a socket in the legacy dialect, as the deployed frontend expects without asking for it (CONTRACT 5.2). */
import { mayDo } from "../../channels/capabilities.ts";
import { findChannel } from "../../channels/catalogue.ts";
import { legacyStreams, type LegacyView } from "../../channels/dialects/legacy.ts";
import type { Audience } from "./audience.ts";
import type { Connection } from "./connection.ts";
import type { Streams } from "./streams.ts";

export interface LegacyRules {
  readonly view: LegacyView;
  readonly publicChannels: readonly string[];
}

/** Safe to run again: what is subscribed already is left alone. */
export async function startLegacy(
  connection: Connection,
  { view, publicChannels }: LegacyRules,
  { streams, audience }: { readonly streams: Streams; readonly audience: Audience },
): Promise<void> {
  for (const name of legacyStreams) {
    const channel = findChannel(name);
    if (channel === undefined || !mayDo({ grants: undefined, action: "subscribe", channel, publicChannels })) continue;
    const stream = streams.find(channel.stream);
    while (stream.phase !== "live" && isWaiting(connection, name)) await streams.joined(stream);
    if (!isWaiting(connection, name)) continue;
    // Entities whose last event is not beyond this position are new to this socket.
    connection.joined[name] = stream.flushed;
    connection.save();
    audience.join(connection, { channel: name, stream: name, dialect: "legacy", filters: {}, view }, stream.flushed);
  }
}

/** Meanwhile the socket may have closed or turned native. */
function isWaiting(connection: Connection, channel: string): boolean {
  return connection.open && connection.dialect === "legacy" && !connection.groups.has(channel);
}
