/** What the Upstream object and the Worker say to each other, and what its socket hands to producers/upstream. */

/** One frame of Contabo's socket that carries an event: `{"type":"opportunity_detected","data":{…}}` (docs/producers.md). */
export interface UpstreamFrame {
  readonly type: string;
  /** The whole frame: `type`, `data` and whatever stands beside them. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly bytes: number;
  /** Asked for after a reconnect: how old it is says nothing of how late the socket is. */
  readonly late?: true;
}

/** The time in which nobody listened to a backend. */
export interface MissedOrder {
  /** Of the socket that is subscribed now. */
  readonly address: string;
  /** When one was last heard; undefined in a new life of the object. */
  readonly heardMs: number | undefined;
  readonly signal: AbortSignal;
}

/** What became of a batch of frames. */
export type UpstreamOutcome =
  | {
      readonly kind: "taken";
      readonly accepted: number;
      readonly duplicates: number;
      readonly rejected: number;
      /** Of the first one rejected: its field, when one is at fault. */
      readonly path?: string;
      /** Time of the newest event. */
      readonly newestMs?: number;
    }
  /** Not durable, or not known to be: the same frames again, later. */
  | { readonly kind: "later"; readonly retryAfterMs: number };

export interface UpstreamStatus {
  readonly v: 1;
  readonly state: "off" | "waiting" | "dialling" | "open";
  /** Which of the configured addresses is used: 0 is the preferred one. */
  readonly backend: number;
  /** Since this life of the object. */
  readonly counts: UpstreamCounts;
  /** Frames that wait to become durable. */
  readonly waiting: number;
  /** How far the newest event received lay behind the clock when it was durable; absent before the first. */
  readonly lagMs?: number;
  /** Since anything was heard from the backend; absent when no socket is open. */
  readonly silentMs?: number;
}

export interface UpstreamCounts {
  readonly dials: number;
  readonly failovers: number;
  readonly returns: number;
  readonly frames: number;
  readonly accepted: number;
  readonly duplicates: number;
  readonly rejected: number;
  /** Events lost here: what came while more waited than the object may hold. */
  readonly dropped: number;
}

/** RPC surface of the Upstream object. */
export interface UpstreamRpc {
  /** Starts it if it is configured and not running; stops it if it no longer is. */
  keep(): Promise<void>;
  status(): Promise<UpstreamStatus>;
}
