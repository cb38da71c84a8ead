/** The real Worker, whose channels hand their events to queues that take everything at once and keep nothing. The local queue, D1 and R2
 *  simulators run in the runtime's own process: without them its CPU is that of the way from a post to its sockets. */
import type { Sink } from "../../../channels/catalogue.ts";
import { Channel as RealChannel } from "../../../durable-objects/channel/channel.ts";
import { unpack } from "../../../schemas/pack.ts";
import { lastOf } from "../../../schemas/row.ts";

export { Relay } from "../../../durable-objects/relay/relay.ts";
export { Backup, Compaction, default, RateLimiter, Replay, Restore, Upstream } from "../../../worker.ts";

export class Channel extends RealChannel {
  protected override queue(sink: Sink): Queue {
    const metrics = { backlogCount: 0, backlogBytes: 0 };
    const taken = { metadata: { metrics } };
    return {
      send: async () => taken,
      metrics: async () => metrics,
      sendBatch: async (messages) => {
        // Else the channel would take them for lost, and hand them over once more after two minutes.
        if (sink === "hot-cache") for (const { body } of messages) await this.#settle(body);
        return taken;
      },
    };
  }

  async #settle(body: unknown): Promise<void> {
    const message = unpack(body);
    if ("invalid" in message || message.kind !== "positions") throw new Error("not a message of positions");
    const { stream, epoch, rows } = message;
    await this.applied({ v: 1, stream, epoch, ranges: rows.map((row) => [row.first, lastOf(row)] as const) });
  }
}
