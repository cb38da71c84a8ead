/** Tokens on sockets: who the bearer is, what they may hear, and the end of it. */
import { mayDo, type ChannelAction } from "../../channels/capabilities.ts";
import { findChannel, type ChannelName } from "../../channels/catalogue.ts";
import { utf8Bytes } from "../../platform/bytes.ts";
import type { Config } from "../../platform/config.ts";
import { AppError } from "../../platform/errors.ts";
import { verifyToken, type Claims } from "../../platform/token.ts";
import { attachmentBytesMax } from "./bounds.ts";
import type { Connection } from "./connection.ts";

export interface AccessDeps {
  readonly now: () => number;
  config(): Config;
}

export class Access {
  readonly #deps: AccessDeps;
  /** Nobody's token expires before this. */
  #nextExpiryMs = Number.POSITIVE_INFINITY;

  constructor(deps: AccessDeps) {
    this.#deps = deps;
  }

  /** Binds a token to the connection, or says why it does not hold. Throws when its claims are too many to keep with a socket. */
  async authenticate(connection: Connection, token: string): Promise<"expired" | "invalid" | Claims> {
    const verified = await verifyToken(token, this.#deps.config().jwt, this.#deps.now());
    if (!verified.ok) return verified.reason;
    const { claims } = verified;
    if (utf8Bytes(JSON.stringify(claims)) > attachmentBytesMax) {
      throw new AppError("INVALID_PARAMETERS", `the token's claims take more than ${attachmentBytesMax} bytes`, { details: "token" });
    }
    connection.claims = claims;
    connection.save();
    this.noteExpiry(claims);
    return claims;
  }

  /** The channel of this name. Throws NOT_FOUND, UNAUTHORIZED or FORBIDDEN. */
  permitted(connection: Connection, action: ChannelAction, name: string): ChannelName {
    const channel = findChannel(name);
    if (channel === undefined) throw new AppError("NOT_FOUND", `there is no channel "${name.slice(0, 64)}"`, { details: "channel" });
    if (this.#isPermitted(connection, action, channel)) return channel;
    const isKnown = connection.claims !== undefined;
    const message = isKnown ? `the token does not allow to ${action} here` : `a token is needed to ${action} here`;
    throw new AppError(isKnown ? "FORBIDDEN" : "UNAUTHORIZED", message, { details: "channel" });
  }

  /** Subscriptions that the connection's present token does not cover. */
  revoked(connection: Connection): string[] {
    return [...connection.groups.values()]
      .filter(({ spec }) => !this.#isPermitted(connection, "subscribe", spec))
      .map(({ spec }) => spec.channel);
  }

  #isPermitted(connection: Connection, action: ChannelAction, channel: ChannelName): boolean {
    const { publicChannels } = this.#deps.config();
    return mayDo({ grants: connection.claims, action, channel, publicChannels });
  }

  noteExpiry(claims: Claims | undefined): void {
    if (claims !== undefined) this.#nextExpiryMs = Math.min(this.#nextExpiryMs, claims.exp * 1_000);
  }

  /** Those whose token has run out. Looks at the connections only when one has. */
  expired(connections: Iterable<Connection>): Connection[] {
    const nowMs = this.#deps.now();
    if (nowMs < this.#nextExpiryMs) return [];
    this.#nextExpiryMs = Number.POSITIVE_INFINITY;
    return [...connections].filter((connection) => {
      const isExpired = connection.isExpired(nowMs);
      if (!isExpired) this.noteExpiry(connection.claims);
      return isExpired;
    });
  }
}
