/** Whether a reader may have what a request asks for: the same capability REST and sockets need (CONTRACT 4). */
import { mayDo, mayOperate } from "../../channels/capabilities.ts";
import type { ChannelAction } from "../../channels/capabilities.ts";
import type { ChannelName } from "../../channels/catalogue.ts";
import { configOf } from "../../platform/config.ts";
import { AppError } from "../../platform/errors.ts";
import { readerOf } from "./reader.ts";
import type { Reader } from "./reader.ts";
import { revocationsOf } from "./revocations.ts";

export interface ReadRequest {
  readonly action: ChannelAction;
  readonly channel: ChannelName;
}

/** Throws UNAUTHORIZED for bad credentials. */
export function identify(c: { readonly env: Env; readonly req: { readonly raw: Request } }, nowMs: number): Promise<Reader> {
  return identifyBy(c.env, c.req.raw.headers, nowMs);
}

/** By credentials that did not all come as headers. */
export async function identifyBy(env: Env, headers: Headers, nowMs: number): Promise<Reader> {
  const reader = await readerOf(headers, configOf(env), nowMs);
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
  if (reader.kind === "operator" || (reader.kind === "client" && mayOperate(reader.claims))) return;
  throw refusal(reader, "operators only");
}

/** What credentials lack; `anonymous` has none to lack. */
export function refusal(reader: Reader, what: string): AppError {
  if (reader.kind === "anonymous") return new AppError("UNAUTHORIZED", `a token is needed (${what})`);
  return new AppError("FORBIDDEN", `this token does not allow it (${what})`);
}
