/** GET /sse/{channel} (CONTRACT 5.5): one channel as an event stream. Checks who asks for what before anything starts, so that every
 *  refusal is an HTTP status; the stream itself is a relay's socket that may hibernate while the Worker holds the reader. */
import { Hono } from "hono";
import type { Context } from "hono";
import { findChannel, type ChannelName } from "../../channels/catalogue.ts";
import { readLastEventId, type SsePosition } from "../../channels/dialects/sse.ts";
import { parseFilters, type Filters } from "../../channels/filter.ts";
import { configOf } from "../../platform/config.ts";
import { AppError } from "../../platform/errors.ts";
import { internalHeaders } from "../../schemas/socket.ts";
import { SseQuery } from "../../schemas/sse.ts";
import { parseQuery } from "../http/query.ts";
import { placeOf, reachRelay } from "../placement.ts";
import { regionOf } from "../region.ts";
import { identifyBy, requireRead } from "../security/access.ts";
import { requireHandshake } from "../security/handshakes.ts";
import { requireStarted } from "../security/replay-channels.ts";
import { SsePump } from "../sse/pump.ts";

type SseContext = Context<{ Bindings: Env }>;

/** Neither a cache nor a proxy may keep or collect what is sent. */
const streamHeaders = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-store, no-transform",
  "x-accel-buffering": "no",
};

export function sseRoutes(clock: () => number = () => Date.now()): Hono<{ Bindings: Env }> {
  return new Hono<{ Bindings: Env }>().get("/sse/:channel", (c) => answer(c, clock()));
}

async function answer(c: SseContext, nowMs: number): Promise<Response> {
  const channel = findChannel(c.req.param("channel") ?? "");
  if (channel === undefined) throw new AppError("NOT_FOUND", "there is no such channel");
  requireHandshake(c.req.raw, nowMs);
  const { token: asked, last_event_id: from, ...wish } = parseQuery(SseQuery, new URL(c.req.url).searchParams);
  const credentials = new Headers(c.req.raw.headers);
  if (asked !== undefined && !credentials.has("authorization")) credentials.set("authorization", `Bearer ${asked}`);
  const reader = await identifyBy(c.env, credentials, nowMs);
  requireRead(c.env, reader, { action: "subscribe", channel });
  await requireStarted(c.env, channel);
  // A reader that comes back sends the header; the parameter is then what it began with.
  const position = positionOf(c.req.header("last-event-id") ?? from);
  const filters = filtersOf(wish);
  // Hono answers HEAD with the GET route: a socket for a body that nobody reads would stay open.
  if (c.req.method === "HEAD") return new Response(null, { headers: streamHeaders });
  const socket = await openSocket(c, reader.kind === "client" ? credentials.get("authorization") : null);
  return streamOf(socket, { channel, filters, position });
}

async function streamOf(
  socket: WebSocket,
  { channel, filters, position }: { channel: ChannelName; filters: Filters; position: SsePosition },
): Promise<Response> {
  const pump = new SsePump(socket, { subscribe: { channel: channel.channel, filters }, position, random: Math.random() });
  await pump.opened;
  return new Response(pump.body, { headers: streamHeaders });
}

function positionOf(text: string | undefined): SsePosition {
  // A reader that has seen no event yet sends an empty id.
  if (text === undefined || text === "") return undefined;
  const position = readLastEventId(text);
  if (position !== undefined) return position;
  throw new AppError("INVALID_PARAMETERS", "last_event_id: must be an id of this stream, <epoch>:<offset>", {
    details: { parameter: "last_event_id" },
  });
}

function filtersOf(wish: Readonly<Record<string, unknown>>): Filters {
  const parsed = parseFilters(wish);
  if (parsed.ok) return parsed.filters;
  const parameter = parsed.path.replace(/^filters\./, "");
  throw new AppError("INVALID_PARAMETERS", `${parameter}: ${parsed.message}`, { details: { parameter } });
}

/** `batch=0` names the dialect: native, one event a frame, whose text goes on untouched. */
async function openSocket(c: SseContext, authorization: string | null): Promise<WebSocket> {
  const place = placeOf(c.req.raw);
  const request = (relay: string): Request => {
    const headers = new Headers(c.req.raw.headers);
    for (const name of ["authorization", "sec-websocket-protocol", ...Object.values(internalHeaders)]) headers.delete(name);
    headers.set("upgrade", "websocket");
    headers.set(internalHeaders.relay, relay);
    headers.set(internalHeaders.home, regionOf(place, configOf(c.env).regions));
    if (authorization !== null) headers.set("authorization", authorization);
    return new Request("https://relay/ws?batch=0", { headers });
  };
  const { webSocket } = await reachRelay({ env: c.env, place, request });
  if (webSocket === null) throw new AppError("UPSTREAM_UNAVAILABLE", "the relay refused the socket", { retryAfterSeconds: 1 });
  return webSocket;
}
