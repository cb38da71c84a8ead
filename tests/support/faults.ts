/** What goes wrong, on demand. Tests, Worker and objects share one isolate under vitest, so a registry on globalThis reaches every
 *  instance, also the one that a death brings back. */
import type { Sink } from "../../channels/catalogue.ts";
import type { DeliverReply, DeliverRequest } from "../../schemas/rpc.ts";

export interface Faults {
  /** Stands between hub and relay: may lose, delay, repeat or reorder. */
  deliver?: (relay: string, request: DeliverRequest, send: (request: DeliverRequest) => Promise<DeliverReply>) => Promise<DeliverReply>;
  /** Stands before a queue: may refuse or send and then fail. */
  queue?: (sink: Sink, send: () => Promise<unknown>, messages: readonly MessageSendRequest[]) => Promise<unknown>;
  /** Called around the write of a batch's rows; `abort` kills the object. */
  append?: (when: "before" | "after", abort: () => void) => void;
  /** Runs before a publish is looked at, e.g. to stall it. */
  publish?: () => Promise<void>;
  /** Added to the objects' clock. */
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
