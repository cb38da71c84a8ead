/** Carries one SSE stream: native frames come out of a relay's socket, blocks go to the reader. Holds the timers, bounds what is unread,
 *  and ends both sides together. What a frame means is decided in channels/dialects/sse.ts. */
import { heartbeatText, renderClosed, renderRetry, translate, type SsePosition, type SseStep } from "../../channels/dialects/sse.ts";
import { AppError } from "../../platform/errors.ts";
import { closeCodes } from "../../schemas/socket.ts";
import { closedBefore, refusalOf } from "./refusals.ts";

/** What of a WebSocket is used. */
export type PumpSocket = Pick<WebSocket, "accept" | "send" | "close" | "addEventListener">;

export interface PumpOptions {
  /** The subscribe frame without a position. */
  readonly subscribe: Readonly<Record<string, unknown>>;
  readonly position: SsePosition;
  /** In [0, 1): spreads the readers' return. */
  readonly random: number;
  readonly heartbeatMs?: number;
  readonly openMs?: number;
}

/** Proxies cut what is silent for 30 s or more. */
const heartbeatEveryMs = 20_000;
/** A relay asks its hub three times, five seconds each, before it gives up; a reader's client gives up sooner. */
const openWithinMs = 10_000;
/** Bytes a reader may leave unread, some three thousand events: beyond, its stream ends behind them and it goes on from its last id, so
 *  that a long recovery comes in parts. An isolate of 128 MB carries many streams. */
export const unreadBytesMax = 2 * 1_048_576;
/** A reader that has not taken its last bytes by now does not read: they are dropped. */
const drainWithinMs = 30_000;
/** Exactly this is answered without waking the relay. */
const ping = '{"type":"ping"}';

const encoder = new TextEncoder();

export class SsePump {
  readonly body: ReadableStream<Uint8Array>;
  /** Resolves when the relay has subscribed us; rejects with what the client is to be told instead. */
  readonly opened: Promise<void>;
  readonly #socket: PumpSocket;
  readonly #options: PumpOptions;
  #position: SsePosition;
  #out!: ReadableStreamDefaultController<Uint8Array>;
  #resolveOpened!: () => void;
  #refuse!: (error: AppError) => void;
  /** Set while the rest is read. */
  #drop: ReturnType<typeof setTimeout> | undefined;
  #isOpen = false;
  #isOver = false;
  /** Nothing came from the relay since the last ping. */
  #isSilent = false;
  #heartbeat: ReturnType<typeof setInterval> | undefined;
  readonly #openTimer: ReturnType<typeof setTimeout>;

  constructor(socket: PumpSocket, options: PumpOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#position = options.position;
    this.opened = new Promise((resolve, reject) => {
      this.#resolveOpened = resolve;
      this.#refuse = reject;
    });
    this.opened.catch(() => undefined);
    this.body = new ReadableStream(
      { start: (controller) => void (this.#out = controller), pull: () => this.#pull(), cancel: () => this.#leave() },
      new ByteLengthQueuingStrategy({ highWaterMark: unreadBytesMax }),
    );
    this.#openTimer = setTimeout(
      () => this.#fail(new AppError("UPSTREAM_TIMEOUT", "the relay did not subscribe in time", { retryAfterSeconds: 1 })),
      options.openMs ?? openWithinMs,
    );
    socket.addEventListener("message", ({ data }) => this.#receive(data));
    socket.addEventListener("close", ({ code, reason }) => this.#closed(code, reason));
    socket.addEventListener("error", () => this.#closed(1006, ""));
    socket.accept();
    this.#subscribe();
  }

  #subscribe(): void {
    this.#socket.send(JSON.stringify({ type: "subscribe", ...this.#options.subscribe, ...this.#position }));
  }

  #receive(data: unknown): void {
    this.#isSilent = false;
    if (this.#isOver || typeof data !== "string") return;
    this.#act(translate(data, this.#position), data);
  }

  #act(step: SseStep, frame: string): void {
    switch (step.kind) {
      case "skip":
        return;
      case "resubscribe":
        return this.#subscribe();
      case "end":
        return this.#isOpen ? this.#end(step.text) : this.#fail(refusalOf(frame));
      case "send":
        this.#position = step.position;
        if (!this.#isOpen) this.#open();
        return this.#write(step.text);
    }
  }

  #open(): void {
    this.#isOpen = true;
    clearTimeout(this.#openTimer);
    this.#heartbeat = setInterval(() => this.#beat(), this.#options.heartbeatMs ?? heartbeatEveryMs);
    this.#write(renderRetry(this.#options.random));
    this.#resolveOpened();
  }

  /** A relay that answered neither an event nor the last ping is gone, whatever the socket says. */
  #beat(): void {
    if (this.#isSilent) return this.#end(renderClosed(1006, "the relay is silent"));
    this.#isSilent = true;
    this.#socket.send(ping);
    this.#write(heartbeatText);
  }

  #write(text: string): void {
    if (this.#isOver) return;
    this.#out.enqueue(encoder.encode(text));
    if ((this.#out.desiredSize ?? 0) <= 0) this.#finish(() => this.#drain());
  }

  /** What was sent is read before the stream ends: dropped at once, a recovery longer than the bound would never get anywhere. */
  #drain(): void {
    this.#out.enqueue(encoder.encode(renderClosed(closeCodes.slow, "slow consumer: reconnect and recover by position")));
    this.#drop = setTimeout(() => this.#out.error(new Error("the reader does not read")), drainWithinMs);
  }

  /** A closed stream could no longer be dropped: it is closed only once it is empty. */
  #pull(): void {
    if (this.#drop === undefined || this.#out.desiredSize !== unreadBytesMax) return;
    clearTimeout(this.#drop);
    this.#out.close();
  }

  #closed(code: number, reason: string): void {
    if (this.#isOpen) this.#end(renderClosed(code, reason));
    else this.#fail(closedBefore(code));
  }

  #end(lastWords: string): void {
    this.#write(lastWords);
    this.#finish(() => this.#out.close());
  }

  /** Refused before the stream began. */
  #fail(error: AppError): void {
    this.#finish(() => this.#out.close());
    this.#refuse(error);
  }

  #leave(): void {
    if (this.#drop !== undefined) clearTimeout(this.#drop);
    this.#finish(() => undefined);
  }

  #finish(endBody: () => void): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#openTimer);
    if (this.#heartbeat !== undefined) clearInterval(this.#heartbeat);
    try {
      this.#socket.close(1000, "done");
    } catch {
      // Closed already.
    }
    endBody();
  }
}
