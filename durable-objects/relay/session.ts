/** What a relay does with a client's frames (CONTRACT 5): dialect, limits, and the answer to each native frame. */
import { findChannel } from "../../channels/catalogue.ts";
import type { Config } from "../../platform/config.ts";
import { AppError, messageOf } from "../../platform/errors.ts";
import { logWarning } from "../../platform/log.ts";
import { socketChannelsMax, socketFrameBytesMax } from "../../schemas/limits.ts";
import { closeCodes, unsubscribeCodes, type ClientFrame, type RequestId, type SubscribeFrame } from "../../schemas/socket.ts";
import { Access } from "./access.ts";
import type { Audience } from "./audience.ts";
import type { Connection } from "./connection.ts";
import { isTooBig, readFilters, readFrame, readStart, refusalOf, validateFrame, type Refusal } from "./frames.ts";
import { readHistory } from "./history.ts";
import { legacySubscriptions, startLegacy } from "./legacy.ts";
import type { Pulls } from "./pulls.ts";
import type { Streams } from "./streams.ts";
import { subscribe } from "./subscribe.ts";

export interface SessionDeps {
  readonly streams: Streams;
  readonly audience: Audience;
  readonly pulls: Pulls;
  readonly now: () => number;
  config(): Config;
}

export class Sessions {
  readonly access: Access;
  readonly #deps: SessionDeps;

  constructor(deps: SessionDeps) {
    this.#deps = deps;
    this.access = new Access(deps);
  }

  /** What an upgrade asked for: its token first, then the channel of a one-channel address, then whatever the client sends. */
  begin(
    connection: Connection,
    { token, subscribe: wish }: { readonly token: string | undefined; readonly subscribe: unknown },
  ): Promise<void> {
    connection.work = connection.work.then(async () => {
      if (token !== undefined) await this.#handle(connection, { type: "authenticate", token });
      if (wish === undefined || !connection.open) return;
      const read = validateFrame(wish);
      if (read.ok) await this.#handle(connection, read.frame);
      else refuse(connection, read.refusal);
      this.#closeUnsubscribed(connection, read.ok);
    });
    return connection.work;
  }

  /** The socket of a one-channel address has no use without its channel. */
  #closeUnsubscribed(connection: Connection, isValid: boolean): void {
    if (!connection.open || connection.groups.size > 0) return;
    const code = connection.claims === undefined ? closeCodes.unauthorized : closeCodes.forbidden;
    this.#close(connection, isValid ? code : closeCodes.policy, "not subscribed");
  }

  /** One message off the wire. Never throws. */
  async receive(connection: Connection, raw: string | ArrayBuffer): Promise<void> {
    const frame = this.#admit(connection, raw);
    if (frame === undefined) return;
    connection.work = connection.work.then(() => this.#handle(connection, frame));
    await connection.work;
  }

  /** What can be decided at once, in the order of arrival. Undefined when there is nothing left to do. */
  #admit(connection: Connection, raw: string | ArrayBuffer): ClientFrame | undefined {
    const nowMs = this.#deps.now();
    if (!connection.open) return undefined;
    if (connection.isExpired(nowMs)) return this.#close(connection, closeCodes.expired, "token expired");
    if (isTooBig(raw)) return this.#close(connection, closeCodes.tooBig, `frames end at ${socketFrameBytesMax} bytes`);
    const read = readFrame(raw);
    const isFree = read.ok && (read.frame.type === "ping" || read.frame.type === "ack");
    if (!isFree && !connection.takeMessage(nowMs)) return this.#close(connection, closeCodes.tooMany, "too many messages");
    if (read.ok) return this.#speak(connection, read.frame);
    refuse(connection, read.refusal);
    return undefined;
  }

  /** A bare socket's first frame tells its dialect; a legacy one turns native with its first `authenticate` or `subscribe`. */
  #speak(connection: Connection, frame: ClientFrame): ClientFrame | undefined {
    if (frame.type === "ping") {
      connection.answer({ type: "pong", ...(frame.timestamp === undefined ? {} : { timestamp: frame.timestamp }) });
      if (connection.dialect !== "native") this.beLegacy(connection);
      return undefined;
    }
    const isNative = connection.dialect === "pending" || frame.type === "authenticate" || frame.type === "subscribe";
    if (isNative && connection.dialect !== "native") this.#beNative(connection);
    return frame;
  }

  #beNative(connection: Connection): void {
    for (const channel of [...connection.groups.keys()]) this.#deps.audience.leave(connection, channel);
    connection.dialect = "native";
    connection.joined = {};
    connection.save();
  }

  /** Run again at each ping, it completes what could not be reached before. */
  beLegacy(connection: Connection): void {
    if (connection.dialect === "pending") {
      connection.dialect = "legacy";
      connection.save();
    }
    connection.work = connection.work
      .then(() => startLegacy(connection, legacySubscriptions(this.#deps.config()), this.#deps))
      .catch((error: unknown) => logWarning("relay.legacy.failed", { reason: messageOf(error) }));
  }

  async #handle(connection: Connection, frame: ClientFrame): Promise<void> {
    if (!connection.open) return;
    try {
      await this.#answer(connection, frame);
    } catch (error) {
      if (!(error instanceof AppError)) logWarning("relay.frame.failed", { type: frame.type, reason: messageOf(error) });
      refuse(connection, refusalOf(error, frame.id));
    }
  }

  async #answer(connection: Connection, frame: ClientFrame): Promise<void> {
    switch (frame.type) {
      case "authenticate":
        return this.#authenticate(connection, frame.token, frame.id);
      case "subscribe":
        return this.#subscribe(connection, frame);
      case "unsubscribe":
        return this.#unsubscribe(connection, frame.channel, frame.id);
      case "history":
        return readHistory(connection, { frame, channel: this.access.permitted(connection, "history", frame.channel) }, this.#deps);
      case "presence":
        throw new AppError("INVALID_PARAMETERS", "presence is not offered", { details: "type" });
      case "ping":
      case "ack":
        return;
    }
  }

  /** A bad token ends the socket: its bearer believes in rights it does not have. */
  async #authenticate(connection: Connection, token: string, id: RequestId | undefined): Promise<void> {
    const claims = await this.access.authenticate(connection, token);
    if (typeof claims === "string") {
      refuse(connection, { code: "UNAUTHORIZED", message: `the token is ${claims}`, path: "token", id });
      return this.#close(connection, claims === "expired" ? closeCodes.expired : closeCodes.unauthorized, `token ${claims}`);
    }
    connection.answer({
      type: "authenticated",
      expires_at: new Date(claims.exp * 1_000).toISOString(),
      ...(id === undefined ? {} : { id }),
    });
    // A new token may allow less than the one before.
    for (const channel of this.access.revoked(connection)) {
      this.#deps.audience.leave(connection, channel);
      connection.answer({ type: "unsubscribed", channel, code: unsubscribeCodes.forbidden, reason: "forbidden" });
    }
  }

  async #subscribe(connection: Connection, frame: SubscribeFrame): Promise<void> {
    const { channel, stream, chain } = this.access.permitted(connection, "subscribe", frame.channel);
    const filters = readFilters(frame);
    const start = readStart(frame);
    if (!connection.groups.has(channel) && connection.groups.size >= socketChannelsMax) {
      throw new AppError("CAPACITY_EXCEEDED", `a socket holds at most ${socketChannelsMax} channels`, { details: "channel" });
    }
    const spec = { channel, stream, dialect: "native" as const, filters, ...(chain === undefined ? {} : { chain }) };
    await subscribe(connection, { spec, start, id: frame.id }, this.#deps);
  }

  #unsubscribe(connection: Connection, name: string, id: RequestId | undefined): void {
    const channel = findChannel(name)?.channel;
    if (channel === undefined || !this.#deps.audience.leave(connection, channel)) {
      throw new AppError("NOT_FOUND", "not subscribed to this channel", { details: "channel" });
    }
    const answer = { type: "unsubscribed", channel, code: unsubscribeCodes.asked, reason: "unsubscribed" } as const;
    connection.answer({ ...answer, ...(id === undefined ? {} : { id }) });
  }

  /** Before anything is sent: an expired token hears nothing more. */
  closeExpired(): void {
    for (const connection of this.access.expired(this.#deps.audience.connections())) {
      this.#close(connection, closeCodes.expired, "token expired");
    }
  }

  closeSlow(connection: Connection): void {
    this.#close(connection, closeCodes.slow, "slow consumer: reconnect and recover by position");
  }

  #close(connection: Connection, code: number, reason: string): undefined {
    connection.close(code, reason);
    this.#deps.audience.drop(connection);
  }
}

function refuse(connection: Connection, { code, message, path, id }: Refusal): void {
  const at = path === undefined || path === "" ? {} : { path };
  connection.answer({ type: "error", code, message, ...at, ...(id === undefined ? {} : { id }) });
}
