/** Every frame a client may be sent, as schemas: what the AsyncAPI document is made of and live frames are checked against. The relay
 *  itself writes text and types (schemas/socket.ts); a test keeps the two in step. */
import { z } from "zod";
import { Id, Time } from "./data.ts";
import { OriginalPosition } from "./event.ts";
import { unsubscribeCodes, RequestId } from "./socket.ts";

const channel = z.string().min(1).max(259).describe("canonical name: aliases are resolved");
const epoch = z.string().min(1).max(64).describe("the life of the stream's positions");
const offset = z.int().nonnegative().describe("position in the stream");
const id = RequestId.optional().describe("the client's own name for its request");
const member = z.object({ user: z.string(), client: z.string() });

/** What every event frame starts with; `type` and `data` hang on the event. */
export const EventHead = z.object({
  channel,
  epoch,
  offset,
  prev: offset.describe("the previous offset that matched this channel and filter: a hole is prev > the greatest offset seen"),
  id: Id,
  time: Time,
  meta: z.record(z.string(), z.unknown()).optional().describe("superjson's annotations for BigInt and Date"),
  original: OriginalPosition.optional().describe("in the channel of a replay: where the event stands in the stream it comes from"),
  stale: z.literal(true).optional().describe("older than the entity's newest state: it overwrites nothing"),
});

/** Native frames that are no events, by their `type`. */
export const controlFrames = {
  welcome: z.object({ type: z.literal("welcome"), connection_id: z.string(), region: z.string(), protocol: z.literal(1) }),
  authenticated: z.object({ type: z.literal("authenticated"), expires_at: Time, id }),
  token_expiring: z.object({ type: z.literal("token_expiring"), expires_at: Time }),
  subscribed: z.object({
    type: z.literal("subscribed"),
    channel,
    epoch,
    offset,
    recovered: z.boolean().describe("exactly the missed events follow; if false and was_recovering, continuity is lost"),
    was_recovering: z.boolean(),
    ack_every: z
      .int()
      .positive()
      .optional()
      .describe("milliseconds: while events come, say this often how far you have read, or be taken for a slow reader"),
    id,
  }),
  unsubscribed: z.object({
    type: z.literal("unsubscribed"),
    channel,
    code: z
      .int()
      .describe(
        `${unsubscribeCodes.asked} asked for, ${unsubscribeCodes.forbidden} forbidden, from ${unsubscribeCodes.insufficient} on: subscribe again from your position`,
      ),
    reason: z.string(),
    id,
  }),
  position: z.object({ type: z.literal("position"), channel, offset }),
  presence: z.object({
    type: z.literal("presence"),
    channel,
    members: z.array(member),
    clients: z.int().nonnegative(),
    users: z.int().nonnegative(),
    id,
  }),
  join: z.object({ type: z.literal("join"), channel, member }),
  leave: z.object({ type: z.literal("leave"), channel, member }),
  pong: z.object({ type: z.literal("pong"), timestamp: z.union([z.number(), z.string()]).optional() }),
  error: z.object({
    type: z.literal("error"),
    code: z.string().regex(/^[A-Z_]+$/),
    message: z.string(),
    path: z.string().optional().describe("dotted path of the offending field"),
    id,
  }),
} as const;

/** What surrounds event frames in an answer to `history`. */
export const HistoryHead = z.object({ type: z.literal("history"), channel, epoch, offset: offset.describe("ask on from here"), id });

const legacyStatus = z.enum(["pending", "executing", "completed", "failed"]);
const LegacyOpportunity = z.object({
  id: z.string(),
  chain: z.string(),
  tokenA: z.string(),
  tokenB: z.string(),
  profit: z.number(),
  gasEstimate: z.number(),
  timestamp: z.number(),
  status: legacyStatus,
});

/** Frames of the deployed frontend (CONTRACT 5.2): numbers are numbers, and nothing has a position. */
export const legacyFrames = {
  opportunity_new: z.object({ type: z.literal("opportunity_new"), data: LegacyOpportunity }),
  opportunity_update: z.object({ type: z.literal("opportunity_update"), data: LegacyOpportunity }),
  market_update: z.object({
    type: z.literal("market_update"),
    data: z.object({
      profit: z.number(),
      successRate: z.number(),
      latency: z.number(),
      totalOpportunities: z.number(),
      totalExecutions: z.number(),
      lastUpdate: z.number(),
    }),
  }),
} as const;
