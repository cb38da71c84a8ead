/** A relay: joins and renews, takes what the hub or a carrier brings, carries for others. The decisions are the relay's own
 *  (stream-state.ts); here they meet virtual time. When it shows what it took is flusher.ts's, clients who return are returns.ts's. */
import { hubTimeoutMs } from "../durable-objects/relay/bounds.ts";
import { decideDeliver, decideRenewal, nextGeneration, type StreamState } from "../durable-objects/relay/stream-state.ts";
import { forwardTimeoutMs, renewEveryMs } from "../schemas/limits.ts";
import type { DeliverReply, DeliverRequest, ForwardRequest, InterestReply } from "../schemas/rpc.ts";
import type { Agenda } from "./agenda.ts";
import { Audience, type TakenRow } from "./audience.ts";
import type { Tally } from "./tally.ts";
import { Cpu, type Costs } from "./cpu.ts";
import type { Clients } from "./crowd.ts";
import { Flusher } from "./flusher.ts";
import type { Hub } from "./hub.ts";
import type { Random } from "./random.ts";
import { Returns } from "./returns.ts";
import type { FrameBytes } from "./views.ts";
import type { Site, Wire } from "./wire.ts";

export interface RelayDeps {
  readonly agenda: Agenda;
  readonly wire: Wire;
  readonly tally: Tally;
  readonly costs: Costs;
  readonly random: Random;
  readonly frameBytes: FrameBytes;
  readonly eventBytes: number;
  readonly jitter: number;
  readonly hub: Hub;
  peer(name: string): Relay;
}

const unborn: StreamState = { phase: "idle", generation: 0, epoch: "", position: 0 };

export class Relay {
  readonly name: string;
  readonly site: Site;
  readonly cpu: Cpu;
  readonly audience: Audience;
  readonly returns: Returns;
  /** Calls that it took or made: work that is not sending. */
  calls = 0;
  /** Clients on their way here. */
  reserved = 0;
  readonly #deps: RelayDeps;
  readonly #flusher: Flusher;
  #state = unborn;
  /** What was planned in an earlier life does not happen. */
  #life = 0;

  constructor(name: string, site: Site, deps: RelayDeps) {
    const { agenda, costs, tally, frameBytes, jitter, eventBytes } = deps;
    this.name = name;
    this.site = site;
    this.#deps = deps;
    this.cpu = new Cpu(agenda);
    this.audience = new Audience({ region: site.region, costs, tally, frameBytes, jitter });
    this.returns = new Returns(this, deps);
    this.#flusher = new Flusher({ agenda, cpu: this.cpu, eventBytes, show: (rows) => this.#show(rows) });
  }

  get isLive(): boolean {
    return this.#state.phase === "live";
  }

  /** Everything is shown that the log holds. */
  isAt(top: number): boolean {
    return this.isLive && this.#flusher.isEmpty && this.audience.shown === top && this.returns.isEmpty;
  }

  // ---- joining and renewing

  join(): void {
    if (this.#state.phase !== "idle") return;
    const { agenda, random } = this.#deps;
    this.#state = { ...this.#state, phase: "joining", generation: nextGeneration(this.#state.generation, agenda.now) };
    this.#ask();
    const life = this.#life;
    agenda.after(renewEveryMs * random(), () => this.#alarm(life));
  }

  #ask(): void {
    const life = this.#life;
    this.#interest((asked, reply) => {
      if (life !== this.#life || this.#state.phase !== "joining" || asked.generation !== this.#state.generation) return;
      if (reply === undefined) return this.#ask();
      this.#state = { ...this.#state, phase: "live", epoch: reply.epoch, position: reply.top };
      this.audience.moveTo(reply.top);
      this.returns.joined(reply.top);
    });
  }

  #alarm(life: number): void {
    if (life !== this.#life) return;
    const { agenda, tally } = this.#deps;
    tally.alarms += 1;
    // Set again before the work, and billed like a row.
    tally.alarmRows += 1;
    agenda.after(renewEveryMs, () => this.#alarm(life));
    if (!this.isLive) return;
    this.#interest((asked, reply) => {
      const jump = life !== this.#life || reply === undefined ? undefined : decideRenewal(asked, this.#state, reply);
      if (jump !== undefined) this.#jump(jump.jumpTo);
    });
  }

  #interest(done: (asked: StreamState, reply: InterestReply | undefined) => void): void {
    const { hub, wire, costs, tally } = this.#deps;
    const asked = this.#state;
    const position = asked.phase === "live" ? { position: { epoch: asked.epoch, offset: asked.position } } : {};
    const request = { v: 1, stream: "opportunities", relay: this.name, generation: asked.generation, ...position } as const;
    tally.interestCalls += 1;
    this.calls += 1;
    this.cpu.spend(costs.callMs, () => {
      wire.call<InterestReply>(
        { from: this.site, to: hub.site, timeoutMs: hubTimeoutMs },
        (answer) => hub.cpu.spend(costs.callMs, () => answer(hub.interest(request))),
        (reply) => done(asked, reply),
      );
    });
  }

  // ---- taking and carrying

  /** Its own answer first, then those of the relays it carried for; undefined where one did not answer in time. */
  forward({ request, to }: ForwardRequest, answer: (replies: readonly (DeliverReply | undefined)[]) => void): void {
    const { agenda, costs } = this.#deps;
    this.cpu.turn(() => {
      const { reply, costMs } = this.#take(request, undefined);
      const replies: (DeliverReply | undefined)[] = [reply];
      let open = to.length;
      if (open === 0) agenda.after(costMs, () => answer(replies));
      to.forEach(({ relay, generation }, index) => {
        agenda.after(costMs + (index + 1) * costs.callMs, () =>
          this.#carry({ ...request, generation }, relay, (other) => {
            replies[index + 1] = other;
            open -= 1;
            if (open === 0) this.cpu.spend(0, () => answer(replies));
          }),
        );
      });
      return costMs + to.length * costs.callMs;
    });
  }

  #carry(request: DeliverRequest, relay: string, done: (reply: DeliverReply | undefined) => void): void {
    const { wire, tally, hub, peer } = this.#deps;
    const target = peer(relay);
    this.calls += 1;
    tally.carriedCalls += 1;
    tally.carriedBytes += hub.log.bytesOf(request.rows);
    const trip = { from: this.site, to: target.site, timeoutMs: forwardTimeoutMs };
    wire.call<DeliverReply>(trip, (answer) => target.deliver(request, this.name, answer), done);
  }

  deliver(request: DeliverRequest, carrier: string, answer: (reply: DeliverReply) => void): void {
    this.cpu.turn(() => {
      const { reply, costMs } = this.#take(request, carrier);
      this.#deps.agenda.after(costMs, () => answer(reply));
      return costMs;
    });
  }

  #take(request: DeliverRequest, carrier: string | undefined): { reply: DeliverReply; costMs: number } {
    const { agenda, costs, tally } = this.#deps;
    this.calls += 1;
    const decision = decideDeliver(this.#state, request);
    if (decision.kind === "refuse") return { reply: decision.reply, costMs: costs.callMs };
    let costMs = costs.callMs;
    if (decision.jumpTo !== undefined) costMs += this.#jump(decision.jumpTo);
    this.#state = { ...this.#state, epoch: decision.epoch, position: decision.position };
    if (carrier === undefined) tally.rowsDirect += decision.rows.length;
    else tally.rowsCarried += decision.rows.length;
    costMs += this.#flusher.add(decision.rows.map((row) => ({ row, takenAt: agenda.now, carrier })));
    return { reply: { v: 1, kind: "at", position: decision.position }, costMs };
  }

  /** Subscribers are told that what lies between is lost. */
  #jump(to: number): number {
    const costMs = this.#flusher.flush();
    this.#deps.tally.announced += 1;
    this.#state = { ...this.#state, position: to };
    this.audience.moveTo(to);
    return costMs;
  }

  #show(rows: readonly TakenRow[]): number {
    const costMs = this.audience.flush(rows, this.#deps.agenda.now);
    this.returns.caughtUp();
    return costMs;
  }

  // ---- dying

  /** Its sockets are cut. Answers who they were, and up to where they had been shown everything. */
  die(): { clients: Clients[]; shown: number } {
    this.#life += 1;
    this.#state = { ...this.#state, phase: "idle" };
    this.#flusher.drop();
    this.returns.empty();
    return { clients: this.audience.empty(), shown: this.audience.shown };
  }
}
