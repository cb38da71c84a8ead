/** Brings the hub's rows to other relays of the region: with many relays the hub calls one per region (channel/fanout.ts). Holds nothing:
 *  each relay answers for itself, and the hub goes on from each answer. */
import { messageOf } from "../../platform/errors.ts";
import { logWarning } from "../../platform/log.ts";
import { withTimeout } from "../../platform/timeout.ts";
import { forwardMax, forwardTimeoutMs } from "../../schemas/limits.ts";
import type { DeliverReply, DeliverRequest, ForwardReply, ForwardRequest, RelayRpc } from "../../schemas/rpc.ts";

export interface ForwardDeps {
  deliver(request: DeliverRequest): DeliverReply | Promise<DeliverReply>;
  peer(name: string): RelayRpc;
}

export async function forward({ request, to }: ForwardRequest, deps: ForwardDeps): Promise<ForwardReply> {
  const others = to.slice(0, forwardMax).map(async ({ relay, generation }): Promise<DeliverReply | null> => {
    try {
      return await withTimeout(deps.peer(relay).deliver({ ...request, generation }), forwardTimeoutMs, relay);
    } catch (error) {
      logWarning("relay.forward.failed", { stream: request.stream, relay, reason: messageOf(error) });
      return null;
    }
  });
  const own = await deps.deliver(request);
  return { v: 1, own, forwarded: await Promise.all(others) };
}
