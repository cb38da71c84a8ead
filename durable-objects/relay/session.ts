/** What a relay does with a client's messages (CONTRACT 5): bounds, allowance and order of what comes in, the dialect a bare socket turns
 *  out to speak, and the end of a socket. What a command means is in commands.ts. */
import type { Closing, Command, Incoming } from "../../channels/dialects/dialect.ts";
import { readNativeJson } from "../../channels/dialects/native-commands.ts";
import { messageOf } from "../../platform/errors.ts";
import { logWarning } from "../../platform/log.ts";
import { Commands, type CommandDeps } from "./commands.ts";
import type { Connection } from "./connection.ts";
import { isTooBig } from "./frames.ts";
import { legacySubscriptions, startLegacy } from "./legacy.ts";

export type SessionDeps = Omit<CommandDeps, "close">;

export class Sessions {
  readonly #deps: SessionDeps;
  readonly #commands: Commands;

  constructor(deps: SessionDeps) {
    this.#deps = deps;
    this.#commands = new Commands({ ...deps, close: (connection, closing) => this.close(connection, closing) });
  }

  /** What an upgrade asked for: its token first, then the channel of a one-channel address, then whatever the client sends. */
  begin(connection: Connection, { token, subscribe }: { readonly token: string | undefined; readonly subscribe: unknown }): Promise<void> {
    connection.work = connection.work.then(async () => {
      if (token !== undefined) await this.#commands.handle(connection, { kind: "authenticate", token });
      if (subscribe === undefined || !connection.open) return;
      const incoming = readNativeJson(subscribe);
      await this.#do(connection, incoming);
      this.#closeUnsubscribed(connection, incoming.kind === "command");
    });
    return connection.work;
  }

  /** The socket of a one-channel address has no use without its channel. */
  #closeUnsubscribed(connection: Connection, isValid: boolean): void {
    if (!connection.open || connection.groups.size > 0) return;
    const closing = connection.claims === undefined ? "unauthorized" : "forbidden";
    this.close(connection, isValid ? closing : "policy");
  }

  /** One message off the wire. Never throws. */
  async receive(connection: Connection, raw: string | ArrayBuffer): Promise<void> {
    if (!connection.open) return;
    if (connection.isExpired(this.#deps.now())) return this.close(connection, "expired");
    if (isTooBig(raw)) return this.close(connection, "too_big");
    for (const incoming of connection.speaks.read(raw)) {
      if (!connection.open) return;
      this.#take(connection, incoming);
    }
    await connection.work;
  }

  /** Acknowledgements are free, pings too and answered at once, everything else in its turn. */
  #take(connection: Connection, incoming: Incoming): void {
    if (incoming.kind === "nothing") return;
    if (incoming.kind === "ack") return connection.acknowledge(incoming.channel, incoming.offset);
    if (incoming.kind === "command" && incoming.command.kind === "ping" && isGreeted(connection)) {
      connection.pingedAtMs = this.#deps.now();
      connection.tell({ ...incoming.command, kind: "pong" });
      if (connection.dialect === "pending" || connection.dialect === "legacy") this.beLegacy(connection);
      return;
    }
    if (!connection.takeMessage(this.#deps.now())) return this.close(connection, "too_many");
    if (incoming.kind === "command") this.#settleDialect(connection, incoming.command);
    connection.work = connection.work.then(() => this.#do(connection, incoming));
  }

  async #do(connection: Connection, incoming: Incoming): Promise<void> {
    if (!connection.open || incoming.kind === "nothing" || incoming.kind === "ack") return;
    if (incoming.kind === "close" || !isInTurn(connection, incoming)) {
      return this.close(connection, incoming.kind === "close" ? incoming.closing : "bad_request");
    }
    if (incoming.kind === "command") return this.#commands.handle(connection, incoming.command);
    if (incoming.kind === "declined") return connection.send(incoming.text);
    connection.tell(incoming);
  }

  /** A bare socket's first frame tells its dialect; a legacy one turns native with its first `authenticate` or `subscribe`. */
  #settleDialect(connection: Connection, { kind }: Command): void {
    const isNative =
      connection.dialect === "pending" || (connection.dialect === "legacy" && (kind === "authenticate" || kind === "subscribe"));
    if (!isNative) return;
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

  /** Before anything is sent, and with each renewal: an expired token hears nothing more, one about to expire is announced. */
  tendTokens(): void {
    const { expired, expiring } = this.#deps.access.due(this.#deps.audience.connections());
    for (const connection of expired) this.close(connection, "expired");
    for (const connection of expiring) {
      if (connection.claims !== undefined) connection.tell({ kind: "token_expiring", expiresAtMs: connection.claims.exp * 1_000 });
    }
  }

  /** Returns how many sockets were closed. */
  closeRevoked(): number {
    const ended = this.#deps.access.ended(this.#deps.audience.connections());
    for (const connection of ended) this.close(connection, "bad_token");
    return ended.length;
  }

  close(connection: Connection, closing: Closing): void {
    connection.close(closing);
    this.#deps.audience.drop(connection);
  }
}

function isGreeted(connection: Connection): boolean {
  return connection.greeted || !connection.speaks.hasHandshake;
}

/** Where the dialect has a handshake, it comes first and once. */
function isInTurn(connection: Connection, incoming: Incoming): boolean {
  const isConnect = incoming.kind === "command" && incoming.command.kind === "connect";
  return isConnect !== isGreeted(connection);
}
