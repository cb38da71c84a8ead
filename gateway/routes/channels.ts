/** GET /api/channels/{channel}/{history,snapshot,presence}: a channel's log and its state, each with positions to continue live from, and
 *  who listens. */
import { Hono } from "hono";
import type { Context } from "hono";
import { z } from "zod";
import { findChannel, findStream } from "../../channels/catalogue.ts";
import type { ChannelName } from "../../channels/catalogue.ts";
import type { ChannelAction } from "../../channels/capabilities.ts";
import type { Position } from "../../channels/recovery.ts";
import { channelStub } from "../../durable-objects/stubs.ts";
import { AppError } from "../../platform/errors.ts";
import { idCharsMax, pageLimitMax } from "../../schemas/limits.ts";
import type { ChannelRpc, SettledReply } from "../../schemas/rpc.ts";
import { readSnapshot } from "../../stores/entities.ts";
import type { SnapshotKind, SnapshotPage, SnapshotQuery } from "../../stores/entities.ts";
import { ask } from "../http/ask.ts";
import { decodeCursor, encodeCursor } from "../http/cursor.ts";
import { pageOf, success } from "../http/envelope.ts";
import { Cursor, wholeNumber } from "../http/parameters.ts";
import { parseQuery } from "../http/query.ts";
import { identify, requireRead } from "../security/access.ts";
import { requireStarted } from "../security/replay-channels.ts";
import { HistoryQuery, readHistory } from "./history.ts";
import { incompleteUpTo, offsetIn, requireReach } from "./positions.ts";

type ReadContext = Context<{ Bindings: Env }>;

/** What these routes reach out to: a test can hold one of them back. */
export interface ChannelDeps {
  clock(): number;
  channel(env: Env, stream: string): Pick<ChannelRpc, "history" | "settled" | "latest" | "presence">;
  snapshot(env: Env, kind: SnapshotKind, query: SnapshotQuery): Promise<SnapshotPage>;
}

const platformDeps: ChannelDeps = { clock: Date.now, channel: channelStub, snapshot: readSnapshot };

export const SnapshotParameters = z.object({ limit: wholeNumber(1, pageLimitMax).default(pageLimitMax), cursor: Cursor.optional() });

/** The position is fixed by the first page: later pages may show newer states, each with its own offset. */
const SnapshotCursor = z.object({
  v: z.literal(1),
  channel: z.string(),
  epoch: z.string(),
  offset: z.int().nonnegative(),
  after: z.string().max(idCharsMax),
});

export function channelRoutes(deps: ChannelDeps = platformDeps): Hono<{ Bindings: Env }> {
  return new Hono<{ Bindings: Env }>()
    .get("/api/channels/:channel/history", (c) => answerHistory(c, deps))
    .get("/api/channels/:channel/presence", (c) => answerPresence(c, deps))
    .get("/api/channels/:channel/snapshot", (c) => answerSnapshot(c, deps));
}

async function answerPresence(c: ReadContext, deps: ChannelDeps): Promise<Response> {
  const { channel, stream } = channelOf(c);
  await authorise(c, { action: "presence", channel: channelOf(c), nowMs: deps.clock() });
  await requireStarted(c.env, { channel, stream });
  const asked = deps.channel(c.env, stream).presence({ v: 1, stream, channel });
  const { members, users, clients, silent } = await ask(asked, { what: "the channel" });
  return c.json(success({ channel, members, users, clients, relays_silent: silent }), 200, { "cache-control": "no-store" });
}

async function answerHistory(c: ReadContext, deps: ChannelDeps): Promise<Response> {
  const channel = channelOf(c);
  await authorise(c, { action: "history", channel, nowMs: deps.clock() });
  await requireStarted(c.env, channel);
  const query = parseQuery(HistoryQuery, new URL(c.req.url).searchParams);
  const { reply, events, through, hasNext } = await readHistory({ hub: () => deps.channel(c.env, channel.stream), channel, query });
  const data = { channel: channel.channel, epoch: reply.epoch, top: reply.top, first: reply.first, through, events };
  return c.json(success(data, { limit: query.limit, has_next: hasNext }), 200, { "cache-control": "no-store" });
}

async function answerSnapshot(c: ReadContext, deps: ChannelDeps): Promise<Response> {
  const channel = channelOf(c);
  if (findStream(channel.stream)?.lastValue === true) return answerLatest(c, channel, deps);
  const kind = snapshotKindOf(channel.stream);
  const nowMs = deps.clock();
  await authorise(c, { action: "subscribe", channel, nowMs });
  const { limit, cursor } = parseQuery(SnapshotParameters, new URL(c.req.url).searchParams);
  const from = cursor === undefined ? undefined : readCursor(cursor, channel.channel);
  // The watermark first: read after the items it could cover a state that they lack.
  const settled = await ask(deps.channel(c.env, channel.stream).settled({ v: 1, stream: channel.stream }), { what: "the channel" });
  const position = from ?? { epoch: settled.epoch, offset: settled.offset };
  requireReach(settled, position);
  const page = await ask(deps.snapshot(c.env, kind, { chain: channel.chain, nowMs, limit, after: from?.after }), { what: "the hot cache" });
  const { epoch, offset } = position;
  const next = page.next === undefined ? undefined : encodeCursor({ v: 1, channel: channel.channel, epoch, offset, after: page.next });
  return c.json(success(snapshotOf(channel, { settled, position, page }), pageOf(limit, next)), 200, { "cache-control": "no-store" });
}

/** A last-value channel's state is in its object: nothing is behind, so the position is the top. */
async function answerLatest(c: ReadContext, channel: ChannelName, deps: ChannelDeps): Promise<Response> {
  await authorise(c, { action: "subscribe", channel, nowMs: deps.clock() });
  parseQuery(SnapshotParameters, new URL(c.req.url).searchParams);
  const { epoch, top, event } = await ask(deps.channel(c.env, channel.stream).latest({ v: 1, stream: channel.stream }), {
    what: "the channel",
  });
  const items = event === undefined ? [] : [{ ...(JSON.parse(event.text) as { data: object }).data, offset: event.offset }];
  return c.json(success({ channel: channel.channel, epoch, offset: top, items }), 200, { "cache-control": "no-store" });
}

function snapshotOf({ channel }: ChannelName, read: { settled: SettledReply; position: Position; page: SnapshotPage }): unknown {
  const { epoch, offset } = read.position;
  const items = read.page.rows.map((row) => ({ ...row.data, offset: offsetIn(epoch, row) }));
  const incomplete = incompleteUpTo(offset, read.settled.incomplete);
  return { channel, epoch, offset, items, ...(incomplete.length > 0 ? { incomplete } : {}) };
}

/** Looked up in the catalogue first: an unknown name creates no object. */
function channelOf(c: ReadContext): ChannelName {
  const channel = findChannel(c.req.param("channel") ?? "");
  if (channel === undefined) throw new AppError("NOT_FOUND", "there is no such channel");
  return channel;
}

function snapshotKindOf(stream: string): SnapshotKind {
  if (findStream(stream)?.sinks.includes("hot-cache") === true) {
    for (const kind of ["opportunities", "executions", "strategies", "metrics"] as const) if (kind === stream) return kind;
  }
  throw new AppError("NOT_FOUND", `${stream} has no snapshot: its events are not kept in the hot cache; read its history instead`);
}

async function authorise(c: ReadContext, request: { action: ChannelAction; channel: ChannelName; nowMs: number }): Promise<void> {
  requireRead(c.env, await identify(c, request.nowMs), request);
}

function readCursor(text: string, channel: string): z.infer<typeof SnapshotCursor> {
  const cursor = decodeCursor(SnapshotCursor, text);
  if (cursor.channel === channel) return cursor;
  throw new AppError("INVALID_PARAMETERS", "cursor: was made for another channel", { details: { parameter: "cursor" } });
}
