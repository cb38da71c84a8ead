/** Whether a reader may have what a request asks for: the same capability REST and sockets need (CONTRACT 4). */
import { hasPermission, mayDo, type Permission } from "../../channels/capabilities.ts";
import type { ChannelAction } from "../../channels/capabilities.ts";
import type { ChannelName } from "../../channels/catalogue.ts";
import { configOf } from "../../platform/config.ts";
import { AppError } from "../../platform/errors.ts";
import { readerOf } from "./reader.ts";
import type { Reader } from "./reader.ts";
import { revocationsOf } from "./revocations.ts";
import { ownKeysOf } from "./signing-keys.ts";

export interface ReadRequest {
  readonly action: ChannelAction;
  readonly channel: ChannelName;
}

const identified = new WeakMap<Request, Promise<Reader>>();

/** Throws UNAUTHORIZED for bad credentials. A request is checked once, however many ask: its limits are those of who it is. */
export function identify(c: { readonly env: Env; readonly req: { readonly raw: Request } }, nowMs: number): Promise<Reader> {
  const { raw } = c.req;
  const reader = identified.get(raw) ?? identifyBy(c.env, raw.headers, nowMs);
  identified.set(raw, reader);
  return reader;
}

/** By credentials that did not all come as headers. */
export async function identifyBy(env: Env, headers: Headers, nowMs: number): Promise<Reader> {
  const { opsKey, jwt } = configOf(env);
  const reader = await readerOf(headers, { opsKey, jwt: { ...jwt, ownKeys: ownKeysOf(env) } }, nowMs);
  if (reader.kind === "client" && (await revocationsOf(env).covers(reader.claims, nowMs))) {
    throw new AppError("UNAUTHORIZED", "the token is revoked");
  }
  return reader;
}

export function mayRead(env: Env, reader: Reader, { action, channel }: ReadRequest): boolean {
  if (reader.kind === "operator") return true;
  const grants = reader.kind === "client" ? reader.claims : undefined;
  return mayDo({ grants, action, channel, publicChannels: configOf(env).publicChannels });
}

/** Throws UNAUTHORIZED when a token could help, FORBIDDEN when the token shown is not enough. */
export function requireRead(env: Env, reader: Reader, request: ReadRequest): void {
  if (!mayRead(env, reader, request)) throw refusal(reader, `${request.action} on ${request.channel.channel}`);
}

/** Whether a shared cache may keep an answer of this channel. */
export function anybodyMayRead(env: Env, request: ReadRequest): boolean {
  return mayRead(env, { kind: "anonymous" }, request);
}

/** For /ops: OPS_API_KEY or a token of an operator's role. */
export function requireOperator(reader: Reader): void {
  if (!isAllowed(reader, "operate")) throw refusal(reader, "operators only");
}

/** By the table of roles in channels/capabilities.ts; OPS_API_KEY may do all. */
export function isAllowed(reader: Reader, permission: Permission): boolean {
  return reader.kind === "operator" || (reader.kind === "client" && hasPermission(reader.claims, permission));
}

export function requirePermission(reader: Reader, permission: Permission): void {
  if (!isAllowed(reader, permission)) throw refusal(reader, `a role that may ${permission}`);
}

/** What credentials lack; `anonymous` has none to lack. */
export function refusal(reader: Reader, what: string): AppError {
  if (reader.kind === "anonymous") return new AppError("UNAUTHORIZED", `a token is needed (${what})`);
  return new AppError("FORBIDDEN", `this token does not allow it (${what})`);
}
