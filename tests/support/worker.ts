/** The Worker under test: the real one, whose objects ask tests/support/faults.ts what goes wrong. */
import { BilledChannel as RealChannel } from "../../durable-objects/channel/billed.ts";
import { ChannelStorage } from "../../durable-objects/channel/storage.ts";
import type { Delays } from "../../durable-objects/channel/outbox.ts";
import type { Sink } from "../../channels/catalogue.ts";
import { BilledRelay as RealRelay } from "../../durable-objects/relay/billed.ts";
import type { ChannelRpc, PublishReply, PublishRequest, RelayRpc } from "../../schemas/rpc.ts";
import edge from "../../worker.ts";
import { currentFaults } from "./faults.ts";
import { countStart } from "./starts.ts";
import { faultyEnv } from "./faulty-env.ts";

export { Backup, Compaction, RateLimiter, Replay, Restore, Upstream } from "../../worker.ts";

export default {
  fetch: (request, env, context) => edge.fetch(request, faultyEnv(env), context),
  queue: (batch, env) => edge.queue(batch, faultyEnv(env)),
  scheduled: (controller, env) => edge.scheduled(controller, faultyEnv(env)),
} satisfies ExportedHandler<Env>;

/** The way to a relay, from the hub or from another relay. */
function faultyRelay(name: string, real: RelayRpc): RelayRpc {
  return {
    deliver: (request) => {
      const send = (what: typeof request) => real.deliver(what);
      return currentFaults().deliver?.(name, request, send) ?? send(request);
    },
    forward: (request) => {
      const send = () => real.forward(request);
      return currentFaults().forward?.(name, request, send) ?? send();
    },
    members: (request) => currentFaults().members?.(name) ?? real.members(request),
    drain: (request) => real.drain(request),
    serving: () => real.serving(),
    revoke: (request) => real.revoke(request),
  };
}

export class Relay extends RealRelay {
  constructor(context: DurableObjectState, env: Env) {
    countStart();
    super(context, env);
  }

  protected override peer(name: string): RelayRpc {
    return faultyRelay(name, super.peer(name));
  }

  protected override hub(stream: string): ChannelRpc {
    const real = super.hub(stream);
    return {
      publish: (request) => real.publish(request),
      interest: (request) => {
        const send = () => real.interest(request);
        return currentFaults().interest?.(send) ?? send();
      },
      leave: (request) => real.leave(request),
      history: (request) => real.history(request),
      applied: (request) => real.applied(request),
      settled: (request) => real.settled(request),
      latest: (request) => real.latest(request),
      presence: (request) => real.presence(request),
      status: (request) => real.status(request),
    };
  }
}

class FaultyStorage extends ChannelStorage {
  readonly #abort: () => void;

  constructor(storage: DurableObjectStorage, abort: () => void) {
    super(storage);
    this.#abort = abort;
  }

  override atomically(statements: number, work: () => void): void {
    currentFaults().append?.("before", this.#abort);
    super.atomically(statements, work);
    currentFaults().append?.("after", this.#abort);
  }
}

export class Channel extends RealChannel {
  override async publish(request: PublishRequest): Promise<PublishReply> {
    await currentFaults().publish?.();
    return await super.publish(request);
  }

  protected override openStorage(storage: DurableObjectStorage): ChannelStorage {
    return new FaultyStorage(storage, () => this.ctx.abort("killed by a test"));
  }

  /** Long enough to pack what comes in a burst, short enough that no test waits for it. */
  protected override delays(): Delays {
    return { "hot-cache": 100, "event-log": 100 };
  }

  protected override now(): number {
    return Date.now() + (currentFaults().skewMs ?? 0);
  }

  protected override relay(name: string): RelayRpc {
    return faultyRelay(name, super.relay(name));
  }

  protected override queue(sink: Sink): Queue {
    const real = super.queue(sink);
    return new Proxy(real, {
      get: (target, property) => {
        if (property !== "sendBatch") return Reflect.get(target, property);
        return (messages: Iterable<MessageSendRequest>) => {
          const all = [...messages];
          const send = () => target.sendBatch(all);
          return currentFaults().queue?.(sink, send, all) ?? send();
        };
      },
    });
  }
}
