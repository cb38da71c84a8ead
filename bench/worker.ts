/** The Worker of the cost bench: the real one, counted. Beside it, under `/__bench/`, what a run needs to be steered and read; those
 *  requests use the uncounted bindings and are not counted themselves. */
import worker, { Channel as RealChannel, Relay as RealRelay } from "../worker.ts";
import type { RelayRpc } from "../schemas/rpc.ts";
import { countBatch, countBindings } from "./worker/bindings.ts";
import { control, roundTripMs } from "./worker/control.ts";
import { countHandler, countStorage } from "./worker/objects.ts";
import { placed } from "./worker/place.ts";
import { add } from "./worker/tally.ts";

for (const handler of ["alarm", "webSocketMessage"]) {
  countHandler(RealChannel.prototype, "Channel", handler);
  countHandler(RealRelay.prototype, "Relay", handler);
}

export class Channel extends RealChannel {
  constructor(ctx: DurableObjectState, env: Env) {
    countStorage("Channel", ctx);
    super(ctx, countBindings(env));
  }

  /** One machine has no distance in it; a run may ask for some. */
  protected override relay(name: string): RelayRpc {
    const relay = super.relay(name);
    const halfMs = roundTripMs(name) / 2;
    if (halfMs === 0) return relay;
    const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, halfMs));
    const there = async <T>(call: () => Promise<T>): Promise<T> => {
      await pause();
      const reply = await call();
      await pause();
      return reply;
    };
    return {
      deliver: (request) => there(() => relay.deliver(request)),
      forward: (request) => there(() => relay.forward(request)),
      members: (request) => there(() => relay.members(request)),
      drain: (request) => there(() => relay.drain(request)),
      serving: () => there(() => relay.serving()),
      revoke: (request) => there(() => relay.revoke(request)),
    };
  }
}

export class Relay extends RealRelay {
  constructor(ctx: DurableObjectState, env: Env) {
    countStorage("Relay", ctx);
    super(ctx, countBindings(env));
  }
}

export { Backup, Compaction, RateLimiter, Replay, Restore, Upstream } from "../worker.ts";

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname.startsWith("/__bench/")) return control(request, env);
    add("worker.fetch");
    return worker.fetch(placed(request), countBindings(env), ctx);
  },
  async queue(batch, env) {
    countBatch(batch);
    await worker.queue(batch, countBindings(env));
  },
} satisfies ExportedHandler<Env>;
