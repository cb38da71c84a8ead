/** What Worker, Channel objects and Relay objects say to each other. Every shape carries `v` and changes additively:
 *  a deploy runs old and new objects side by side (DESIGN 19). Trusted callers, so types only; text inside is parsed where it is read. */

import type { OperationSlot, RelayUse } from "./operations.ts";
import type { MembersReply, PresenceReply, PresenceRequest } from "./presence.ts";
import type { RevokeReply, RevokeRequest } from "./revocation.ts";

/** An event ready to be sequenced: identity and version are computed once, at ingest, from the parsed event. */
export interface Publication {
  /** hash64 of source and id: the idempotency key (16 hex digits). */
  readonly key: string;
  /** hash64 of the entity the event speaks of (16 hex digits). */
  readonly entity: string;
  readonly timeMs: number;
  /** Lifecycle rank: orders states that share a millisecond. */
  readonly rank: number;
  /** The event's wire text, rendered once (schemas/render.ts). Never contains a newline. */
  readonly text: string;
}

export interface PublishRequest {
  readonly v: 1;
  readonly stream: string;
  /** `bulk` is what comes by way of the inbox queue: admitted at a bounded share of the channel's rate. */
  readonly lane: "live" | "bulk";
  readonly events: readonly Publication[];
}

export type PublishReply =
  | {
      readonly v: 1;
      readonly kind: "ok";
      readonly epoch: string;
      /** The position of each event in request order; a repeat gets its original one. */
      readonly offsets: readonly number[];
      /** Indexes of the events that were repeats. */
      readonly duplicates: readonly number[];
    }
  /** The outbox is past its byte bound: nothing was accepted. */
  | { readonly v: 1; readonly kind: "full"; readonly retryAfterMs: number }
  /** Bulk only: nothing was accepted, the share of the rate is used up. */
  | { readonly v: 1; readonly kind: "later"; readonly retryAfterMs: number };

/** One row of a channel's log, as it is stored, delivered to relays and read back: a contiguous run of offsets. */
export interface LogRow {
  /** Offset of the first line. */
  readonly first: number;
  readonly count: number;
  /** When the row was sequenced: epoch ms, never decreasing along the log. */
  readonly at: number;
  /** Offsets in this row whose event was older than its entity's newest state when it was sequenced. */
  readonly stale: readonly number[];
  /** For each line the offset of the same entity's previous event within the dedupe window, or 0: who has seen this entity? */
  readonly earlier: readonly number[];
  /** Wire texts joined by newlines. */
  readonly lines: string;
}

/** The hub hands a relay what follows its position. Empty `rows` asks for its position only. */
export interface DeliverRequest {
  readonly v: 1;
  readonly stream: string;
  readonly epoch: string;
  readonly generation: number;
  /** The offset before the first row: the relay must stand here or beyond. */
  readonly prev: number;
  /** The log no longer reaches back to the relay's position: what lies before `prev` is lost to it and its clients must be told. */
  readonly reset: boolean;
  readonly rows: readonly LogRow[];
}

export type DeliverReply =
  /** `position`: everything up to here is with the relay. The hub continues from it, whatever it sent. */
  | { readonly v: 1; readonly kind: "at"; readonly position: number }
  /** The relay still waits for its join to be answered: ask again shortly. */
  | { readonly v: 1; readonly kind: "joining" }
  /** The relay has no such interest (any more): the hub forgets generations up to this one. */
  | { readonly v: 1; readonly kind: "gone"; readonly generation: number };

/** A relay registers interest, or says where it stands (each 30 s). Both are one call: a renewal that finds nothing registers. */
export interface InterestRequest {
  readonly v: 1;
  readonly stream: string;
  /** The relay's name, `relay:{region}:{shard}`; the hub finds its stub by it. */
  readonly relay: string;
  /** max(now, last + 1) at the relay: a later registration beats an earlier one, whatever order they arrive in. */
  readonly generation: number;
  /** Where the relay stands; absent when it joins at the top. */
  readonly position?: { readonly epoch: string; readonly offset: number };
  /** What the relay did since it last told one of its hubs. */
  readonly used?: RelayUse;
}

export interface InterestReply {
  readonly v: 1;
  readonly epoch: string;
  readonly top: number;
  /** Oldest offset the log still holds; top + 1 when it holds none. */
  readonly first: number;
}

export interface LeaveRequest {
  readonly v: 1;
  readonly stream: string;
  readonly relay: string;
  readonly generation: number;
}

export interface HistoryRequest {
  readonly v: 1;
  readonly stream: string;
  /** Events after this offset. */
  readonly since: number;
  /** At most about this many events; rows are cut to it. */
  readonly limit?: number;
  /** Nothing after this offset. */
  readonly until?: number;
  /** The newest ones up to `until` instead of the first ones after `since`; still in the order of their offsets. */
  readonly reverse?: boolean;
}

export interface HistoryReply {
  readonly v: 1;
  readonly epoch: string;
  readonly top: number;
  readonly first: number;
  /** Consecutive from the first held offset after `since`, cut by `limit` and by historyReplyBytesMax. */
  readonly rows: readonly LogRow[];
}

/** D1 has surely applied these positions (or they are settled as dead letters: `incomplete`). */
export interface AppliedRequest {
  readonly v: 1;
  readonly stream: string;
  readonly epoch: string;
  readonly ranges: readonly Range[];
  /** Settled without having been applied: kept as dead letters. Counted into `ranges` as well by the channel. */
  readonly incomplete?: readonly Range[];
  /** Rows that D1 wrote for them, index entries included. */
  readonly d1RowsWritten?: number;
}

/** Inclusive on both ends. */
export type Range = readonly [first: number, last: number];

export interface SettledReply {
  readonly v: 1;
  readonly epoch: string;
  /** Everything up to here is applied to D1 or listed under `incomplete`. */
  readonly offset: number;
  readonly top: number;
  readonly first: number;
  readonly incomplete: readonly Range[];
}

export interface StreamRequest {
  readonly v: 1;
  readonly stream: string;
}

export interface StatusRequest extends StreamRequest {
  /** Answer also the operations that were counted from then on, epoch ms. */
  readonly operationsSince?: number;
}

/** The newest event that was not stale: what a last-value channel such as `market` shows. Outlives the log's rows. */
export interface LatestReply {
  readonly v: 1;
  readonly epoch: string;
  readonly top: number;
  readonly event?: { readonly offset: number; readonly at: number; readonly text: string };
}

export interface ChannelStatus {
  readonly v: 1;
  readonly stream: string;
  readonly epoch: string;
  readonly top: number;
  readonly first: number;
  readonly logBytes: number;
  /** Events accepted and not yet handed over, by queue. */
  readonly outbox: Readonly<Record<string, number>>;
  readonly settled: number;
  readonly relays: readonly { readonly relay: string; readonly position: number; readonly behind: boolean }[];
  readonly operations?: readonly OperationSlot[];
}

/** RPC surface of a Channel object. The stream is named in each request: an alarm or a stub by id has no name. */
export interface ChannelRpc {
  publish(request: PublishRequest): Promise<PublishReply>;
  interest(request: InterestRequest): Promise<InterestReply>;
  leave(request: LeaveRequest): Promise<void>;
  history(request: HistoryRequest): Promise<HistoryReply>;
  applied(request: AppliedRequest): Promise<void>;
  settled(request: StreamRequest): Promise<SettledReply>;
  latest(request: StreamRequest): Promise<LatestReply>;
  presence(request: PresenceRequest): Promise<PresenceReply>;
  status(request: StatusRequest): Promise<ChannelStatus>;
}

/** A deliver that its receiver also brings to other relays of its region: with many relays the hub calls one per region. */
export interface ForwardRequest {
  readonly v: 1;
  readonly request: DeliverRequest;
  readonly to: readonly { readonly relay: string; readonly generation: number }[];
}

export interface ForwardReply {
  readonly v: 1;
  readonly own: DeliverReply;
  /** In the order of `to`; null where the relay did not answer in time. */
  readonly forwarded: readonly (DeliverReply | null)[];
}

export interface DrainRequest {
  readonly v: 1;
  /** False: the region serves again. */
  readonly drained: boolean;
}

export interface DrainReply {
  readonly v: 1;
  /** Sockets that are sent to other regions. */
  readonly sent: number;
}

export interface ServingReply {
  readonly v: 1;
  readonly serving: boolean;
}

/** RPC surface of a Relay object, beside `fetch` for socket upgrades. */
export interface RelayRpc {
  deliver(request: DeliverRequest): Promise<DeliverReply>;
  forward(request: ForwardRequest): Promise<ForwardReply>;
  members(request: PresenceRequest): Promise<MembersReply>;
  drain(request: DrainRequest): Promise<DrainReply>;
  serving(): Promise<ServingReply>;
  revoke(request: RevokeRequest): Promise<RevokeReply>;
}
