/** A native client on every stream: authenticates, subscribes, watches for holes, reconnects with its positions. The thin shell
 *  around ChannelWatch. */
import { z } from "zod";
import { ChannelWatch } from "./watch.ts";

export interface SubscriberOptions {
  readonly url: string;
  /** A fresh token for each connection. */
  readonly mintToken: () => Promise<string>;
  readonly channels: readonly string[];
  /** A frame of an event, and when it came. */
  readonly onEvent: (id: string, atMs: number) => void;
}

const reconnectAfterMs = 500;
/** Keeps the socket from being taken for dead. */
const pingEveryMs = 25_000;

const Subscribed = z.object({
  channel: z.string(),
  epoch: z.string(),
  offset: z.number(),
  recovered: z.boolean(),
  was_recovering: z.boolean(),
});
const Positioned = z.object({ channel: z.string(), offset: z.number() });
const Event = z.object({ channel: z.string(), epoch: z.string(), offset: z.number(), prev: z.number(), id: z.string() });
const Frame = z.looseObject({ type: z.string() });

export class Subscriber {
  readonly watches: readonly ChannelWatch[];
  /** Error frames and closings nobody asked for. */
  readonly complaints: string[] = [];
  readonly #options: SubscriberOptions;
  readonly #ready = Promise.withResolvers<void>();
  readonly #waiting: Set<string>;
  readonly #ping: NodeJS.Timeout;
  #socket: WebSocket | undefined;
  #closed = false;

  constructor(options: SubscriberOptions) {
    this.#options = options;
    this.watches = options.channels.map((channel) => new ChannelWatch(channel));
    this.#waiting = new Set(options.channels);
    this.#ping = setInterval(() => this.#send({ type: "ping", timestamp: Date.now() }), pingEveryMs);
    this.#connect();
  }

  /** Resolves once every channel was subscribed for the first time. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#ping);
    this.#socket?.close(1000);
  }

  #connect(): void {
    const socket = new WebSocket(this.#options.url);
    this.#socket = socket;
    socket.addEventListener("open", () => {
      this.#options.mintToken().then(
        (token) => this.#send({ type: "authenticate", token }),
        (error: unknown) => this.#ready.reject(error),
      );
    });
    socket.addEventListener("message", ({ data }) => this.#receive(JSON.parse(String(data)), Date.now()));
    socket.addEventListener("close", ({ code, reason }) => {
      if (this.#closed) return;
      this.complaints.push(`socket closed ${code} ${reason}`);
      setTimeout(() => this.#connect(), reconnectAfterMs);
    });
  }

  #send(frame: unknown): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
  }

  #receive(input: unknown, atMs: number): void {
    const frame = Frame.parse(input);
    switch (frame.type) {
      case "authenticated":
        for (const watch of this.watches) this.#send(subscribeFrame(watch));
        return;
      case "batch":
        for (const inner of z.array(z.unknown()).parse(frame["frames"])) this.#receive(inner, atMs);
        return;
      case "error":
        this.complaints.push(JSON.stringify(frame));
        return;
      case "unsubscribed":
        this.complaints.push(JSON.stringify(frame));
        for (const watch of this.watches) if (watch.channel === frame["channel"]) this.#send(subscribeFrame(watch));
        return;
      default:
        this.#apply(frame, atMs);
    }
  }

  #apply(frame: z.infer<typeof Frame>, atMs: number): void {
    const watch = this.watches.find(({ channel }) => channel === frame["channel"]);
    // `welcome` and `pong` name no channel.
    if (watch === undefined) return;
    if (frame.type === "position") return watch.positioned(Positioned.parse(frame).offset);
    if (frame.type === "subscribed") return this.#subscribed(watch, Subscribed.parse(frame));
    const event = Event.parse(frame);
    watch.event(event);
    this.#options.onEvent(event.id, atMs);
  }

  #subscribed(watch: ChannelWatch, frame: z.infer<typeof Subscribed>): void {
    watch.subscribed(frame);
    this.#waiting.delete(watch.channel);
    if (this.#waiting.size === 0) this.#ready.resolve();
  }
}

function subscribeFrame({ channel, epoch, last }: ChannelWatch): object {
  return { type: "subscribe", channel, ...(epoch === undefined ? {} : { epoch, offset: last }), id: channel };
}
