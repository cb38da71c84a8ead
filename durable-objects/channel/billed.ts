/** A Channel that counts what it is billed for: its calls, its rows, what it sends to relays and queues, and what consumers and relays tell it
 *  with calls they make anyway. Counts ride along with the row of its progress, and have a row of their own each two minutes; no call is made
 *  for them. What is counted between two sleeps in which no event came is forgotten. */
import { isReplayChannel, type Sink } from "../../channels/catalogue.ts";
import { operationsSaveEveryMs } from "../../schemas/limits-cost.ts";
import type { PresenceReply, PresenceRequest } from "../../schemas/presence.ts";
import type { OperationSlot } from "../../schemas/operations.ts";
import { queueMessageOverheadBytes, queueUnitBytes } from "../../schemas/prices.ts";
import type {
  AppliedRequest,
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
  StatusRequest,
  StreamRequest,
} from "../../schemas/rpc.ts";
import { rowsWrittenBy } from "../counted-sql.ts";
import { Channel } from "./channel.ts";
import { Tally } from "./tally.ts";

export class BilledChannel extends Channel {
  readonly #tally = new Tally(this.storage.operations()?.slots ?? [], this.storage.progress()?.operations);
  #rowsCounted = 0;
  #savedAt = this.now();
  /** False for the channel of a replay, which clears itself away: nothing of it is written here. */
  #isKept = false;

  override async publish(request: PublishRequest): Promise<PublishReply> {
    this.#called(request.lane === "live" ? "publish" : "bulk", request.stream);
    const reply = await super.publish(request);
    if (reply.kind === "ok") this.#add("events", reply.offsets.length - reply.duplicates.length);
    return reply;
  }

  override interest(request: InterestRequest): Promise<InterestReply> {
    this.#called("interest", request.stream);
    if (request.used !== undefined) this.#relayUsed(request.used);
    return super.interest(request);
  }

  override leave(request: LeaveRequest): Promise<void> {
    this.#called("leave", request.stream);
    return super.leave(request);
  }

  override history(request: HistoryRequest): Promise<HistoryReply> {
    this.#called("history", request.stream);
    return super.history(request);
  }

  override applied(request: AppliedRequest): Promise<void> {
    this.#called("applied", request.stream);
    this.#add("d1.hot-cache", request.d1RowsWritten ?? 0);
    return super.applied(request);
  }

  override settled(request: StreamRequest): Promise<SettledReply> {
    this.#called("settled", request.stream);
    return super.settled(request);
  }

  override latest(request: StreamRequest): Promise<LatestReply> {
    this.#called("latest", request.stream);
    return super.latest(request);
  }

  override presence(request: PresenceRequest): Promise<PresenceReply> {
    this.#called("presence", request.stream);
    return super.presence(request);
  }

  override async status(request: StatusRequest): Promise<ChannelStatus> {
    this.#called("status", request.stream);
    const status = await super.status(request);
    // Asked by itself, which is no call.
    this.#add("object.channel.settled", -1);
    return request.operationsSince === undefined ? status : { ...status, operations: this.#tally.since(request.operationsSince) };
  }

  override alarm(): Promise<void> {
    this.#called("alarm");
    // Setting the one that went off was billed like a row.
    this.#add("rows.channel", 1);
    return super.alarm();
  }

  protected override relay(name: string): RelayRpc {
    const relay = super.relay(name);
    return {
      deliver: (request) => (this.#add("object.relay.deliver", 1), relay.deliver(request)),
      forward: (request) => (this.#add("object.relay.deliver", 1 + request.to.length), relay.forward(request)),
      members: (request) => (this.#add("object.relay.members", 1), relay.members(request)),
      drain: (request) => relay.drain(request),
      serving: () => relay.serving(),
      revoke: (request) => relay.revoke(request),
    };
  }

  protected override queue(sink: Sink): Queue {
    const queue = super.queue(sink);
    const sendBatch: Queue["sendBatch"] = (messages, options) => {
      const sent = [...messages];
      this.#add(
        `queue.${sink}`,
        sent.reduce((sum, { body }) => sum + unitsOf(body), 0),
      );
      return queue.sendBatch(sent, options);
    };
    return { send: (...message) => queue.send(...message), sendBatch, metrics: () => queue.metrics() };
  }

  protected override unsaved(): readonly OperationSlot[] {
    return this.#isKept ? this.#tally.unsaved() : [];
  }

  #called(method: string, stream?: string): void {
    if (stream !== undefined) this.#isKept = !isReplayChannel(stream);
    this.#add(`object.channel.${method}`, 1);
    this.#tally.awake(this.now());
    const rows = rowsWrittenBy(this.ctx.storage.sql);
    this.#add("rows.channel", rows - this.#rowsCounted);
    this.#rowsCounted = rows;
    this.#saveWhenDue();
  }

  #add(name: string, count: number): void {
    this.#tally.add(name, count, this.now());
  }

  #relayUsed({ upgrades, socketMessages, alarms, rowsWritten, awakeMs }: NonNullable<InterestRequest["used"]>): void {
    this.#add("object.relay.upgrade", upgrades);
    this.#add("object.relay.alarm", alarms);
    this.#add("socket.relay", socketMessages);
    this.#add("rows.relay", rowsWritten);
    this.#add("awake.relay", awakeMs / 1_000);
  }

  #saveWhenDue(): void {
    const now = this.now();
    if (!this.#isKept || now - this.#savedAt < operationsSaveEveryMs) return;
    this.#savedAt = now;
    this.storage.write("operations", this.#tally.save());
  }
}

/** Characters stand for bytes: nearly all of an event is ASCII. */
function unitsOf(body: unknown): number {
  return Math.ceil((String(body).length + queueMessageOverheadBytes) / queueUnitBytes);
}
