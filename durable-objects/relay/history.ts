/** Answers a `history` frame with event frames of the channel, read from the hub's log. */
import type { ChannelName } from "../../channels/catalogue.ts";
import { LiveEvent } from "../../channels/dialects/live-event.ts";
import { renderRun } from "../../channels/dialects/native.ts";
import { historyLimitMax, pageLimitDefault } from "../../schemas/limits.ts";
import { eventsOf } from "../../schemas/row.ts";
import type { HistoryReply } from "../../schemas/rpc.ts";
import type { HistoryFrame } from "../../schemas/socket.ts";
import type { Connection } from "./connection.ts";
import type { Pulls } from "./pulls.ts";

/** Without `since`: the newest `limit` events of the stream. The answer's `offset` is where to ask on from; a channel's view may leave
 *  out events before it. */
export async function readHistory(
  connection: Connection,
  { frame, channel }: { readonly frame: HistoryFrame; readonly channel: ChannelName },
  { pulls }: { readonly pulls: Pulls },
): Promise<void> {
  const limit = Math.min(frame.limit ?? pageLimitDefault, historyLimitMax);
  const reply = await pulls.page({ stream: channel.stream, limit, since: frame.since });
  const { epoch } = reply;
  const all = reply.rows
    .flatMap(eventsOf)
    .map((event) => new LiveEvent(event))
    .slice(0, limit);
  const events = channel.chain === undefined ? all : all.filter((event) => event.data["chain"] === channel.chain);
  const frames = renderRun({ channel: channel.channel, epoch }, events, before(all, reply, frame.since));
  const head = JSON.stringify({ type: "history", channel: channel.channel, epoch, offset: all.at(-1)?.offset ?? reply.top });
  const id = frame.id === undefined ? "" : `,"id":${JSON.stringify(frame.id)}`;
  connection.send(`${head.slice(0, -1)},"events":[${frames.join(",")}]${id}}`);
}

/** The first frame's `prev`: a client that asked from a position held by the log sees no hole, one before it does. */
function before(events: readonly LiveEvent[], reply: HistoryReply, since: number | undefined): number {
  const first = (events[0]?.offset ?? reply.top + 1) - 1;
  return since === undefined ? first : Math.max(since, Math.min(first, reply.first - 1));
}
