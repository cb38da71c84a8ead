/** The channel object: log, cursors and calls. The decisions are the channel's own (sender.ts, fanout.ts); here they meet virtual time. */
import { planCalls, type Call } from "../durable-objects/channel/fanout.ts";
import { concluded, renewed, restored, type Sender } from "../durable-objects/channel/sender.ts";
import { deliverBytesMax, deliverTimeoutMs, publishTimeoutMs } from "../schemas/limits.ts";
import type { DeliverReply, DeliverRequest, InterestReply, InterestRequest } from "../schemas/rpc.ts";
import type { Agenda } from "./agenda.ts";
import type { Tally } from "./tally.ts";
import { Cpu, type Costs } from "./cpu.ts";
import { Healing } from "./healing.ts";
import { RunLog } from "./run-log.ts";
import type { Random } from "./random.ts";
import type { Relay } from "./relay.ts";
import { epoch } from "./views.ts";
import type { Site, Wire } from "./wire.ts";

/** As channel.ts asks its relays after a restart. */
const askRelaysAfterMs = 200;

export interface HubDeps {
  readonly agenda: Agenda;
  readonly wire: Wire;
  readonly tally: Tally;
  readonly costs: Costs;
  readonly random: Random;
  readonly site: Site;
  readonly eventBytes: number;
  relay(name: string): Relay;
}

export class Hub {
  readonly log: RunLog;
  readonly cpu: Cpu;
  readonly #deps: HubDeps;
  #senders = new Map<string, Sender>();
  readonly #healing: Healing;
  /** Answers to an earlier life reach nobody. */
  #life = 0;
  #wakeAt: number | undefined;

  constructor(deps: HubDeps) {
    this.#deps = deps;
    this.log = new RunLog(deps.eventBytes);
    this.cpu = new Cpu(deps.agenda);
    this.#healing = new Healing(deps.tally);
  }

  get site(): Site {
    return this.#deps.site;
  }

  /** `at`: when it was posted. */
  publish(count: number, at: number): void {
    const { tally, costs, agenda } = this.#deps;
    this.cpu.spend(costs.postMs + count * costs.postEventMs, () => {
      tally.posts += 1;
      tally.logRows += 1;
      if (agenda.now - at > publishTimeoutMs) tally.latePosts += 1;
      this.log.append(count, at);
      this.#kick();
    });
  }

  /** A registration or a renewal. */
  interest(request: InterestRequest): InterestReply {
    const { top, first } = this.log;
    const position = request.position === undefined ? top : Math.min(request.position.offset, top);
    const known = this.#senders.get(request.relay);
    const sender = renewed(known, { relay: request.relay, generation: request.generation, position }, this.#deps.agenda.now);
    this.#senders.set(request.relay, sender);
    if (known?.generation !== sender.generation) this.#deps.tally.interestRows += 1;
    this.#kick();
    return { v: 1, epoch, top, first };
  }

  /** Registrations are stored, cursors are not. */
  restart(): void {
    const { agenda } = this.#deps;
    this.#life += 1;
    this.#senders = new Map([...this.#senders.values()].map(({ relay, generation }) => [relay, restored(relay, generation, agenda.now)]));
    agenda.after(askRelaysAfterMs, () => this.#kick());
  }

  #kick(): void {
    const { agenda } = this.#deps;
    for (const { relay, leaseEndsAt } of this.#senders.values()) if (leaseEndsAt < agenda.now) this.#senders.delete(relay);
    const plan = planCalls([...this.#senders.values()], { top: this.log.top, first: this.log.first, now: agenda.now });
    if (plan.wakeAt !== undefined) this.#wake(plan.wakeAt);
    for (const call of plan.calls) this.#deliver(call);
  }

  #wake(time: number): void {
    if (this.#wakeAt !== undefined && this.#wakeAt <= time) return;
    this.#wakeAt = time;
    this.#deps.agenda.at(time, () => {
      if (this.#wakeAt !== time) return;
      this.#wakeAt = undefined;
      this.#kick();
    });
  }

  #deliver({ members, after }: Call): void {
    const { costs, agenda } = this.#deps;
    for (const sender of members) this.#senders.set(sender.relay, { ...sender, inFlight: true });
    const life = this.#life;
    const calledAt = agenda.now;
    this.cpu.spend(costs.callMs, () => {
      this.#call({ members, after }, (replies) => {
        if (life !== this.#life) return;
        members.forEach((sender, index) => this.#conclude(sender, { reply: replies[index], after }, calledAt));
        this.#kick();
      });
    });
  }

  #call({ members, after }: Call, done: (replies: readonly (DeliverReply | undefined)[]) => void): void {
    const { wire, tally, site, relay } = this.#deps;
    const [head, ...rest] = members;
    const request = this.#request(head, after);
    const to = rest.map(({ relay, generation }) => ({ relay: relay, generation }));
    const target = relay(head.relay);
    tally.directCalls += 1;
    tally.hubBytes += this.log.bytesOf(request.rows);
    wire.call<readonly (DeliverReply | undefined)[]>(
      { from: site, to: target.site, timeoutMs: deliverTimeoutMs },
      (answer) => target.forward({ v: 1, request, to }, answer),
      (replies) => this.cpu.spend(0, () => done(replies ?? [])),
    );
  }

  #request(sender: Sender, after: number | undefined): DeliverRequest {
    const base = { v: 1, stream: "opportunities", epoch, generation: sender.generation } as const;
    if (after === undefined) return { ...base, prev: this.log.top, reset: false, rows: [] };
    const reset = this.log.first > after + 1;
    const prev = reset ? this.log.first - 1 : after;
    return { ...base, prev, reset, rows: this.log.rowsAfter(prev, deliverBytesMax) };
  }

  #conclude(
    { relay, generation }: Sender,
    { reply, after }: { reply: DeliverReply | undefined; after: number | undefined },
    calledAt: number,
  ): void {
    const current = this.#senders.get(relay);
    if (current === undefined || current.generation !== generation) return;
    this.#healing.note(relay, reply, { calledAt, now: this.#deps.agenda.now });
    const clock = { now: this.#deps.agenda.now, random: this.#deps.random() };
    const next = concluded(current, { reply, after, top: this.log.top }, clock);
    if (next === undefined) this.#senders.delete(relay);
    else this.#senders.set(relay, next);
  }
}
