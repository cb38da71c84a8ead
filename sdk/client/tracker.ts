/** Decides what a frame means for a channel's position: deliver it, drop it, ask again from where we stand, or admit a loss. Pure; sending,
 *  timers and snapshots are subscription.ts's. The rule: a hole is `prev > last`, and nothing at or before `last` is delivered again. */
import type { Position } from "./channels.ts";
import type { EventFrame } from "./frames.ts";

export type Phase =
  /** Not subscribed on the present connection. */
  | "idle"
  /** Asked; only the answer to this request counts, frames of an earlier subscription do not. */
  | "subscribing"
  | "live"
  /** Continuity is lost and the snapshot is being read: frames are held off, the log has them. */
  | "reloading"
  /** Refused for good, until the client connects anew at the application's wish. */
  | "ended";

export interface Track {
  readonly phase: Phase;
  /** Everything up to here was delivered, or was announced as lost. Undefined before the first `subscribed`. */
  readonly position?: Position;
  /** While reloading: where the edge would go on without a snapshot. */
  readonly resume?: Position;
  /** Number of the subscribe request that is waited for. */
  readonly request: number;
  /** Snapshots in a row that led to no recovery. */
  readonly reloads: number;
}

export type Act =
  | { readonly kind: "none" }
  | { readonly kind: "deliver" }
  /** Subscribe again, from the position. */
  | { readonly kind: "resubscribe" }
  | { readonly kind: "subscribed"; readonly recovered: boolean }
  /** What lies between `from` and `to` is not coming. `reload`: read the snapshot, then go on from there. */
  | { readonly kind: "lost"; readonly from: Position | undefined; readonly to: Position; readonly reload: boolean }
  | { readonly kind: "ended" };

export interface Step {
  readonly track: Track;
  readonly act: Act;
}

/** A snapshot whose position cannot be recovered from either is tried this often; then the live stream matters more. */
export const reloadsMax = 3;

export function begin(position: Position | undefined): Track {
  return { phase: "idle", request: 0, reloads: 0, ...(position === undefined ? {} : { position }) };
}

/** The connection is there and a subscribe frame goes out. */
export function onAsked(track: Track, request: number): Track {
  return { ...track, phase: "subscribing", request };
}

export function onDisconnected(track: Track): Track {
  return track.phase === "live" || track.phase === "subscribing" ? { ...track, phase: "idle" } : track;
}

export interface Subscribed {
  readonly epoch: string;
  readonly offset: number;
  readonly recovered: boolean;
  readonly was_recovering: boolean;
  readonly id?: unknown;
}

export interface RecoveryRules {
  /** Whether a loss is answered with the snapshot. */
  readonly reloads: boolean;
  /** A channel of one entity: its newest event makes any position good, of any epoch. */
  readonly isLastValue: boolean;
}

export function onSubscribed(track: Track, frame: Subscribed, { reloads, isLastValue }: RecoveryRules): Step {
  if (track.phase !== "subscribing" || frame.id !== track.request) return { track, act: { kind: "none" } };
  const { position: from } = track;
  const to = { epoch: frame.epoch, offset: frame.offset };
  if (from === undefined) return { track: live(track, to), act: { kind: "subscribed", recovered: false } };
  if (frame.recovered && isLastValue) return { track: live(track, to), act: { kind: "subscribed", recovered: true } };
  // Recovered means: from exactly where we stand. Anything beyond would be a hole that nobody announced.
  if (frame.recovered && to.epoch === from.epoch && to.offset <= from.offset) {
    return { track: live(track, from), act: { kind: "subscribed", recovered: true } };
  }
  const reload = reloads && track.reloads < reloadsMax;
  const lost: Act = { kind: "lost", from, to, reload };
  return reload
    ? { track: { ...track, phase: "reloading", resume: to, reloads: track.reloads + 1 }, act: lost }
    : { track: live(track, to), act: lost };
}

function live(track: Track, position: Position): Track {
  return { phase: "live", request: track.request, reloads: 0, position };
}

export function onEvent(track: Track, { epoch, offset, prev }: Pick<EventFrame, "epoch" | "offset" | "prev">): Step {
  const { position } = track;
  if (track.phase !== "live" || position === undefined) return { track, act: { kind: "none" } };
  if (epoch !== position.epoch) return { track, act: { kind: "resubscribe" } };
  if (offset <= position.offset) return { track, act: { kind: "none" } };
  if (prev > position.offset) return { track, act: { kind: "resubscribe" } };
  return { track: { ...track, position: { epoch, offset } }, act: { kind: "deliver" } };
}

/** Says that nothing up to here is still to come. */
export function onPosition(track: Track, offset: number): Track {
  const { position } = track;
  if (track.phase !== "live" || position === undefined || offset <= position.offset) return track;
  return { ...track, position: { ...position, offset } };
}

/** From 2500 on the subscription may be renewed from its position, below it is over (docs/protocol.md, 5.1). */
const renewableFrom = 2500;

export function onUnsubscribed(track: Track, code: number): Step {
  // While a request is out, its answer decides: this frame speaks of the subscription before.
  if (track.phase !== "live" && track.phase !== "reloading") return { track, act: { kind: "none" } };
  if (code < renewableFrom) return { track: { ...track, phase: "ended" }, act: { kind: "ended" } };
  return track.phase === "live" ? { track, act: { kind: "resubscribe" } } : { track, act: { kind: "none" } };
}

/** Whether a snapshot continues what was delivered. One behind it would bring the same events again. */
export function isUsable(track: Track, snapshot: Position): boolean {
  const { position } = track;
  return position === undefined || position.epoch !== snapshot.epoch || snapshot.offset >= position.offset;
}

/** The snapshot is in the application's hands: the log continues it. */
export function onReloaded(track: Track, snapshot: Position): Track {
  return { phase: "idle", request: track.request, reloads: track.reloads, position: { epoch: snapshot.epoch, offset: snapshot.offset } };
}

/** No snapshot can be had: what is lost stays lost, what follows is in the log. */
export function onReloadFailed(track: Track): Track {
  const position = track.resume ?? track.position;
  return { phase: "idle", request: track.request, reloads: 0, ...(position === undefined ? {} : { position }) };
}
