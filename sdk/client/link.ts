/** One socket with its channels: a thin shell around partysocket's ReconnectingWebSocket, whose own constant delay is set to nothing and
 *  replaced by reconnect.ts's inside the address provider, the one step before every connect. */
import ReconnectingWebSocket from "partysocket/ws";
import { EdgeError, messageOf } from "./errors.ts";
import { readFrames, type ControlFrame, type Frame } from "./frames.ts";
import { Heart } from "./heart.ts";
import { Pause } from "./pause.ts";
import { afterClose, errorOfClose, noAttempts, type Reconnect } from "./reconnect.ts";
import type { Subscription } from "./subscription.ts";

export type Status =
  | "connecting"
  | "open"
  /** Between two attempts. */
  | "waiting"
  /** Refused too often: `client.reconnect()` tries again. */
  | "stopped"
  | "closed";

export interface LinkDeps {
  /** ws:// or wss:// address, complete. */
  readonly address: string;
  readonly WebSocket: unknown;
  readonly random: () => number;
  readonly now: () => number;
  token(): Promise<string | undefined>;
  onStatus(): void;
  onError(error: EdgeError): void;
  onLatency(ms: number): void;
}

const openTimeoutMs = 10_000;
/** However often the application, or a flapping network, asks: attempts lie this far apart. */
const attemptsApartMs = 1_000;

const ready = { kind: "wait", delayMs: 0, hurry: false, attempts: noAttempts } as const;

export class Link {
  status: Status = "connecting";
  /** By channel: a socket holds one subscription of each. */
  readonly subscriptions = new Map<string, Subscription>();
  readonly #deps: LinkDeps;
  readonly #socket: ReconnectingWebSocket;
  readonly #heart: Heart;
  readonly #pause = new Pause();
  #next: Reconnect = ready;
  #attemptedMs = Number.NEGATIVE_INFINITY;
  #openedMs: number | undefined;
  #token: string | undefined;
  #refreshing = false;

  constructor(deps: LinkDeps) {
    this.#deps = deps;
    const options = {
      minReconnectionDelay: 0,
      maxReconnectionDelay: 0,
      connectionTimeout: openTimeoutMs,
      // Frames belong to a connection: subscriptions say theirs again on the next one.
      maxEnqueuedMessages: 0,
      shouldReconnectOnClose: (event: { readonly code: number; readonly reason: string }) => this.#onClose(event),
      ...(deps.WebSocket === undefined ? {} : { WebSocket: deps.WebSocket }),
    };
    this.#socket = new ReconnectingWebSocket(() => this.#address(), undefined, options);
    this.#heart = new Heart({
      now: deps.now,
      ping: () => this.#send({ type: "ping" }),
      onDead: () => this.#socket.reconnect(1000, "no answer to a ping"),
      onLatency: deps.onLatency,
    });
    this.#socket.addEventListener("open", () => this.#onOpen());
    this.#socket.addEventListener("message", ({ data }) => this.#onMessage(data));
  }

  add(subscription: Subscription): void {
    this.subscriptions.set(subscription.spec.channel, subscription);
    if (this.status === "open") subscription.opened(this.#send);
  }

  remove(subscription: Subscription): void {
    this.subscriptions.delete(subscription.spec.channel);
    subscription.close();
  }

  /** At the application's wish: drops the connection, takes a fresh token, and asks again for what was refused. */
  reconnect(): void {
    if (this.status === "closed") return;
    for (const subscription of this.subscriptions.values()) subscription.revive();
    this.#socket.reconnect();
    this.#next = { ...ready, attempts: { ...this.#next.attempts, refusals: 0 } };
    this.#hurry(this.#next);
  }

  /** The network is back, or the page: does not wait for a jitter that was drawn for a herd, and doubts a socket that seems open. */
  wake(): void {
    if (this.status === "open") return this.#heart.probe();
    if (this.#next.kind === "wait" && this.#next.hurry) this.#hurry(this.#next);
  }

  #hurry(plan: Extract<Reconnect, { kind: "wait" }>): void {
    this.#next = { ...plan, delayMs: Math.max(0, this.#attemptedMs + attemptsApartMs - this.#deps.now()) };
    this.#pause.end();
  }

  close(): void {
    this.#setStatus("closed");
    this.#heart.stop();
    this.#socket.close();
    this.#pause.end();
    for (const subscription of this.subscriptions.values()) subscription.close();
    this.subscriptions.clear();
  }

  /** Runs before every connect. Never rejects: partysocket would connect again at once. */
  async #address(): Promise<string> {
    for (;;) {
      // Read again after each cut: a reconnect() draws a delay of its own.
      for (let plan: Reconnect | undefined; plan !== this.#next;) {
        plan = this.#next;
        await this.#pause.wait(plan.kind === "wait" ? plan.delayMs : 0);
      }
      if (this.status === "closed") return this.#deps.address;
      this.#setStatus("connecting");
      this.#attemptedMs = this.#deps.now();
      try {
        this.#token = await this.#deps.token();
        return this.#deps.address;
      } catch (error) {
        this.#deps.onError(new EdgeError("TOKEN_UNAVAILABLE", messageOf(error)));
        this.#plan({ code: 1000, reason: "", openMs: 0 });
      }
    }
  }

  /** Whether to go on. partysocket asks it once for every end of a connection. */
  #onClose({ code, reason }: { readonly code: number; readonly reason: string }): boolean {
    this.#heart.stop();
    const openMs = this.#openedMs === undefined ? 0 : this.#deps.now() - this.#openedMs;
    this.#openedMs = undefined;
    for (const subscription of this.subscriptions.values()) subscription.disconnected();
    if (this.status === "closed") return false;
    const error = errorOfClose(code);
    if (error !== undefined) this.#deps.onError(new EdgeError(error, reason === "" ? `closed with ${code}` : reason));
    return this.#plan({ code, reason, openMs });
  }

  #plan(closed: { readonly code: number; readonly reason: string; readonly openMs: number }): boolean {
    this.#next = afterClose(this.#next.attempts, closed, this.#deps.random());
    this.#setStatus(this.#next.kind === "stop" ? "stopped" : "waiting");
    return this.#next.kind !== "stop";
  }

  #onOpen(): void {
    this.#openedMs = this.#deps.now();
    this.#heart.start();
    // The token travels in a frame: addresses end up in logs. What follows is handled in order, after it.
    if (this.#token !== undefined) this.#send({ type: "authenticate", token: this.#token });
    this.#setStatus("open");
    for (const subscription of this.subscriptions.values()) subscription.opened(this.#send);
  }

  #onMessage(data: unknown): void {
    this.#heart.heard();
    const frames = readFrames(data);
    if (frames === undefined) this.#deps.onError(new EdgeError("MALFORMED_FRAME", "the edge sent what is no frame"));
    for (const frame of frames ?? []) this.#receive(frame);
  }

  #receive(frame: Frame): void {
    if (frame.kind === "control") {
      const { type } = frame.frame;
      if (type === "pong") return this.#heart.answered();
      if (type === "token_expiring") return void this.#refresh();
      if (type === "error") return this.#onError(frame, frame.frame);
      if (!("channel" in frame.frame)) return;
    }
    const { channel } = frame.frame as { readonly channel: string };
    this.subscriptions.get(channel)?.receive(frame);
  }

  /** An error names its request, not its channel. */
  #onError(frame: Frame, { code, message, path, id }: Extract<ControlFrame, { type: "error" }>): void {
    for (const subscription of this.subscriptions.values()) subscription.receive(frame);
    if (id === undefined) this.#deps.onError(new EdgeError(code, message, path));
  }

  /** On the live socket. If no token can be had, the edge closes with 4009 and the next connect asks again. */
  async #refresh(): Promise<void> {
    if (this.#refreshing) return;
    this.#refreshing = true;
    try {
      const token = await this.#deps.token();
      if (token !== undefined) this.#send({ type: "authenticate", token });
    } catch (error) {
      this.#deps.onError(new EdgeError("TOKEN_UNAVAILABLE", messageOf(error)));
    } finally {
      this.#refreshing = false;
    }
  }

  readonly #send = (frame: Readonly<Record<string, unknown>>): void => {
    if (this.#openedMs !== undefined) this.#socket.send(JSON.stringify(frame));
  };

  #setStatus(status: Status): void {
    if (this.status === status || this.status === "closed") return;
    this.status = status;
    this.#deps.onStatus();
  }
}
