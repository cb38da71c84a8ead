/** Fans the log out to the relays that registered interest. Publishing never waits for a relay: each has its own cursor and loop. */
import { deliverBytesMax, deliverTimeoutMs } from "../../schemas/limits.ts";
import type { DeliverRequest, InterestRequest, LeaveRequest, RelayRpc } from "../../schemas/rpc.ts";
import { messageOf } from "../../platform/errors.ts";
import { logWarning } from "../../platform/log.ts";
import { withTimeout } from "../../platform/timeout.ts";
import type { Log } from "./log.ts";
import { answered, failed, nextStep, renewed, restored, type Sender } from "./sender.ts";
import type { ChannelStorage, Identity } from "./storage.ts";

export interface HubDeps {
  readonly storage: ChannelStorage;
  readonly log: Log;
  /** A fresh stub each time: a stub dies with its first exception. */
  relay(name: string): RelayRpc;
  now(): number;
  /** Asks for an alarm no later than this. */
  wakeAt(time: number): void;
}

export class Hub {
  readonly #identity: Identity;
  readonly #deps: HubDeps;
  readonly #senders: Map<string, Sender>;

  constructor(identity: Identity, deps: HubDeps) {
    this.#identity = identity;
    this.#deps = deps;
    const now = deps.now();
    this.#senders = new Map(deps.storage.interests().map(({ relay, generation }) => [relay, restored(relay, generation, now)]));
  }

  relays(): { relay: string; position: number; behind: boolean }[] {
    return [...this.#senders.values()].map(({ relay, position = 0, failures }) => ({ relay, position, behind: failures > 0 }));
  }

  /** A registration or a renewal; either is answered with where the stream stands. */
  renew(request: InterestRequest): void {
    const now = this.#deps.now();
    const known = this.#senders.get(request.relay);
    const { top } = this.#deps.log.head;
    // A relay that knows another epoch has lost it: it stands at the top, like one that joins.
    const position = request.position?.epoch === this.#identity.epoch ? Math.min(request.position.offset, top) : top;
    const sender = renewed(known, { relay: request.relay, generation: request.generation, position }, now);
    this.#senders.set(request.relay, sender);
    if (known?.generation !== sender.generation) this.#deps.storage.putInterest(sender.relay, sender.generation);
    this.#dropExpired(now);
    this.#pump(sender.relay);
  }

  leave(request: LeaveRequest): void {
    const known = this.#senders.get(request.relay);
    // A late leave never beats a fresh registration.
    if (known !== undefined && known.generation <= request.generation) this.#drop(request.relay);
  }

  /** Something was written, or an alarm came: every relay that is not busy gets what it lacks. */
  kick(): void {
    for (const relay of this.#senders.keys()) this.#pump(relay);
  }

  #pump(relay: string): void {
    const sender = this.#senders.get(relay);
    if (sender === undefined) return;
    const now = this.#deps.now();
    if (sender.leaseEndsAt < now) {
      this.#drop(relay);
      return;
    }
    const step = nextStep(sender, this.#deps.log.head.top, now);
    switch (step.kind) {
      case "idle":
        return;
      case "wait":
        this.#deps.wakeAt(step.until);
        return;
      case "probe":
        void this.#deliver(sender, { after: this.#deps.log.head.top, rows: false });
        return;
      case "send":
        void this.#deliver(sender, { after: step.after, rows: true });
    }
  }

  async #deliver(sender: Sender, what: { after: number; rows: boolean }): Promise<void> {
    this.#senders.set(sender.relay, { ...sender, inFlight: true });
    const settled = await this.#call(sender, this.#request(sender, what));
    const current = this.#senders.get(sender.relay);
    // A newer registration has taken over: its own cursor counts.
    if (current === undefined || current.generation !== sender.generation) return;
    const now = this.#deps.now();
    const stuck = settled?.kind === "at" && what.rows && settled.position <= what.after && settled.position < this.#deps.log.head.top;
    const next = settled === undefined || stuck ? failed(current, now, Math.random()) : answered(current, settled, now);
    if (next === undefined) this.#drop(sender.relay);
    else this.#senders.set(sender.relay, stuck ? { ...next, position: settled.position } : next);
    this.#pump(sender.relay);
  }

  #request(sender: Sender, { after, rows }: { after: number; rows: boolean }): DeliverRequest {
    const { stream, epoch } = this.#identity;
    const base = { v: 1, stream, epoch, generation: sender.generation } as const;
    if (!rows) return { ...base, prev: after, reset: false, rows: [] };
    const first = this.#deps.log.extent.first;
    // The log no longer reaches back to the relay: it must tell its clients.
    const reset = first > after + 1;
    const prev = reset ? first - 1 : after;
    return { ...base, prev, reset, rows: this.#deps.log.rowsAfter(prev, deliverBytesMax) };
  }

  async #call(sender: Sender, request: DeliverRequest): Promise<Awaited<ReturnType<RelayRpc["deliver"]>> | undefined> {
    try {
      return await withTimeout(this.#deps.relay(sender.relay).deliver(request), deliverTimeoutMs, sender.relay);
    } catch (error) {
      logWarning("channel.deliver.failed", {
        stream: request.stream,
        relay: sender.relay,
        failures: sender.failures + 1,
        reason: messageOf(error),
      });
      return undefined;
    }
  }

  #dropExpired(now: number): void {
    for (const { relay, leaseEndsAt } of this.#senders.values()) if (leaseEndsAt < now) this.#drop(relay);
  }

  #drop(relay: string): void {
    this.#senders.delete(relay);
    this.#deps.storage.dropInterest(relay);
  }
}
