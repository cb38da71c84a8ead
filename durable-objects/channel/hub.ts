/** Fans the log out to the relays that registered interest. Publishing never waits for a relay: each has its own cursor and loop. */
import { deliverBytesMax, deliverTimeoutMs } from "../../schemas/limits.ts";
import type { DeliverReply, DeliverRequest, InterestRequest, LeaveRequest, RelayRpc } from "../../schemas/rpc.ts";
import { messageOf } from "../../platform/errors.ts";
import { logWarning } from "../../platform/log.ts";
import { withTimeout } from "../../platform/timeout.ts";
import { planCalls, type Call } from "./fanout.ts";
import { KeptStubs } from "./kept-stubs.ts";
import type { Log } from "./log.ts";
import { concluded, renewed, restored, type Sender } from "./sender.ts";
import type { ChannelStorage, Identity } from "./storage.ts";
import { Yielding } from "./yielding.ts";

export interface HubDeps {
  readonly storage: ChannelStorage;
  readonly log: Log;
  /** A fresh stub. */
  relay(name: string): RelayRpc;
  now(): number;
  /** Asks for an alarm no later than this. */
  wakeAt(time: number): void;
}

export class Hub {
  readonly #identity: Identity;
  readonly #deps: HubDeps;
  readonly #senders: Map<string, Sender>;
  readonly #stubs: KeptStubs<RelayRpc>;
  readonly #yielding: Yielding;

  constructor(identity: Identity, deps: HubDeps) {
    this.#identity = identity;
    this.#deps = deps;
    this.#stubs = new KeptStubs((name) => deps.relay(name));
    this.#yielding = new Yielding(() => deps.now());
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
    this.kick();
  }

  leave(request: LeaveRequest): void {
    const known = this.#senders.get(request.relay);
    // A late leave never beats a fresh registration.
    if (known !== undefined && known.generation <= request.generation) this.#drop(request.relay);
  }

  /** Something was written, answered or is due: every relay that is not busy gets what it lacks. */
  kick(): void {
    const { log, now, wakeAt } = this.#deps;
    this.#dropExpired(now());
    const plan = planCalls([...this.#senders.values()], { top: log.head.top, first: log.extent.first, now: now() });
    if (plan.wakeAt !== undefined) wakeAt(plan.wakeAt);
    for (const call of plan.calls) void this.#deliver(call);
  }

  /** Something was written: resolves when the relays have been called, not when they answer. On a thread that they share with whoever published,
   *  the work of its answer would come before theirs, and it is the news that must be fast. At once when none is called, or the loop is busy. */
  async announce(): Promise<void> {
    this.kick();
    if ([...this.#senders.values()].some(({ inFlight }) => inFlight)) await this.#yielding.turn();
  }

  async #deliver({ members, after }: Call): Promise<void> {
    for (const sender of members) this.#senders.set(sender.relay, { ...sender, inFlight: true });
    const replies = await this.#call(members, after);
    members.forEach((sender, index) => this.#conclude(sender, replies[index], after));
    this.kick();
  }

  #conclude({ relay, generation }: Sender, reply: DeliverReply | undefined, after: number | undefined): void {
    const current = this.#senders.get(relay);
    // A newer registration has taken over: its own cursor counts.
    if (current === undefined || current.generation !== generation) return;
    if (reply === undefined) logWarning("channel.deliver.failed", { stream: this.#identity.stream, relay, failures: current.failures + 1 });
    const attempt = { reply, after, top: this.#deps.log.head.top };
    const next = concluded(current, attempt, { now: this.#deps.now(), random: Math.random() });
    if (next === undefined) this.#drop(relay);
    else this.#senders.set(relay, next);
  }

  #request(sender: Sender, after: number | undefined): DeliverRequest {
    const { stream, epoch } = this.#identity;
    const { log } = this.#deps;
    const base = { v: 1, stream, epoch, generation: sender.generation } as const;
    if (after === undefined) return { ...base, prev: log.head.top, reset: false, rows: [] };
    // The log no longer reaches back to the relay: it must tell its clients.
    const reset = log.extent.first > after + 1;
    const prev = reset ? log.extent.first - 1 : after;
    return { ...base, prev, reset, rows: log.rowsAfter(prev, deliverBytesMax) };
  }

  /** A reply per member, undefined where there is none. Never throws, neither where a relay fails nor where our own log can't be read:
   *  either is tried again. */
  async #call([head, ...rest]: Call["members"], after: number | undefined): Promise<readonly (DeliverReply | undefined)[]> {
    try {
      const request = this.#request(head, after);
      if (rest.length === 0) return [await this.#ask(head, (stub) => stub.deliver(request))];
      const to = rest.map(({ relay, generation }) => ({ relay, generation }));
      const { own, forwarded } = await this.#ask(head, (stub) => stub.forward({ v: 1, request, to }));
      return [own, ...forwarded.map((reply) => reply ?? undefined)];
    } catch (error) {
      logWarning("channel.call.failed", { stream: this.#identity.stream, relay: head.relay, reason: messageOf(error) });
      return [];
    }
  }

  #ask<T>({ relay }: Sender, call: (stub: RelayRpc) => Promise<T>): Promise<T> {
    return this.#stubs.ask(relay, (stub) => withTimeout(call(stub), deliverTimeoutMs, relay));
  }

  #dropExpired(now: number): void {
    for (const { relay, leaseEndsAt } of this.#senders.values()) if (leaseEndsAt < now) this.#drop(relay);
  }

  #drop(relay: string): void {
    this.#senders.delete(relay);
    this.#stubs.forget(relay);
    this.#deps.storage.dropInterest(relay);
  }
}
