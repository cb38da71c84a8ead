/** The Channel object: the one durable acceptance of a stream's events. This shell stores, sends and sets the alarm; what happens to an
 *  event is decided in sequence.ts, what goes to whom in outbox.ts and hub.ts. */
import { DurableObject } from "cloudflare:workers";
import type { Sink } from "../../channels/catalogue.ts";
import { bulkEventsPerSecond, historyReplyBytesMax, outboxBytesMax, safetyNetMs } from "../../schemas/limits.ts";
import type { OperationSlot } from "../../schemas/operations.ts";
import type { PresenceReply, PresenceRequest } from "../../schemas/presence.ts";
import type {
  AppliedRequest,
  ChannelRpc,
  ChannelStatus,
  HistoryReply,
  HistoryRequest,
  InterestReply,
  InterestRequest,
  LatestReply,
  LeaveRequest,
  PublishReply,
  PublishRequest,
  RelayRpc,
  SettledReply,
  StreamRequest,
} from "../../schemas/rpc.ts";
import { messageOf } from "../../platform/errors.ts";
import { logError, logWarning } from "../../platform/log.ts";
import { relayStub } from "../stubs.ts";
import { Bulk } from "./bulk.ts";
import { newEpoch } from "./epoch.ts";
import { historyOf } from "./history.ts";
import { Memory } from "./memory.ts";
import { dueOf, open, useOf, type Open } from "./open.ts";
import { delays, type Delays } from "./outbox.ts";
import { isRetired, retirementDue } from "./retirement.ts";
import { sequence } from "./sequence.ts";
import { ChannelStorage, type Identity } from "./storage.ts";
import { Waker } from "./waker.ts";

/** After a restart relays are asked where they stand, unless they have said so by then. */
const askRelaysAfterMs = 200;

export class Channel extends DurableObject<Env> implements ChannelRpc {
  protected readonly storage: ChannelStorage;
  #open: Open | undefined;
  /** Built at the first publish: readers do not need it. */
  #memory: Memory | undefined;
  readonly #bulk = new Bulk(bulkEventsPerSecond);
  readonly #waker = new Waker({
    now: () => this.now(),
    setAlarm: (time) => void this.ctx.storage.setAlarm(time),
    work: () => void this.#work(),
  });

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.storage = this.openStorage(ctx.storage);
    const identity = this.storage.identity();
    if (identity === undefined) return;
    const open = this.#reopen(identity);
    // Whoever wakes the object: what it had not handed over when it died goes on by itself.
    this.#wakeWhenDue(open);
    if (this.storage.interests().length > 0) setTimeout(() => open.hub.kick(), askRelaysAfterMs);
  }

  async publish(request: PublishRequest): Promise<PublishReply> {
    const now = this.now();
    const open = this.#openFor(request.stream);
    if (open.outbox.bytes > outboxBytesMax) return { v: 1, kind: "full", retryAfterMs: 5_000 };
    if (request.lane === "bulk") {
      const waitMs = this.#bulk.admit(request.events.length, now);
      if (waitMs > 0) return { v: 1, kind: "later", retryAfterMs: waitMs };
    }
    this.#memory ??= new Memory(this.storage, open.log, now);
    const plan = sequence(open.log.head, this.#memory.index, { events: request.events, now });
    const [first] = plan.rows;
    if (first !== undefined) {
      // Rows and alarm are written together: whatever dies now, the alarm hands the rows on.
      open.log.append(plan.head, plan.rows, { now, from: open.outbox.next });
      const bytes = plan.rows.reduce((sum, row) => sum + row.bytes, 0);
      open.outbox.added(first.first, bytes, now);
      this.#memory.record(plan.fresh, plan.head.at);
      this.#wakeWhenDue(open);
      await open.hub.announce();
    }
    return { v: 1, kind: "ok", epoch: open.identity.epoch, offsets: plan.offsets, duplicates: plan.duplicates };
  }

  async interest(request: InterestRequest): Promise<InterestReply> {
    const { hub, log, identity } = this.#openFor(request.stream);
    hub.renew(request);
    return { v: 1, epoch: identity.epoch, top: log.head.top, first: log.extent.first };
  }

  async leave(request: LeaveRequest): Promise<void> {
    this.#openFor(request.stream).hub.leave(request);
  }

  async history(request: HistoryRequest): Promise<HistoryReply> {
    const { log, identity } = this.#openFor(request.stream);
    return { v: 1, epoch: identity.epoch, top: log.head.top, first: log.extent.first, rows: historyOf(log, request, historyReplyBytesMax) };
  }

  async applied(request: AppliedRequest): Promise<void> {
    const open = this.#openFor(request.stream);
    // Marks of an epoch that ended settle nothing here.
    if (request.epoch !== open.identity.epoch) return;
    open.settlement.apply({ applied: request.ranges, incomplete: request.incomplete ?? [] }, this.now());
    this.#wakeWhenDue(open);
  }

  async settled(request: StreamRequest): Promise<SettledReply> {
    const { settlement, log, identity, applies } = this.#openFor(request.stream);
    const { top } = log.head;
    const offset = applies ? settlement.state.offset : top;
    return { v: 1, epoch: identity.epoch, offset, top, first: log.extent.first, incomplete: settlement.state.incomplete };
  }

  async latest(request: StreamRequest): Promise<LatestReply> {
    const { log, identity } = this.#openFor(request.stream);
    const event = log.latest();
    return { v: 1, epoch: identity.epoch, top: log.head.top, ...(event === undefined ? {} : { event }) };
  }

  async presence(request: PresenceRequest): Promise<PresenceReply> {
    return this.#openFor(request.stream).presence.of(request);
  }

  async status(request: StreamRequest): Promise<ChannelStatus> {
    const { identity, log, outbox, hub } = this.#openFor(request.stream);
    const { offset } = await this.settled(request);
    return {
      v: 1,
      stream: identity.stream,
      epoch: identity.epoch,
      top: log.head.top,
      first: log.extent.first,
      logBytes: log.extent.bytes,
      outbox: outbox.depths(),
      settled: offset,
      relays: hub.relays(),
    };
  }

  // ---- work: handing over, healing, writing down

  override async alarm(): Promise<void> {
    this.#waker.alarmed();
    await this.#work();
  }

  /** Never throws: an alarm that failed seven times is gone. */
  async #work(): Promise<void> {
    const open = this.#open;
    if (open === undefined) return;
    // Armed again before the work: were it to die in the middle of it, the next one is already set.
    if (this.#due(open) !== undefined) this.#waker.at(this.now() + safetyNetMs);
    try {
      await this.#handOver(open);
      if (isRetired(useOf(open), this.now())) return await this.#retire();
      this.#wakeWhenDue(open);
    } catch (error) {
      logError("channel.work.failed", { stream: open.identity.stream, reason: messageOf(error) });
      this.#waker.at(this.now() + 1_000);
    }
  }

  /** Operations that whoever counts them has not written yet. */
  protected unsaved(): readonly OperationSlot[] {
    return [];
  }

  async #handOver({ hub, outbox, log, progress, settlement, identity, applies }: Open): Promise<void> {
    hub.kick();
    this.#memory?.flush(this.now());
    if (applies) {
      const redrive = settlement.check(this.now(), { handedOver: outbox.nextOf("hot-cache"), first: log.extent.first });
      if (redrive.kind !== "none")
        logWarning("channel.settlement.stuck", { stream: identity.stream, kind: redrive.kind, settled: settlement.state.offset });
      if (redrive.kind === "again") outbox.rewind("hot-cache", redrive.from);
    }
    await outbox.flush(this.now());
    progress.save(this.now(), this.unsaved());
    log.trim(outbox.next);
  }

  #due(open: Open): number | undefined {
    return dueOf(open, this.#memory, this.now());
  }

  #wakeWhenDue(open: Open): void {
    const due = this.#due(open) ?? retirementDue(useOf(open), this.now());
    if (due !== undefined) this.#waker.at(due);
  }

  /** As if it had never been: whoever publishes again begins an epoch. */
  async #retire(): Promise<void> {
    await this.storage.deleteAll();
    this.#open = undefined;
    this.#memory = undefined;
    this.#waker.alarmed();
  }

  // ---- opening

  #openFor(stream: string): Open {
    const open = this.#open;
    if (open !== undefined && open.identity.stream !== stream) throw new Error(`this channel is ${open.identity.stream}, not ${stream}`);
    if (open === undefined) return this.#begin(stream);
    const isOver = open.log.isForgotten(this.now()) && open.outbox.next > open.log.head.top;
    return isOver ? this.#begin(stream) : open;
  }

  /** A new stream, or a new epoch of one that nobody used for a month. */
  #begin(stream: string): Open {
    const now = this.now();
    this.storage.clearForNewEpoch();
    const identity: Identity = { v: 1, stream, epoch: newEpoch(now, Math.random()), createdAt: now };
    this.storage.write("identity", identity);
    this.#memory = undefined;
    return this.#reopen(identity);
  }

  #reopen(identity: Identity): Open {
    const world = {
      now: () => this.now(),
      wakeAt: (time: number) => this.#waker.at(time),
      relay: (name: string) => this.relay(name),
      queue: (sink: Sink) => this.queue(sink),
      delays: this.delays(),
    };
    return (this.#open = open(identity, this.storage, world));
  }

  // ---- the world outside, replaced by tests that lose, delay and reorder

  protected openStorage(storage: DurableObjectStorage): ChannelStorage {
    return new ChannelStorage(storage);
  }
  protected delays(): Delays {
    return delays;
  }
  protected now(): number {
    return Date.now();
  }
  protected relay(name: string): RelayRpc {
    return relayStub(this.env, name);
  }
  protected queue(sink: Sink): Queue {
    return sink === "hot-cache" ? this.env.HOT_CACHE : this.env.EVENT_LOG;
  }
}
