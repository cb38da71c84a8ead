/** What every dialect translates between: the commands a client may give the core of a relay, and what the core tells the client.
 *  A dialect holds no state and decides no rights; a new one is a file like native.ts and its line in index.ts. */
import type { Member } from "../../schemas/presence.ts";
import type { RequestId } from "../../schemas/socket.ts";
import type { Filters } from "../filter.ts";
import type { LiveEvent } from "./live-event.ts";

/** How much an anonymous client of the deployed frontend is shown (CONTRACT 5.2). */
export type LegacyView = "full" | "redacted";

export type Start =
  | { readonly kind: "live" }
  /** Without an epoch the offset is 0: from the beginning of whatever epoch there is. */
  | { readonly kind: "position"; readonly position: { readonly epoch: string | undefined; readonly offset: number } }
  /** The newest `events` that match, or those of the last `ms`. */
  | { readonly kind: "rewind"; readonly events?: number; readonly ms?: number };

export interface SubscribeCommand {
  readonly kind: "subscribe";
  readonly id?: RequestId | undefined;
  readonly channel: string;
  readonly filters: Filters;
  readonly start: Start;
  /** A second subscription to a channel is refused; otherwise it takes the place of the first. */
  readonly once?: boolean;
  /** A position that can't be recovered is refused instead of subscribed live. */
  readonly recoverOrFail?: boolean;
  /** Wants to hear who comes and goes. */
  readonly watch?: boolean;
  /** Says now and then how far it has read, where it is asked to. */
  readonly ack?: boolean;
}

export interface HistoryCommand {
  readonly kind: "history";
  readonly id?: RequestId | undefined;
  readonly channel: string;
  readonly since?: { readonly epoch: string | undefined; readonly offset: number } | undefined;
  /** Undefined: a page of the usual size. 0: only where the stream stands. */
  readonly limit?: number | undefined;
  /** Newest first, and `since` is where to end: events before it. */
  readonly reverse?: boolean | undefined;
}

export type Command =
  | { readonly kind: "authenticate"; readonly id?: RequestId | undefined; readonly token: string }
  /** First command of a dialect that has a handshake. */
  | { readonly kind: "connect"; readonly id?: RequestId | undefined; readonly token: string | undefined }
  | SubscribeCommand
  | { readonly kind: "unsubscribe"; readonly id?: RequestId | undefined; readonly channel: string }
  | HistoryCommand
  | { readonly kind: "presence"; readonly id?: RequestId | undefined; readonly channel: string; readonly counts: boolean }
  | { readonly kind: "ping"; readonly id?: RequestId | undefined; readonly timestamp?: number | string | undefined };

/** Why a command was not done. The socket lives on. */
export interface Refusal {
  readonly code: string;
  readonly message: string;
  /** Dotted path of the offending field; `type` when it is the command itself. */
  readonly path?: string | undefined;
  readonly id?: RequestId | undefined;
}

/** Why the core closes a socket; each dialect has its own codes for it. */
export type Closing =
  | "policy"
  | "bad_request"
  | "too_big"
  | "unauthorized"
  | "forbidden"
  | "slow"
  | "expired"
  | "too_many"
  /** Of one user. */
  | "too_many_sockets"
  | "silent"
  /** The client no longer pings. */
  | "gone"
  /** To be placed anew: it comes back at once. */
  | "restart"
  | "bad_token";

/** One command, or what else a message may hold. */
export type Incoming =
  | { readonly kind: "command"; readonly command: Command }
  | { readonly kind: "refused"; readonly refusal: Refusal }
  /** Never offered in this dialect, whoever asks: its own words say so. */
  | { readonly kind: "declined"; readonly text: string }
  | { readonly kind: "close"; readonly closing: Closing }
  /** How far the client has read: free of charge, and no answer. */
  | { readonly kind: "ack"; readonly channel: string; readonly offset: number }
  /** Nothing to do, as for the answer to a ping: free of charge. */
  | { readonly kind: "nothing" };

/** Events of one channel, in order, all of them matching; `prev` is the matching offset before the first. */
export interface Run {
  readonly channel: string;
  readonly epoch: string;
  readonly prev: number;
  readonly events: readonly LiveEvent[];
}

export interface Presence {
  readonly members: readonly Member[];
  /** True counts, also where the list of members is cut. */
  readonly clients: number;
  readonly users: number;
}

interface Asked {
  readonly id?: RequestId | undefined;
}

export type Reply =
  | { readonly kind: "welcome"; readonly connectionId: string; readonly region: string }
  | ({ readonly kind: "connected"; readonly connectionId: string; readonly ttlSeconds: number | undefined } & Asked)
  | ({ readonly kind: "authenticated"; readonly expiresAtMs: number; readonly ttlSeconds: number } & Asked)
  /** A token that does not hold, shown by the first command or later; a close follows. */
  | ({ readonly kind: "token_refused"; readonly reason: "expired" | "invalid"; readonly during: "connect" | "authenticate" } & Asked)
  | { readonly kind: "token_expiring"; readonly expiresAtMs: number }
  | ({
      readonly kind: "subscribed";
      readonly run: Run;
      /** Where the client goes on from: its own position when recovered. */
      readonly offset: number;
      /** Where the stream stands: everything up to here is in the run or not for this client. */
      readonly top: number;
      readonly recovered: boolean;
      readonly wasRecovering: boolean;
    } & Asked)
  /** The answer to an unsubscribe. */
  | ({ readonly kind: "left"; readonly channel: string; readonly wasSubscribed: boolean } & Asked)
  /** Not asked for. From 2500 on the client comes back by its position. */
  | { readonly kind: "unsubscribed"; readonly channel: string; readonly code: number; readonly reason: string }
  /** `offset`: where to ask on from. `top`: where the stream stands, or `offset` where the search ended before it. */
  | ({ readonly kind: "history"; readonly run: Run; readonly offset: number; readonly top: number; readonly reverse: boolean } & Asked)
  | ({ readonly kind: "presence"; readonly channel: string; readonly presence: Presence; readonly counts: boolean } & Asked)
  | { readonly kind: "join" | "leave"; readonly channel: string; readonly member: Member }
  | ({ readonly kind: "pong"; readonly timestamp?: number | string | undefined } & Asked)
  | { readonly kind: "refused"; readonly refusal: Refusal };

/** What a rendering may hang on beside the group: everything else is the same for all who share it. */
export interface Listener {
  /** Takes several frames in one message. */
  readonly batch: boolean;
  /** The stream's position when it joined. */
  readonly joinedAt: number;
  /** How often it is to say how far it has read. */
  readonly ackEveryMs?: number | undefined;
}

/** The texts of one run for one listener; rendered once for all. */
export type Rendered = (listener: Listener) => readonly string[];

export interface Rendering extends Run {
  /** Offset of the event of the same entity that was shown last before this one, or 0. */
  shownOf(event: LiveEvent): number;
  readonly view: LegacyView | undefined;
  /** What lies between the listeners' own position and `prev` holds nothing for them, but they were not told so yet. */
  readonly announce: boolean;
  /** Set where conflation left events out: the matching offset before each event, and up to where the run stands for everything. */
  readonly sparse?: { readonly prevs: readonly number[]; readonly end: number } | undefined;
}

export interface Dialect {
  /** The client's first command is `connect`, and nothing is said before it. */
  readonly hasHandshake: boolean;
  /** Frames carry the channel's name as the client gave it, an alias too. */
  readonly keepsNames: boolean;
  /** Sent to every socket of this dialect with each renewal, while the object is awake for it anyway. */
  readonly heartbeat: string | undefined;
  read(raw: string | ArrayBuffer): readonly Incoming[];
  write(reply: Reply, listener: Listener): readonly string[];
  /** Undefined when nothing of the run is for this dialect. */
  render(rendering: Rendering): Rendered | undefined;
  /** Tells an idle listener how far the stream is; undefined where the dialect has no such frame. */
  position(channel: string, offset: number): string | undefined;
  close(closing: Closing): { readonly code: number; readonly reason: string };
}
