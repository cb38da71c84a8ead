/** The Channel object: the one durable acceptance of a stream's events. This shell stores, sends and sets the alarm; what happens to an
 *  event is decided in sequence.ts, what goes to whom in outbox.ts and hub.ts. */
import { DurableObject } from "cloudflare:workers";
import { findStream, type Sink } from "../../channels/catalogue.ts";
import {
  bulkEventsPerSecond,
  dedupeWindowMs,
  flushDelayMs,
  historyReplyBytesMax,
  outboxBytesMax,
  trimEveryMs,
} from "../../schemas/limits.ts";
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
import { Hub } from "./hub.ts";
import { Log } from "./log.ts";
import { Memory } from "./memory.ts";
import { Outbox } from "./outbox.ts";
import { sequence } from "./sequence.ts";
import { Settlement } from "./settlement.ts";
import { ChannelStorage, type Identity } from "./storage.ts";

/** Everything of a channel that is in use: one stream in one epoch. */
interface Open {
  readonly identity: Identity;
  readonly log: Log;
  readonly outbox: Outbox;
  readonly hub: Hub;
  readonly settlement: Settlement;
  readonly applies: boolean;
}

export class Channel extends DurableObject<Env> implements ChannelRpc {
  protected readonly storage: ChannelStorage;
  #open: Open | undefined;
  /** Built at the first publish: readers do not need it. */
  #memory: Memory | undefined;
  /** The earliest alarm this instance has set; undefined when it knows of none. */
  #alarmAt: number | undefined;
  #outboxBytes = 0;
  #trimmedAt = 0;
  readonly #bulk = new Bulk(bulkEventsPerSecond);

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.storage = this.openStorage(ctx.storage.sql);
    const identity = this.storage.identity();
    if (identity === undefined) return;
    const { outbox, log } = this.#reopen(identity);
    // Whoever wakes the object: what it had not handed over when it died goes on by itself.
    if (outbox.next <= log.head.top || this.storage.interests().length > 0) this.#wakeAt(this.now() + flushDelayMs);
  }

  async publish(request: PublishRequest): Promise<PublishReply> {
    const now = this.now();
    const open = this.#openFor(request.stream);
    if (this.#outboxBytes > outboxBytesMax) return { v: 1, kind: "full", retryAfterMs: 5_000 };
    if (request.lane === "bulk") {
      const waitMs = this.#bulk.admit(request.events.length, now);
      if (waitMs > 0) return { v: 1, kind: "later", retryAfterMs: waitMs };
    }
    this.#memory ??= new Memory(this.storage, open.log, now);
    const plan = sequence(open.log.head, this.#memory.index, { events: request.events, now });
    if (plan.rows.length > 0) {
      // Rows and alarm are written together: whatever dies now, the alarm hands the rows on.
      open.log.append(plan.head, plan.rows);
      this.#wakeAt(now + flushDelayMs);
      this.#memory.record(plan.fresh, plan.head.at);
      if (open.outbox.hasQueues) this.#outboxBytes += plan.rows.reduce((sum, row) => sum + row.bytes, 0);
      open.hub.kick();
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
    const { settlement, identity } = this.#openFor(request.stream);
    // Marks of an epoch that ended settle nothing here.
    if (request.epoch === identity.epoch) settlement.apply({ applied: request.ranges, incomplete: request.incomplete ?? [] }, this.now());
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

  // ---- the one alarm

  /** Hands over, heals, trims. Never throws: an alarm that failed seven times is gone. */
  override async alarm(): Promise<void> {
    this.#alarmAt = undefined;
    const open = this.#open;
    if (open === undefined) return;
    // Armed again before the work: were it to die in the middle of it, the next one is already set.
    if (open.outbox.next <= open.log.head.top) this.#wakeAt(this.now() + flushDelayMs);
    try {
      open.hub.kick();
      await this.#handOver(open);
      this.#trim(open);
    } catch (error) {
      logError("channel.alarm.failed", { stream: open.identity.stream, reason: messageOf(error) });
      this.#wakeAt(this.now() + 1_000);
    }
    const due = this.#due(open);
    if (due !== undefined) this.#wakeAt(due);
  }

  async #handOver({ outbox, log, settlement, identity, applies }: Open): Promise<void> {
    this.#memory?.flush(this.now());
    await outbox.flush(this.now());
    this.#outboxBytes = outbox.hasQueues ? this.storage.bytesFrom(outbox.next) : 0;
    if (!applies) return;
    const handedOver = outbox.nextOf("hot-cache");
    const redrive = settlement.check(this.now(), { handedOver, first: log.extent.first });
    if (redrive.kind !== "none")
      logWarning("channel.settlement.stuck", { stream: identity.stream, kind: redrive.kind, settled: settlement.state.offset });
    if (redrive.kind === "again") outbox.rewind("hot-cache", redrive.from);
  }

  #trim({ log, outbox }: Open): void {
    const now = this.now();
    if (now < this.#trimmedAt + trimEveryMs) return;
    this.#trimmedAt = now;
    log.trim(now, outbox.next);
    this.storage.forgetSeenBefore(now - dedupeWindowMs);
  }

  #due({ outbox, log, settlement, applies }: Open): number | undefined {
    const trimAt = log.nextTrimAt();
    const times = [
      outbox.due(this.now()),
      applies ? settlement.due(outbox.nextOf("hot-cache")) : undefined,
      trimAt === undefined ? undefined : Math.max(trimAt, this.#trimmedAt + trimEveryMs),
    ].filter((time) => time !== undefined);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** One alarm serves everything: it is only ever moved forward, so under load it is set once per flush and not per publish. */
  #wakeAt(time: number): void {
    if (this.#alarmAt !== undefined && this.#alarmAt <= time) return;
    this.#alarmAt = time;
    void this.ctx.storage.setAlarm(time);
  }

  // ---- opening

  #openFor(stream: string): Open {
    const open = this.#open;
    if (open !== undefined && open.identity.stream !== stream) throw new Error(`this channel is ${open.identity.stream}, not ${stream}`);
    if (open !== undefined && !open.log.isForgotten(this.now())) return open;
    return this.#begin(stream);
  }

  /** A new stream, or a new epoch of one that nobody used for a month. */
  #begin(stream: string): Open {
    const now = this.now();
    this.storage.clearForNewEpoch();
    const identity: Identity = { v: 1, stream, epoch: newEpoch(now, Math.random()), createdAt: now };
    this.storage.write("identity", identity);
    this.#memory = undefined;
    this.#outboxBytes = 0;
    return this.#reopen(identity);
  }

  #reopen(identity: Identity): Open {
    const stream = findStream(identity.stream);
    if (stream === undefined) throw new Error(`no stream ${identity.stream} in the catalogue`);
    const log = new Log(this.storage);
    const shared = { storage: this.storage, log, now: () => this.now() };
    const outbox = new Outbox(identity, stream.sinks, { ...shared, queue: (sink) => this.queue(sink) });
    const hub = new Hub(identity, { ...shared, relay: (name) => this.relay(name), wakeAt: (time) => this.#wakeAt(time) });
    const settlement = new Settlement(this.storage, this.now());
    this.#outboxBytes = outbox.hasQueues ? this.storage.bytesFrom(outbox.next) : 0;
    this.#open = { identity, log, outbox, hub, settlement, applies: stream.sinks.includes("hot-cache") };
    return this.#open;
  }

  // ---- the world outside, replaced by tests that lose, delay and reorder

  protected openStorage(sql: SqlStorage): ChannelStorage {
    return new ChannelStorage(sql);
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
