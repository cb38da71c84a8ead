/** Whether a reader may have what a request asks for: the same capability REST and sockets need (CONTRACT 4). */
import type { Context } from "hono";
import { mayDo } from "../../channels/capabilities.ts";
import type { ChannelAction } from "../../channels/capabilities.ts";
import type { ChannelName } from "../../channels/catalogue.ts";
import { configOf } from "../../platform/config.ts";
import { AppError } from "../../platform/errors.ts";
import { readerOf } from "./reader.ts";
import type { Reader } from "./reader.ts";

export interface ReadRequest {
  readonly action: ChannelAction;
  readonly channel: ChannelName;
}

/** Throws UNAUTHORIZED for bad credentials. */
export function identify(c: Context<{ Bindings: Env }>, nowMs: number): Promise<Reader> {
  return readerOf(c.req.raw.headers, configOf(c.env), nowMs);
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

const operatorRoles = new Set(["admin", "super_admin", "operator"]);

/** For /ops: OPS_API_KEY or a token of an operator's role. */
export function requireOperator(reader: Reader): void {
  if (reader.kind === "operator") return;
  const role = reader.kind === "client" ? (reader.claims.role ?? "").toLowerCase() : "";
  if (!operatorRoles.has(role)) throw refusal(reader, "operators only");
}

/** What credentials lack; `anonymous` has none to lack. */
export function refusal(reader: Reader, what: string): AppError {
  if (reader.kind === "anonymous") return new AppError("UNAUTHORIZED", `a token is needed (${what})`);
  return new AppError("FORBIDDEN", `this token does not allow it (${what})`);
}
