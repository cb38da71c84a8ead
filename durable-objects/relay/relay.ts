/** Holds the sockets of one region and shard. A thin shell: it wires sockets, timers, the alarm and storage to the parts that decide. */
import { DurableObject } from "cloudflare:workers";
import { configOf } from "../../platform/config.ts";
import { messageOf } from "../../platform/errors.ts";
import { logWarning } from "../../platform/log.ts";
import { renewEveryMs } from "../../schemas/limits.ts";
import type { ChannelRpc, DeliverReply, DeliverRequest, RelayRpc } from "../../schemas/rpc.ts";
import { channelStub } from "../stubs.ts";
import { Audience } from "./audience.ts";
import { legacyAfterMs, settleMs, socketsMax } from "./bounds.ts";
import { idle, onPending, onTimer, type CoalesceStep } from "./coalesce.ts";
import { Connection, type Attachment } from "./connection.ts";
import { Pulls } from "./pulls.ts";
import { Sessions } from "./session.ts";
import { RelayStore } from "./storage.ts";
import { Streams } from "./streams.ts";
import { readUpgrade, type Upgrade } from "./upgrade.ts";

export class Relay extends DurableObject<Env> implements RelayRpc {
  readonly #store: RelayStore;
  readonly #audience: Audience;
  readonly #streams: Streams;
  readonly #sessions: Sessions;
  #name: string | undefined;
  #isAwake = false;
  #coalesce = idle;
  #flushedAtMs = 0;
  #settling = false;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const now = (): number => Date.now();
    this.#store = new RelayStore(ctx.storage.sql);
    this.#name = this.#store.findName();
    this.#audience = new Audience({
      store: this.#store,
      now,
      onChange: (stream) => this.#streams.onAudience(stream),
      onSlow: (connection) => this.#sessions.closeSlow(connection),
    });
    const hub = (stream: string): ChannelRpc => this.hub(stream);
    this.#streams = new Streams({
      store: this.#store,
      audience: this.#audience,
      now,
      hub,
      relayName: () => this.#nameOrThrow(),
      wakeSockets: () => this.#wakeSockets(),
      onPending: () => this.#step(onPending(this.#coalesce)),
      onJoin: () => this.#armAlarm(),
    });
    const pulls = new Pulls(hub);
    this.#sessions = new Sessions({ streams: this.#streams, audience: this.#audience, pulls, now, config: () => configOf(env) });
    // A client that sends exactly this never wakes the object (REALTIME 3). Pings with a timestamp are answered by the session.
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair('{"type":"ping"}', '{"type":"pong"}'));
    this.#recoverFromCrash();
  }

  /** Tests replace it to lose, delay and reorder. */
  protected hub(stream: string): ChannelRpc {
    return channelStub(this.env, stream);
  }

  /** The object died in the middle of a burst while its sockets lived on: what they were sent is not known, so they are told. */
  #recoverFromCrash(): void {
    const adrift = this.#streams.adrift();
    if (adrift.length > 0) this.#wakeSockets();
    for (const stream of adrift) {
      this.#audience.lose(stream.name);
      // Legacy sockets can't recover; they go on with the next event.
      if (this.#audience.isHeard(stream.name)) this.#background("relay.rejoin.failed", this.#streams.joined(stream));
    }
    if (this.#streams.hasInterests) this.#background("relay.alarm.failed", this.#armAlarm());
  }

  async deliver(request: DeliverRequest): Promise<DeliverReply> {
    return this.#streams.deliver(request);
  }

  override async fetch(request: Request): Promise<Response> {
    const upgrade = readUpgrade(request);
    if (upgrade === undefined) return new Response("expected a WebSocket upgrade", { status: 426 });
    this.#wakeSockets();
    if (this.#audience.size >= socketsMax) return new Response("relay is full", { status: 503, headers: { "retry-after": "1" } });
    this.#remember(upgrade.relay);
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    this.#open(server, upgrade);
    const headers = upgrade.subprotocol === undefined ? {} : { "sec-websocket-protocol": upgrade.subprotocol };
    return new Response(null, { status: 101, webSocket: client, headers });
  }

  #open(socket: WebSocket, { token, batch, subscribe, isBare, region }: Upgrade): void {
    const id = crypto.randomUUID();
    const connection = new Connection(socket, { v: 1, id, dialect: isBare ? "pending" : "native", batch, openedAtMs: Date.now() });
    connection.save();
    this.#audience.add(connection);
    this.#connections.set(socket, connection);
    connection.answer({ type: "welcome", connection_id: id, region, protocol: 1 });
    if (isBare) this.#awaitDialect(connection);
    this.#background("relay.open.failed", this.#sessions.begin(connection, { token, subscribe }));
  }

  #awaitDialect(connection: Connection): void {
    const waitMs = Math.max(0, connection.openedAtMs + legacyAfterMs - Date.now());
    setTimeout(() => {
      if (connection.open && connection.dialect === "pending") this.#sessions.beLegacy(connection);
    }, waitMs);
  }

  /** After a wake, once, and only when sockets matter: reading them costs each attachment. */
  #wakeSockets(): void {
    if (this.#isAwake) return;
    this.#isAwake = true;
    const connections = this.ctx.getWebSockets().flatMap((socket) => this.#restore(socket) ?? []);
    this.#audience.load(connections, (stream) => this.#streams.positionOf(stream));
    for (const connection of connections) {
      this.#sessions.access.noteExpiry(connection.claims);
      if (connection.dialect === "pending") this.#awaitDialect(connection);
    }
  }

  readonly #connections = new WeakMap<WebSocket, Connection>();

  #restore(socket: WebSocket): Connection | undefined {
    const attachment = socket.deserializeAttachment() as Attachment | null;
    if (attachment === null || socket.readyState !== WebSocket.OPEN) return undefined;
    const connection = new Connection(socket, attachment);
    this.#connections.set(socket, connection);
    return connection;
  }

  #connectionOf(socket: WebSocket): Connection | undefined {
    this.#wakeSockets();
    return this.#connections.get(socket);
  }

  override async webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
    const connection = this.#connectionOf(socket);
    if (connection !== undefined) await this.#sessions.receive(connection, message);
  }

  override async webSocketClose(socket: WebSocket, code: number, reason: string): Promise<void> {
    this.#forget(socket);
    // Without an answer clients see 1006 after 10 s; these codes may not be sent (PLATFORM).
    const answer = code === 1005 || code === 1006 || code === 1015 ? 1000 : code;
    try {
      socket.close(answer, reason);
    } catch {
      // Answered already.
    }
  }

  override async webSocketError(socket: WebSocket): Promise<void> {
    this.#forget(socket);
  }

  #forget(socket: WebSocket): void {
    const connection = this.#connectionOf(socket);
    if (connection !== undefined) this.#audience.drop(connection);
  }

  #step({ state, flush, timerMs }: CoalesceStep): void {
    this.#coalesce = state;
    if (timerMs !== undefined) setTimeout(() => this.#step(onTimer(this.#coalesce, Date.now())), timerMs);
    if (flush) this.#flush();
  }

  #flush(): void {
    this.#wakeSockets();
    this.#sessions.closeExpired();
    this.#flushedAtMs = Date.now();
    this.#streams.flushAll();
    this.#settleLater(settleMs);
  }

  /** Positions are written once a burst is over, because nothing announces hibernation. */
  #settleLater(delayMs: number): void {
    if (this.#settling) return;
    this.#settling = true;
    setTimeout(() => {
      this.#settling = false;
      const restMs = this.#flushedAtMs + settleMs - Date.now();
      if (restMs > 0) this.#settleLater(restMs);
      else this.#streams.settle();
    }, delayMs);
  }

  /** Re-arms before it works and never throws: an alarm that threw too often is gone. */
  override async alarm(): Promise<void> {
    try {
      if (!this.#streams.hasInterests) return;
      await this.ctx.storage.setAlarm(Date.now() + renewEveryMs);
      if (this.#isAwake) this.#sessions.closeExpired();
      await this.#streams.renewAll();
    } catch (error) {
      logWarning("relay.alarm.failed", { reason: messageOf(error) });
    }
  }

  async #armAlarm(): Promise<void> {
    if ((await this.ctx.storage.getAlarm()) === null) await this.ctx.storage.setAlarm(Date.now() + renewEveryMs);
  }

  #background(event: string, work: Promise<unknown>): void {
    this.ctx.waitUntil(work.catch((error: unknown) => logWarning(event, { reason: messageOf(error) })));
  }

  /** An alarm's object has no name: the first request tells it. */
  #remember(name: string): void {
    if (this.#name === name) return;
    this.#name = name;
    this.#store.saveName(name);
  }

  #nameOrThrow(): string {
    if (this.#name === undefined) throw new Error("a relay learns its name from its first socket");
    return this.#name;
  }
}
