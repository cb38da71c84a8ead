/** What goes wrong, on demand. Tests, Worker and objects share one isolate under vitest, so a registry on globalThis reaches every
 *  instance, also the one that a death brings back. */
import type { Sink } from "../../channels/catalogue.ts";
import type { MembersReply } from "../../schemas/presence.ts";
import type { DeliverReply, DeliverRequest, ForwardReply, ForwardRequest, InterestReply } from "../../schemas/rpc.ts";

export interface Faults {
  /** Stands between hub and relay: may lose, delay, repeat or reorder. */
  deliver?: (relay: string, request: DeliverRequest, send: (request: DeliverRequest) => Promise<DeliverReply>) => Promise<DeliverReply>;
  /** The same for a call that its receiver brings on to others. */
  forward?: (relay: string, request: ForwardRequest, send: () => Promise<ForwardReply>) => Promise<ForwardReply>;
  /** Answers for a relay who listens. */
  members?: (relay: string) => Promise<MembersReply>;
  /** Stands between relay and hub when it registers or renews. */
  interest?: (send: () => Promise<InterestReply>) => Promise<InterestReply>;
  /** Stands before a queue of the outbox: may refuse, or send and then fail. */
  queue?: (sink: Sink, send: () => Promise<unknown>, messages: readonly MessageSendRequest[]) => Promise<unknown>;
  /** Called around the write of a batch's rows; `abort` kills the object. */
  append?: (when: "before" | "after", abort: () => void) => void;
  /** Runs before a publish is looked at, e.g. to stall it. */
  publish?: () => Promise<void>;
  /** Called before the Worker touches a D1 database; throws when it is down. */
  d1?: (binding: string, method: PropertyKey) => void;
  /** Stands before each R2 write. */
  r2Put?: (key: string, send: () => Promise<unknown>) => Promise<unknown>;
  /** Added to the Channel objects' clock. */
  skewMs?: number;
}

const registry = globalThis as typeof globalThis & { arbitragexFaults?: Faults };

export function currentFaults(): Faults {
  registry.arbitragexFaults ??= {};
  return registry.arbitragexFaults;
}

export function setFaults(faults: Faults): void {
  registry.arbitragexFaults = faults;
}
