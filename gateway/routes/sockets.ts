/** Socket addresses (CONTRACT 5): `/ws`; `/ws/{channel}` or `/parties/channel/{channel}`, already subscribed to one channel; and
 *  `/connection/websocket` for Centrifugo's SDKs. Picks the relay and hands the upgrade on; who may hear what is decided there, where it
 *  can be answered by a frame. */
import { Hono } from "hono";
import type { Context } from "hono";
import { findChannel } from "../../channels/catalogue.ts";
import type { DialectName } from "../../channels/dialects/index.ts";
import { configOf } from "../../platform/config.ts";
import { AppError } from "../../platform/errors.ts";
import { internalHeaders } from "../../schemas/socket.ts";
import { placeOf, reachRelay } from "../placement.ts";
import { regionOf } from "../region.ts";
import { requireHandshake } from "../security/handshakes.ts";
import { requireOrigin } from "../security/origins.ts";

type SocketContext = Context<{ Bindings: Env }>;

export const socketRoutes = new Hono<{ Bindings: Env }>()
  .get("/ws", (c) => forward(c, {}))
  .get("/ws/:channel", (c) => forward(c, { channel: channelOf(c.req.param("channel")) }))
  .get("/parties/channel/:channel", (c) => forward(c, { channel: channelOf(c.req.param("channel")) }))
  .get("/connection/websocket", (c) => {
    if (speaksProtobuf(c)) throw new AppError("INVALID_PARAMETERS", "this address speaks JSON, not protobuf");
    return forward(c, { dialect: "centrifugo" });
  });

function speaksProtobuf(c: SocketContext): boolean {
  const protocols = c.req.header("sec-websocket-protocol") ?? "";
  return protocols.includes("centrifuge-protobuf") || c.req.query("format") === "protobuf" || c.req.query("cf_protocol") === "protobuf";
}

/** What the address says beside the region. */
interface Wish {
  readonly channel?: string;
  readonly dialect?: DialectName;
}

function channelOf(name: string): string {
  const channel = findChannel(name)?.channel;
  if (channel === undefined) throw new AppError("NOT_FOUND", `there is no channel "${name.slice(0, 64)}"`);
  return channel;
}

async function forward(c: SocketContext, wish: Wish): Promise<Response> {
  if (c.req.header("upgrade")?.toLowerCase() !== "websocket") {
    throw new AppError("INVALID_PARAMETERS", "this address speaks WebSocket: send an upgrade", { status: 426 });
  }
  requireHandshake(c.req.raw, Date.now());
  requireOrigin(c.env, c.req.raw);
  const place = placeOf(c.req.raw);
  const request = (relay: string): Request => {
    const headers = new Headers(c.req.raw.headers);
    const told = { relay, home: regionOf(place, configOf(c.env).regions), channel: wish.channel, dialect: wish.dialect };
    for (const [key, name] of Object.entries(internalHeaders)) {
      const value = told[key as keyof typeof told];
      if (value === undefined) headers.delete(name);
      else headers.set(name, value);
    }
    return new Request(c.req.raw, { headers });
  };
  return reachRelay({ env: c.env, place, request });
}
