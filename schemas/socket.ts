/** Frames of the native dialect (CONTRACT 5.1): what clients may send, parsed, and what the server answers, as types.
 *  Event frames are text made from an event's wire text (channels/dialects/native.ts), so they have no type here. */
import { z } from "zod";
import { historyLimitMax, idCharsMax } from "./limits.ts";

/** A rewind shows what has just happened; more is history's business. */
export const rewindEventsMax = 1_000;

/** A client's own name for a request, returned in the answer. */
export const RequestId = z.union([z.string().max(idCharsMax), z.number()]);
/** At most four segments of 64 characters. */
const Channel = z.string().min(1).max(259);
const Offset = z.int().nonnegative();
/** Tokens must fit a socket's stored state beside its subscriptions; a JWT of ours takes a few hundred bytes. */
const Token = z.string().min(1).max(8_192);
const Duration = z.string().regex(/^[1-9]\d{0,3}[sm]$/, 'must be a count or a duration such as "30s"');

export const ClientFrame = z.discriminatedUnion("type", [
  z.object({ type: z.literal("authenticate"), token: Token, id: RequestId.optional() }),
  z.object({
    type: z.literal("subscribe"),
    channel: Channel,
    filters: z.record(z.string(), z.unknown()).optional(),
    offset: Offset.optional(),
    epoch: z.string().min(1).max(idCharsMax).optional(),
    rewind: z.union([z.int().positive().max(rewindEventsMax), Duration]).optional(),
    /** Tell who comes and goes. */
    presence: z.boolean().optional(),
    /** Offers to say how far it has read; `subscribed` says how often, where the edge wants it. */
    ack: z.boolean().optional(),
    id: RequestId.optional(),
  }),
  z.object({ type: z.literal("unsubscribe"), channel: Channel, id: RequestId.optional() }),
  z.object({
    type: z.literal("history"),
    channel: Channel,
    since: Offset.optional(),
    epoch: z.string().min(1).max(idCharsMax).optional(),
    reverse: z.boolean().optional(),
    limit: z.int().positive().max(historyLimitMax).optional(),
    id: RequestId.optional(),
  }),
  z.object({ type: z.literal("presence"), channel: Channel, id: RequestId.optional() }),
  z.object({ type: z.literal("ping"), timestamp: z.union([z.number(), z.string().max(64)]).optional(), id: RequestId.optional() }),
  z.object({ type: z.literal("ack"), channel: Channel, offset: Offset, id: RequestId.optional() }),
]);

export type ClientFrame = z.infer<typeof ClientFrame>;
export type SubscribeFrame = Extract<ClientFrame, { type: "subscribe" }>;
export type HistoryFrame = Extract<ClientFrame, { type: "history" }>;
export type RequestId = z.infer<typeof RequestId>;

/** Unsubscribe codes: from 2500 on the client subscribes again with its position, below it does not (REALTIME 2). */
export const unsubscribeCodes = { asked: 2000, forbidden: 2003, insufficient: 2500 } as const;

/** Close codes (CONTRACT 5). */
export const closeCodes = {
  restart: 1001,
  policy: 1008,
  tooBig: 1009,
  unauthorized: 4001,
  forbidden: 4003,
  slow: 4008,
  expired: 4009,
  capacity: 4013,
  tooMany: 4029,
} as const;

/** `{"timestamp"}` apart: a pong echoes what it was sent. */
export type ServerFrame =
  | { readonly type: "welcome"; readonly connection_id: string; readonly region: string; readonly protocol: 1 }
  | { readonly type: "authenticated"; readonly expires_at: string; readonly id?: RequestId }
  | {
      readonly type: "subscribed";
      readonly channel: string;
      readonly epoch: string;
      readonly offset: number;
      readonly recovered: boolean;
      readonly was_recovering: boolean;
      readonly ack_every?: number;
      readonly id?: RequestId;
    }
  | { readonly type: "token_expiring"; readonly expires_at: string }
  | {
      readonly type: "presence";
      readonly channel: string;
      readonly members: readonly { readonly user: string; readonly client: string }[];
      readonly clients: number;
      readonly users: number;
      readonly id?: RequestId;
    }
  | { readonly type: "join" | "leave"; readonly channel: string; readonly member: { readonly user: string; readonly client: string } }
  | { readonly type: "unsubscribed"; readonly channel: string; readonly code: number; readonly reason: string; readonly id?: RequestId }
  | { readonly type: "pong"; readonly timestamp?: number | string }
  | { readonly type: "error"; readonly code: string; readonly message: string; readonly path?: string; readonly id?: RequestId };

/** How the gateway tells a relay what only it knows; a client's own headers of these names are dropped. */
export const internalHeaders = {
  relay: "x-edge-relay",
  channel: "x-edge-channel",
  dialect: "x-edge-dialect",
  home: "x-edge-home",
} as const;
