/** A hub and a relay joined by a wire that loses, delays, repeats and reorders: the real decisions of both sides, no platform.
 *  A client stands behind the relay and checks each offset it is shown. */
import { concluded, nextStep, renewed, restored, type Sender } from "../../durable-objects/channel/sender.ts";
import { decideDeliver, decideRenewal, nextGeneration, type StreamState } from "../../durable-objects/relay/stream-state.ts";
import { deliverTimeoutMs, renewEveryMs } from "../../schemas/limits.ts";
import { cutRow } from "../../schemas/row.ts";
import type { DeliverReply, DeliverRequest, InterestReply, InterestRequest, LogRow } from "../../schemas/rpc.ts";

type Parcel =
  | { kind: "deliver"; id: number; request: DeliverRequest }
  | { kind: "delivered"; id: number; reply: DeliverReply }
  | { kind: "interest"; asked: StreamState; request: InterestRequest }
  | { kind: "interested"; asked: StreamState; reply: InterestReply };

const relay = "relay:weur:0";
const epoch = "e1";

export class World {
  now = 1_764_000_000_000;
  readonly wire: Parcel[] = [];
  /** Jumps the client was told of: it reloads and goes on from there. */
  announced = 0;
  readonly faults: string[] = [];
  #rows: LogRow[] = [];
  #top = 0;
  #first = 1;
  #sender: Sender | undefined;
  /** What the hub has on disk. */
  #generationStored: number | undefined;
  #flight: { id: number; generation: number; sentAt: number; after: number | undefined } | undefined;
  #calls = 0;
  #state: StreamState = { phase: "idle", generation: 0, epoch: "", position: 0 };
  #renewedAt = 0;
  #joinedAt = 0;
  #clientNext: number | undefined;

  get position(): number {
    return this.#state.position;
  }
  get top(): number {
    return this.#top;
  }

  // ---- what may happen

  publish(count: number): void {
    this.#rows.push({
      first: this.#top + 1,
      count,
      at: this.now,
      stale: [],
      earlier: [],
      lines: Array.from({ length: count }, () => "{}").join("\n"),
    });
    this.#top += count;
    this.#pump();
  }

  trim(keep: number): void {
    this.#first = Math.max(this.#first, this.#top - keep + 1);
    this.#rows = this.#rows.flatMap((row) => cutRow(row, this.#first, this.#top) ?? []);
  }

  restartHub(): void {
    this.#flight = undefined;
    this.#sender = this.#generationStored === undefined ? undefined : restored(relay, this.#generationStored, this.now);
    this.#pump();
  }

  /** The relay dies with its sockets: the client comes back at the top, and says so. */
  restartRelay(): void {
    this.#state = { ...this.#state, phase: "idle" };
    this.#clientNext = undefined;
  }

  /** The relay is torn down while its sockets live: it wakes at the position it last wrote and sends its clients to resume from theirs. */
  wakeRelayBehind(by: number): void {
    if (this.#state.phase !== "live") return;
    const position = Math.max(this.#joinedAt, this.#state.position - by);
    this.#state = { ...this.#state, position };
    this.#clientNext = position + 1;
  }

  subscribe(): void {
    if (this.#state.phase !== "idle") return;
    this.#state = { ...this.#state, phase: "joining", generation: nextGeneration(this.#state.generation, this.now) };
    this.#renew();
  }

  tick(ms: number): void {
    this.now += ms;
    if (this.#flight !== undefined && this.now - this.#flight.sentAt >= deliverTimeoutMs) this.#endFlight(undefined);
    if (this.#state.phase !== "idle" && this.now - this.#renewedAt >= renewEveryMs) this.#renew();
    this.#pump();
  }

  /** Lets the parcel at `index` arrive; `repeat` leaves a copy behind. */
  arrive(index: number, repeat = false): void {
    const parcel = this.wire[index % Math.max(1, this.wire.length)];
    if (parcel === undefined) return;
    if (!repeat) this.wire.splice(this.wire.indexOf(parcel), 1);
    this.#receive(parcel);
  }

  lose(index: number): void {
    if (this.wire.length > 0) this.wire.splice(index % this.wire.length, 1);
  }

  /** From here on nothing goes wrong. */
  calm(ms: number): void {
    for (let passed = 0; passed < ms; passed += 250) {
      while (this.wire.length > 0) this.arrive(0);
      this.tick(250);
    }
  }

  // ---- both ends

  #receive(parcel: Parcel): void {
    switch (parcel.kind) {
      case "deliver":
        return void this.wire.push({ kind: "delivered", id: parcel.id, reply: this.#deliver(parcel.request) });
      case "delivered":
        return parcel.id === this.#flight?.id ? this.#endFlight(parcel.reply) : undefined;
      case "interest":
        return this.#interest(parcel.asked, parcel.request);
      case "interested":
        return this.#interested(parcel.asked, parcel.reply);
    }
  }

  #pump(): void {
    const sender = this.#sender;
    if (sender === undefined) return;
    const step = nextStep(sender, this.#top, this.now);
    if (step.kind !== "probe" && step.kind !== "send") return;
    const after = step.kind === "send" ? step.after : undefined;
    const reset = after !== undefined && this.#first > after + 1;
    const prev = reset ? this.#first - 1 : (after ?? this.#top);
    const rows = after !== undefined ? this.#rows.flatMap((row) => cutRow(row, prev + 1, this.#top) ?? []).slice(0, 3) : [];
    this.#calls += 1;
    this.#flight = { id: this.#calls, generation: sender.generation, sentAt: this.now, after };
    this.#sender = { ...sender, inFlight: true };
    this.wire.push({
      kind: "deliver",
      id: this.#calls,
      request: { v: 1, stream: "s", epoch, generation: sender.generation, prev, reset, rows },
    });
  }

  #endFlight(reply: DeliverReply | undefined): void {
    const flight = this.#flight;
    const sender = this.#sender;
    this.#flight = undefined;
    if (flight === undefined || sender === undefined || sender.generation !== flight.generation) return;
    const attempt = { reply, after: flight.after, top: this.#top };
    const next = concluded(sender, attempt, { now: this.now, random: 0.5 });
    this.#sender = next;
    if (next === undefined) this.#generationStored = undefined;
    this.#pump();
  }

  #renew(): void {
    this.#renewedAt = this.now;
    const asked = this.#state;
    const position = asked.phase === "live" ? { position: { epoch: asked.epoch, offset: asked.position } } : {};
    this.wire.push({ kind: "interest", asked, request: { v: 1, stream: "s", relay, generation: asked.generation, ...position } });
  }

  #interest(asked: StreamState, request: InterestRequest): void {
    const position = request.position?.epoch === epoch ? Math.min(request.position.offset, this.#top) : this.#top;
    const before = this.#sender;
    this.#sender = renewed(before, { relay, generation: request.generation, position }, this.now);
    if (this.#sender.generation !== before?.generation) this.#flight = undefined;
    this.#generationStored = this.#sender.generation;
    this.wire.push({ kind: "interested", asked, reply: { v: 1, epoch, top: this.#top, first: this.#first } });
    this.#pump();
  }

  #interested(asked: StreamState, reply: InterestReply): void {
    if (this.#state.phase === "joining" && this.#state.generation === asked.generation) {
      this.#state = { ...this.#state, phase: "live", epoch: reply.epoch, position: reply.top };
      this.#clientNext = reply.top + 1;
      this.#joinedAt = reply.top;
      return;
    }
    const jump = decideRenewal(asked, this.#state, reply);
    if (jump !== undefined) this.#jump(jump.jumpTo);
  }

  #deliver(request: DeliverRequest): DeliverReply {
    const decision = decideDeliver(this.#state, request);
    if (decision.kind === "refuse") return decision.reply;
    if (decision.jumpTo !== undefined) this.#jump(decision.jumpTo);
    for (const row of decision.rows) {
      if (row.first !== this.#clientNext) this.faults.push(`shown ${row.first} where ${this.#clientNext} was next`);
      this.#clientNext = row.first + row.count;
    }
    this.#state = { ...this.#state, epoch: decision.epoch, position: decision.position };
    return { v: 1, kind: "at", position: decision.position };
  }

  #jump(to: number): void {
    this.announced += 1;
    this.#clientNext = to + 1;
    this.#joinedAt = to;
    this.#state = { ...this.#state, position: to };
  }
}
