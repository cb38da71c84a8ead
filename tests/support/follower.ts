/** A native client as CONTRACT 4 and 5 describe it: follows one channel, counts holes and repeats, reconnects and resumes by position. */
import { ChannelWatch } from "../../demo/watch.ts";
import { openSocket, token, type Frame, type TestSocket } from "./sockets.ts";

interface EventFrame extends Frame {
  readonly epoch: string;
  readonly offset: number;
  readonly prev: number;
  readonly id: string;
}

export class Follower {
  readonly watch: ChannelWatch;
  readonly events: EventFrame[] = [];
  /** Times the edge asked it to subscribe again. */
  resumed = 0;
  #socket: TestSocket | undefined;
  readonly #filters: Readonly<Record<string, string>> | undefined;

  constructor(channel: string, filters?: Readonly<Record<string, string>>) {
    this.watch = new ChannelWatch(channel);
    this.#filters = filters;
  }

  /** Opens a socket and subscribes, from the last position when there is one. */
  async connect(): Promise<this> {
    const socket = await openSocket(`/ws?token=${await token()}`);
    this.#socket = socket;
    socket.onFrame = (frame) => this.#receive(frame);
    this.#subscribe();
    await socket.next("subscribed");
    return this;
  }

  disconnect(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }

  get ids(): string[] {
    return this.events.map(({ id }) => id);
  }

  #subscribe(): void {
    const { channel, epoch, last } = this.watch;
    const position = epoch === undefined ? {} : { epoch, offset: last };
    const filters = this.#filters === undefined ? {} : { filters: this.#filters };
    this.#socket?.send({ type: "subscribe", channel, ...filters, ...position });
  }

  #receive(frame: Frame): void {
    if (frame["channel"] !== this.watch.channel) return;
    switch (frame.type) {
      case "subscribed":
        return this.watch.subscribed(frame as Frame & Parameters<ChannelWatch["subscribed"]>[0]);
      case "position":
        return this.watch.positioned(Number(frame["offset"]));
      case "unsubscribed":
        this.resumed += 1;
        return this.#subscribe();
      default:
        this.watch.event(frame as EventFrame);
        this.events.push(frame as EventFrame);
    }
  }
}
