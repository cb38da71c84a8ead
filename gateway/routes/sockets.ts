/** Socket addresses (CONTRACT 5): `/ws`, and `/ws/{channel}` or `/parties/channel/{channel}` already subscribed to one channel. Picks the
 *  relay and hands the upgrade on; who may hear what is decided there, where it can be answered by a frame. */
import { Hono } from "hono";
import type { Context } from "hono";
import { findChannel } from "../../channels/catalogue.ts";
import { relayName, relayStub } from "../../durable-objects/stubs.ts";
import { configOf } from "../../platform/config.ts";
import { AppError } from "../../platform/errors.ts";
import { internalHeaders } from "../../schemas/socket.ts";
import { regionOf, type Place } from "../region.ts";

type SocketContext = Context<{ Bindings: Env }>;

export const socketRoutes = new Hono<{ Bindings: Env }>()
  .get("/ws", (c) => forward(c, undefined))
  .get("/ws/:channel", (c) => forward(c, c.req.param("channel")))
  .get("/parties/channel/:channel", (c) => forward(c, c.req.param("channel")));

async function forward(c: SocketContext, name: string | undefined): Promise<Response> {
  if (c.req.header("upgrade")?.toLowerCase() !== "websocket") {
    throw new AppError("INVALID_PARAMETERS", "this address speaks WebSocket: send an upgrade", { status: 426 });
  }
  const channel = name === undefined ? undefined : findChannel(name)?.channel;
  if (name !== undefined && channel === undefined) throw new AppError("NOT_FOUND", `there is no channel "${name.slice(0, 64)}"`);
  const region = regionOf(placeOf(c.req.raw), configOf(c.env).regions);
  // One shard per region for now: its relay holds up to 30,000 sockets.
  const relay = relayName(region, 0);
  const headers = new Headers(c.req.raw.headers);
  headers.set(internalHeaders.relay, relay);
  headers.delete(internalHeaders.channel);
  if (channel !== undefined) headers.set(internalHeaders.channel, channel);
  return relayStub(c.env, relay).fetch(new Request(c.req.raw, { headers }));
}

function placeOf(request: Request): Place | undefined {
  const cf = request.cf;
  return cf === undefined || cf === null ? undefined : { continent: textOf(cf["continent"]), longitude: textOf(cf["longitude"]) };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
