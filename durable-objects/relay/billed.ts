/** A Relay that counts what it is billed for, and tells it to a hub with a registration that is sent anyway: no call and no row of its own. What
 *  was counted when it dies is forgotten; what a hub was not surely told is told again. */
import { objectIdleMs } from "../../schemas/limits-cost.ts";
import type { RelayUse } from "../../schemas/operations.ts";
import type {
  ChannelRpc,
  DeliverReply,
  DeliverRequest,
  ForwardReply,
  ForwardRequest,
  InterestReply,
  InterestRequest,
} from "../../schemas/rpc.ts";
import { rowsWrittenBy } from "../counted-sql.ts";
import { Relay } from "./relay.ts";

type Counted = Exclude<keyof RelayUse, "rowsWritten" | "awakeMs">;

export class BilledRelay extends Relay {
  #use: RelayUse = { upgrades: 0, socketMessages: 0, alarms: 0, rowsWritten: 0, awakeMs: 0 };
  #rowsTold = 0;
  #awakeUntil = 0;

  override deliver(request: DeliverRequest): Promise<DeliverReply> {
    this.#awake();
    return super.deliver(request);
  }

  override forward(request: ForwardRequest): Promise<ForwardReply> {
    this.#awake();
    return super.forward(request);
  }

  override fetch(request: Request): Promise<Response> {
    this.#count("upgrades");
    return super.fetch(request);
  }

  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
    this.#count("socketMessages");
    return super.webSocketMessage(socket, message);
  }

  override alarm(): Promise<void> {
    this.#count("alarms");
    return super.alarm();
  }

  protected override hub(stream: string): ChannelRpc {
    const hub = super.hub(stream);
    return {
      publish: (request) => hub.publish(request),
      interest: (request) => this.#tellWith(request, hub),
      leave: (request) => hub.leave(request),
      history: (request) => hub.history(request),
      applied: (request) => hub.applied(request),
      settled: (request) => hub.settled(request),
      latest: (request) => hub.latest(request),
      presence: (request) => hub.presence(request),
      status: (request) => hub.status(request),
    };
  }

  async #tellWith(request: InterestRequest, hub: ChannelRpc): Promise<InterestReply> {
    const used = this.#take();
    try {
      return await hub.interest({ ...request, used });
    } catch (error) {
      this.#use = sum(this.#use, used);
      throw error;
    }
  }

  #take(): RelayUse {
    const rows = rowsWrittenBy(this.ctx.storage.sql);
    // An alarm that is set is billed like a row.
    const rowsWritten = this.#use.rowsWritten + rows - this.#rowsTold + this.#use.alarms;
    const used = { ...this.#use, rowsWritten };
    this.#rowsTold = rows;
    this.#use = { upgrades: 0, socketMessages: 0, alarms: 0, rowsWritten: 0, awakeMs: 0 };
    return used;
  }

  #count(name: Counted): void {
    this.#awake();
    this.#use = { ...this.#use, [name]: this.#use[name] + 1 };
  }

  #awake(): void {
    const now = Date.now();
    const until = now + objectIdleMs;
    this.#use = { ...this.#use, awakeMs: this.#use.awakeMs + until - Math.max(now, this.#awakeUntil) };
    this.#awakeUntil = until;
  }
}

/** The rows of `told` hold its alarms already. */
function sum(use: RelayUse, told: RelayUse): RelayUse {
  return {
    upgrades: use.upgrades + told.upgrades,
    socketMessages: use.socketMessages + told.socketMessages,
    alarms: use.alarms + told.alarms,
    rowsWritten: use.rowsWritten + told.rowsWritten - told.alarms,
    awakeMs: use.awakeMs + told.awakeMs,
  };
}
