/** Holds the sockets of one region and shard. A thin shell: it wires sockets, timers, the alarm and storage to the parts that decide. */
import { DurableObject } from "cloudflare:workers";
import { configOf } from "../../platform/config.ts";
import { messageOf } from "../../platform/errors.ts";
import { logWarning } from "../../platform/log.ts";
import { OwnKeys } from "../../platform/own-keys.ts";
import { Revocations } from "../../platform/revocations.ts";
import { renewEveryMs } from "../../schemas/limits.ts";
import type { MembersReply, PresenceRequest } from "../../schemas/presence.ts";
import type {
  ChannelRpc,
  DeliverReply,
  DeliverRequest,
  DrainReply,
  DrainRequest,
  ForwardReply,
  ForwardRequest,
  RelayRpc,
  ServingReply,
} from "../../schemas/rpc.ts";
import type { RevokeReply, RevokeRequest } from "../../schemas/revocation.ts";
import { hasReplayChannel } from "../../stores/replay-channels.ts";
import { readRevocations } from "../../stores/revocations.ts";
import { readPublishedKeys } from "../../stores/signing-keys.ts";
import { channelStub, relayStub } from "../stubs.ts";
import { Access } from "./access.ts";
import { Audience } from "./audience.ts";
import { socketsMax } from "./bounds.ts";
import type { Connection } from "./connection.ts";
import { Flusher } from "./flusher.ts";
import { forward } from "./forward.ts";
import { askPresence, membersOf } from "./presence.ts";
import { Moves } from "./moves.ts";
import { Pulls } from "./pulls.ts";
import { Sessions } from "./session.ts";
import { Sockets } from "./sockets.ts";
import { RelayStore } from "./storage.ts";
import { Streams } from "./streams.ts";
import { readUpgrade } from "./upgrade.ts";
import { Watchers } from "./watchers.ts";

export class Relay extends DurableObject<Env> implements RelayRpc {
  readonly #store: RelayStore;
  readonly #access: Access;
  readonly #revocations: Revocations;
  readonly #audience: Audience;
  readonly #streams: Streams;
  readonly #sessions: Sessions;
  readonly #sockets: Sockets;
  readonly #moves: Moves<Connection>;
  readonly #flusher: Flusher;
  #name: string | undefined;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const now = (): number => Date.now();
    const config = (): ReturnType<typeof configOf> => configOf(env);
    const store = new RelayStore(ctx.storage.sql);
    const background = (event: string, work: Promise<unknown>): void => this.#background(event, work);
    const hub = (stream: string): ChannelRpc => this.hub(stream);
    this.#store = store;
    this.#name = store.findName();
    this.#revocations = new Revocations((nowMs) => readRevocations(env, nowMs));
    const revocations = this.#revocations;
    const ownKeys = new OwnKeys((nowMs) => readPublishedKeys(env, nowMs));
    this.#access = new Access({
      store,
      now,
      config,
      revocations,
      ownKeys,
      hasReplay: (stream) => hasReplayChannel(env, stream),
      onDue: () => background("relay.alarm.failed", this.#armAlarm()),
    });
    const audience = new Audience({
      store,
      now,
      standingOf: (stream) => this.#streams.standingOf(stream),
      onChange: (stream) => this.#streams.onAudience(stream),
      onSlow: (connection) => this.#sessions.close(connection, "slow"),
    });
    this.#audience = audience;
    this.#streams = new Streams({
      store,
      audience,
      now,
      hub,
      relayName: () => this.#nameOrThrow(),
      wakeSockets: () => this.#sockets.wake(),
      onPending: () => this.#flusher.soon(),
      onJoin: () => this.#armAlarm(),
    });
    this.#flusher = new Flusher({ now, flush: () => this.#flush(), settle: () => this.#streams.settle() });
    const access = this.#access;
    const presenceOf = askPresence(hub);
    const watchers = new Watchers({ membersOf: async (channel) => (await presenceOf(channel)).members, now });
    this.#sessions = new Sessions({ access, streams: this.#streams, audience, pulls: new Pulls(hub), watchers, presenceOf, now, config });
    this.#moves = new Moves<Connection>({
      store,
      connections: () => audience.connections(),
      sendAway: (connection) => this.#sessions.close(connection, "restart"),
      wake: () => this.#sockets.wake(),
      region: () => this.#nameOrThrow().split(":")[1] ?? "",
      peer: (name) => this.peer(name),
    });
    const onOpen = (connection: Connection): void => this.#moves.opened(connection);
    this.#sockets = new Sockets({ context: ctx, access, audience, sessions: this.#sessions, watchers, now, onOpen, background });
    this.#recoverFromCrash();
  }

  /** Tests replace it to lose, delay and reorder. */
  protected hub(stream: string): ChannelRpc {
    return channelStub(this.env, stream);
  }

  /** The object died in the middle of a burst while its sockets lived on: what they were sent is not known, so they are told. */
  #recoverFromCrash(): void {
    const adrift = this.#streams.adrift();
    if (adrift.length > 0) this.#sockets.wake();
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

  async forward(request: ForwardRequest): Promise<ForwardReply> {
    return forward(request, { deliver: (own) => this.#streams.deliver(own), peer: (name) => this.peer(name) });
  }

  async members(request: PresenceRequest): Promise<MembersReply> {
    this.#sockets.wake();
    this.#sockets.reap();
    return membersOf(this.#audience.connections(), request.channel);
  }

  async drain({ drained }: DrainRequest): Promise<DrainReply> {
    return { v: 1, sent: this.#moves.drain(drained) };
  }

  async serving(): Promise<ServingReply> {
    return { v: 1, serving: this.#moves.isServing };
  }

  /** An operator ended a token: its sockets close now. */
  async revoke({ revocation }: RevokeRequest): Promise<RevokeReply> {
    this.#revocations.add(revocation);
    this.#sockets.wake();
    return { v: 1, closed: this.#sessions.closeRevoked() };
  }

  protected peer(name: string): RelayRpc {
    return relayStub(this.env, name);
  }

  override async fetch(request: Request): Promise<Response> {
    const upgrade = readUpgrade(request);
    if (upgrade === undefined) return new Response("expected a WebSocket upgrade", { status: 426 });
    this.#sockets.wake();
    const hasRoom = this.#moves.isServing && this.#audience.size < socketsMax && !this.#flusher.isBusy;
    if (!hasRoom) return new Response("relay is full", { status: 503, headers: { "retry-after": "1" } });
    this.#remember(upgrade.relay);
    if (this.#sockets.isBeating(upgrade)) this.#background("relay.alarm.failed", this.#armAlarm());
    return this.#sockets.open(upgrade);
  }

  override async webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
    const connection = this.#sockets.find(socket);
    if (connection !== undefined) await this.#sessions.receive(connection, message);
  }

  override async webSocketClose(socket: WebSocket, code: number, reason: string): Promise<void> {
    this.#sockets.end(socket, code, reason);
  }

  override async webSocketError(socket: WebSocket): Promise<void> {
    this.#sockets.forget(socket);
  }

  #flush(): void {
    this.#tendTokens();
    this.#streams.flushAll();
  }

  /** Sockets are read only when a token is due. */
  #tendTokens(): void {
    if (!this.#access.isDue) return;
    this.#sockets.wake();
    this.#sessions.tendTokens();
  }

  /** What this relay was not told of. Sockets are read only when something was revoked lately. */
  async #tendRevocations(): Promise<void> {
    if (!(await this.#revocations.hasRecent(Date.now()))) return;
    this.#sockets.wake();
    this.#sessions.closeRevoked();
  }

  /** Re-arms before it works and never throws: an alarm that threw too often is gone. */
  override async alarm(): Promise<void> {
    try {
      if (!this.#hasWork()) return;
      await this.ctx.storage.setAlarm(Date.now() + renewEveryMs);
      this.#tendTokens();
      this.#sockets.reap();
      this.#sockets.beat();
      await this.#streams.renewAll();
      await this.#tendRevocations();
      await this.#moves.recall();
    } catch (error) {
      logWarning("relay.alarm.failed", { reason: messageOf(error) });
    }
  }

  /** Tokens and heartbeats need an alarm for as long as there are sockets; streams a little longer. */
  #hasWork(): boolean {
    return this.#streams.hasInterests || (!this.#sockets.isEmpty && (this.#access.hasDue || this.#sockets.hasHeartbeats));
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
