/** The real Worker up to its queues: what they are given is taken, told to be applied, and dropped. So it can stand beside a Worker that
 *  does nothing but give its events to a queue. */
import { channelStub } from "../../../durable-objects/stubs.ts";
import { unpack } from "../../../schemas/pack.ts";
import { lastOf } from "../../../schemas/row.ts";
import edge from "../../../worker.ts";

export { Backup, Channel, Compaction, RateLimiter, Relay, Replay, Restore, Upstream } from "../../../worker.ts";

export default {
  fetch: (request, env, context) => edge.fetch(request, env, context),
  async queue({ queue, messages }, env) {
    if (!queue.endsWith("hot-cache")) return;
    for (const { body } of messages) {
      const message = unpack(body);
      if ("invalid" in message || message.kind !== "positions") throw new Error("not a message of positions");
      const { stream, epoch, rows } = message;
      const ranges = rows.map((row) => [row.first, lastOf(row)] as const);
      // Else the channel would take them for lost, and hand them over once more after two minutes.
      await channelStub(env, stream).applied({ v: 1, stream, epoch, ranges });
    }
  },
} satisfies ExportedHandler<Env>;
