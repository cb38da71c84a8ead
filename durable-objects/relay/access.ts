/** Tokens on sockets: who the bearer is, what they may hear, and when that ends. */
import { mayDo, type ChannelAction } from "../../channels/capabilities.ts";
import { findChannel, isReplayChannel, type ChannelName } from "../../channels/catalogue.ts";
import { utf8Bytes } from "../../platform/bytes.ts";
import type { Config } from "../../platform/config.ts";
import { AppError } from "../../platform/errors.ts";
import type { OwnKeys } from "../../platform/own-keys.ts";
import type { Revocations } from "../../platform/revocations.ts";
import { verifyToken, type Claims } from "../../platform/token.ts";
import { withTimeout } from "../../platform/timeout.ts";
import { attachmentBytesMax, hubTimeoutMs, noticeMs } from "./bounds.ts";
import type { Connection } from "./connection.ts";

export interface AccessDeps {
  readonly now: () => number;
  /** Survives the object's sleep: when to look at the tokens next. */
  readonly store: { findDue(): number | undefined; saveDue(atMs: number | undefined): void };
  /** Something is due earlier than was known. */
  onDue(): void;
  config(): Config;
  readonly revocations: Pick<Revocations, "covers" | "isKnownFor">;
  readonly ownKeys: Pick<OwnKeys, "find">;
  /** Whether there is a replay with this channel. */
  hasReplay(stream: string): Promise<boolean>;
}

/** A client is told before its token expires: a minute before, or at half of what a shorter one has left. Pure. */
export function noticeAt(nowMs: number, expiresAtMs: number): number {
  return Math.max(expiresAtMs - noticeMs, nowMs + (expiresAtMs - nowMs) / 2);
}

export interface DueTokens {
  readonly expired: readonly Connection[];
  readonly expiring: readonly Connection[];
}

export class Access {
  readonly #deps: AccessDeps;
  /** No token is to be announced or ended before this. */
  #nextDueMs: number;

  constructor(deps: AccessDeps) {
    this.#deps = deps;
    this.#nextDueMs = deps.store.findDue() ?? Number.POSITIVE_INFINITY;
  }

  get hasDue(): boolean {
    return Number.isFinite(this.#nextDueMs);
  }

  get isDue(): boolean {
    return this.#deps.now() >= this.#nextDueMs;
  }

  /** Binds a token to the connection, or says why it does not hold. Throws when its claims are too many to keep with a socket. */
  async authenticate(connection: Connection, token: string): Promise<"expired" | "invalid" | Claims> {
    const { config, ownKeys, now } = this.#deps;
    const verified = await verifyToken(token, { ...config().jwt, ownKeys }, now());
    if (!verified.ok) return verified.reason;
    const { claims } = verified;
    if (await this.#deps.revocations.covers(claims, this.#deps.now())) return "invalid";
    if (utf8Bytes(JSON.stringify(claims)) > attachmentBytesMax) {
      throw new AppError("INVALID_PARAMETERS", `the token's claims take more than ${attachmentBytesMax} bytes`, { details: "token" });
    }
    connection.claims = claims;
    connection.noticeAtMs = noticeAt(this.#deps.now(), claims.exp * 1_000);
    connection.save();
    this.note(connection);
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

  /** The same, and the channel exists: the name of a replay's says only what it would be. Throws UPSTREAM_UNAVAILABLE as well. */
  async admitted(connection: Connection, action: ChannelAction, name: string): Promise<ChannelName> {
    const channel = this.permitted(connection, action, name);
    if (isReplayChannel(channel.stream) && !(await this.#hasReplay(channel.stream)))
      throw new AppError("NOT_FOUND", `there is no channel "${channel.channel}"`, { details: "channel" });
    return channel;
  }

  async #hasReplay(stream: string): Promise<boolean> {
    try {
      return await withTimeout(this.#deps.hasReplay(stream), hubTimeoutMs, "the list of replays");
    } catch (error) {
      throw new AppError("UPSTREAM_UNAVAILABLE", "the list of replays is out of reach, try again shortly", { cause: error });
    }
  }

  /** Subscriptions that the connection's present token does not cover. */
  revoked(connection: Connection): string[] {
    return [...connection.groups].filter(([, { spec }]) => !this.#isPermitted(connection, "subscribe", spec)).map(([name]) => name);
  }

  #isPermitted(connection: Connection, action: ChannelAction, channel: ChannelName): boolean {
    const { publicChannels } = this.#deps.config();
    return mayDo({ grants: connection.claims, action, channel, publicChannels });
  }

  /** Those whose token was revoked after it was accepted. */
  ended(connections: Iterable<Connection>): Connection[] {
    const nowMs = this.#deps.now();
    return [...connections].filter(({ claims }) => claims !== undefined && this.#deps.revocations.isKnownFor(claims, nowMs));
  }

  note(connection: Connection): void {
    const dueMs = dueOf(connection);
    if (dueMs >= this.#nextDueMs) return;
    this.#nextDueMs = dueMs;
    this.#deps.store.saveDue(dueMs);
    this.#deps.onDue();
  }

  /** Those whose token has run out, and those to be told that it will. Looks at the connections only when there are any. */
  due(connections: Iterable<Connection>): DueTokens {
    if (!this.isDue) return { expired: [], expiring: [] };
    const nowMs = this.#deps.now();
    const known = [...connections].filter(({ claims }) => claims !== undefined);
    const expired = known.filter((connection) => connection.isExpired(nowMs));
    const living = known.filter((connection) => !connection.isExpired(nowMs));
    const expiring = living.filter(({ noticeAtMs }) => noticeAtMs !== undefined && noticeAtMs <= nowMs);
    for (const connection of expiring) {
      connection.noticeAtMs = undefined;
      connection.save();
    }
    this.#nextDueMs = living.reduce((next, connection) => Math.min(next, dueOf(connection)), Number.POSITIVE_INFINITY);
    this.#deps.store.saveDue(this.hasDue ? this.#nextDueMs : undefined);
    return { expired, expiring };
  }
}

function dueOf({ claims, noticeAtMs }: Connection): number {
  return claims === undefined ? Number.POSITIVE_INFINITY : (noticeAtMs ?? claims.exp * 1_000);
}
