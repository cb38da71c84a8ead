/** What each command of a client does, whatever its dialect: rights, bounds, and the answer. */
import { findChannel, type ChannelName } from "../../channels/catalogue.ts";
import type { Closing, Command, Presence, SubscribeCommand } from "../../channels/dialects/dialect.ts";
import type { Config } from "../../platform/config.ts";
import { AppError, messageOf } from "../../platform/errors.ts";
import { logWarning } from "../../platform/log.ts";
import { socketChannelsMax, userSocketsMax } from "../../schemas/limits.ts";
import { unsubscribeCodes, type RequestId } from "../../schemas/socket.ts";
import type { Access } from "./access.ts";
import type { Audience } from "./audience.ts";
import type { Connection } from "./connection.ts";
import { refusalOf } from "./frames.ts";
import { readHistory } from "./history.ts";
import type { Pulls } from "./pulls.ts";
import type { Streams } from "./streams.ts";
import { subscribe } from "./subscribe.ts";
import type { Watchers } from "./watchers.ts";

export interface CommandDeps {
  readonly access: Access;
  readonly streams: Streams;
  readonly audience: Audience;
  readonly pulls: Pulls;
  readonly now: () => number;
  config(): Config;
  readonly watchers: Watchers;
  /** Who is on a channel, in all regions. Throws UPSTREAM_UNAVAILABLE. */
  presenceOf(channel: ChannelName): Promise<Presence>;
  close(connection: Connection, closing: Closing): void;
}

interface Shown {
  readonly token: string;
  readonly id: RequestId | undefined;
  readonly during: "connect" | "authenticate";
}

export class Commands {
  readonly #deps: CommandDeps;

  constructor(deps: CommandDeps) {
    this.#deps = deps;
  }

  /** Never throws. */
  async handle(connection: Connection, command: Command): Promise<void> {
    if (!connection.open) return;
    try {
      await this.#answer(connection, command);
    } catch (error) {
      if (!(error instanceof AppError)) logWarning("relay.frame.failed", { type: command.kind, reason: messageOf(error) });
      connection.tell({ kind: "refused", refusal: refusalOf(error, command.id) });
    }
  }

  async #answer(connection: Connection, command: Command): Promise<void> {
    switch (command.kind) {
      case "connect":
        return this.#connect(connection, command);
      case "authenticate":
        return this.#authenticate(connection, command);
      case "subscribe":
        return this.#subscribe(connection, command);
      case "unsubscribe":
        return this.#unsubscribe(connection, command.channel, command.id);
      case "history":
        return this.#history(connection, command);
      case "presence":
        return this.#presence(connection, command);
      case "ping":
        return connection.tell({ ...command, kind: "pong" });
    }
  }

  async #connect(connection: Connection, { token, id }: Extract<Command, { kind: "connect" }>): Promise<void> {
    if (token !== undefined && !(await this.#show(connection, { token, id, during: "connect" }))) return;
    connection.greet();
    const ttlSeconds = token === undefined ? undefined : this.#ttlSeconds(connection);
    connection.tell({ kind: "connected", connectionId: connection.id, ttlSeconds, id });
  }

  async #authenticate(connection: Connection, { token, id }: Extract<Command, { kind: "authenticate" }>): Promise<void> {
    if (!(await this.#show(connection, { token, id, during: "authenticate" })) || connection.claims === undefined) return;
    const expiresAtMs = connection.claims.exp * 1_000;
    connection.tell({ kind: "authenticated", expiresAtMs, ttlSeconds: this.#ttlSeconds(connection), id });
    // A new token may allow less than the one before.
    for (const channel of this.#deps.access.revoked(connection)) {
      this.#deps.audience.leave(connection, channel);
      connection.tell({ kind: "unsubscribed", channel, code: unsubscribeCodes.forbidden, reason: "forbidden" });
    }
  }

  /** Whether the token holds. A bad one ends the socket: its bearer believes in rights it does not have. */
  async #show(connection: Connection, { token, id, during }: Shown): Promise<boolean> {
    const claims = await this.#deps.access.authenticate(connection, token);
    if (typeof claims !== "string") return this.#isWithin(connection);
    connection.tell({ kind: "token_refused", reason: claims, during, id });
    this.#deps.close(connection, claims === "expired" ? "expired" : "bad_token");
    return false;
  }

  /** The sockets that a user has already are not the new one's fault: it is the one to go. */
  #isWithin(connection: Connection): boolean {
    if (this.#deps.audience.identify(connection) <= userSocketsMax) return true;
    this.#deps.close(connection, "too_many_sockets");
    return false;
  }

  /** When a client does well to show a new token: as early as others are told that theirs is about to expire. */
  #ttlSeconds({ noticeAtMs }: Connection): number {
    return Math.max(1, Math.floor(((noticeAtMs ?? 0) - this.#deps.now()) / 1_000));
  }

  async #subscribe(connection: Connection, command: SubscribeCommand): Promise<void> {
    const { channel, stream, chain } = await this.#deps.access.admitted(connection, "subscribe", command.channel);
    if (command.watch === true) this.#deps.access.permitted(connection, "presence", command.channel);
    const name = this.#nameOf(connection, command.channel) ?? channel;
    const isKnown = connection.groups.has(name);
    if (isKnown && command.once === true) throw new AppError("CONFLICT", "already subscribed to this channel", { details: "channel" });
    if (!isKnown && connection.groups.size >= socketChannelsMax) {
      throw new AppError("CAPACITY_EXCEEDED", `a socket holds at most ${socketChannelsMax} channels`, { details: "channel" });
    }
    const dialect = connection.dialect === "pending" ? "native" : connection.dialect;
    const names = { ...(name === channel ? {} : { alias: name }), ...(chain === undefined ? {} : { chain }) };
    const spec = { channel, stream, dialect, filters: command.filters, ...names };
    const { start, id, recoverOrFail } = command;
    connection.expectAcks(name, dialect === "native" && (command.ack === true || connection.ack === true));
    await subscribe(connection, { spec, start, id, recoverOrFail: recoverOrFail === true }, this.#deps);
    this.#watch(connection, { name, channel: spec, wanted: command.watch === true });
  }

  #watch(connection: Connection, { name, channel, wanted }: { name: string; channel: ChannelName; wanted: boolean }): void {
    if (!connection.groups.has(name) || wanted === connection.watches.has(name)) return;
    if (wanted) connection.watches.add(name);
    else connection.watches.delete(name);
    connection.save();
    if (wanted) this.#deps.watchers.add(channel, { watcher: connection, name });
  }

  /** What this connection knows the channel by; undefined when there is no such channel. */
  #nameOf(connection: Connection, name: string): string | undefined {
    const channel = findChannel(name)?.channel;
    return channel !== undefined && connection.speaks.keepsNames ? name : channel;
  }

  #unsubscribe(connection: Connection, channel: string, id: RequestId | undefined): void {
    const name = this.#nameOf(connection, channel);
    const wasSubscribed = name !== undefined && this.#deps.audience.leave(connection, name);
    if (wasSubscribed && connection.watches.delete(name)) connection.save();
    connection.tell({ kind: "left", channel: name ?? channel, wasSubscribed, id });
  }

  async #history(connection: Connection, command: Extract<Command, { kind: "history" }>): Promise<void> {
    const channel = await this.#deps.access.admitted(connection, "history", command.channel);
    const name = this.#nameOf(connection, command.channel) ?? channel.channel;
    const page = await readHistory(command, channel, this.#deps.pulls);
    connection.catchUp({
      kind: "history",
      ...page,
      run: { ...page.run, channel: name },
      reverse: command.reverse === true,
      id: command.id,
    });
  }

  async #presence(connection: Connection, { channel, counts, id }: Extract<Command, { kind: "presence" }>): Promise<void> {
    const admitted = await this.#deps.access.admitted(connection, "presence", channel);
    const presence = await this.#deps.presenceOf(admitted);
    connection.tell({ kind: "presence", channel: this.#nameOf(connection, channel) ?? channel, presence, counts, id });
  }
}
