/** The recovery rule (CONTRACT 5.1, REALTIME 1): may a client that stands at a position be given exactly what it missed?
 *  A log is known by its epoch, its top and the oldest offset it still holds; top and epoch outlive the list. */

export interface Position {
  readonly epoch: string;
  readonly offset: number;
}

export interface LogBounds {
  readonly epoch: string;
  readonly top: number;
  /** Oldest offset still held; top + 1 when none is. */
  readonly first: number;
}

export type Recovery =
  | { readonly recovered: true; readonly missed: number }
  /** `foreign`: another epoch. `future`: beyond the top. `trimmed`: no longer all there. `far`: more than one recovery may send. */
  | { readonly recovered: false; readonly reason: "foreign" | "future" | "trimmed" | "far" };

export function decideRecovery(log: LogBounds, since: Position, eventsMax: number): Recovery {
  if (since.epoch !== log.epoch) return { recovered: false, reason: "foreign" };
  if (since.offset > log.top) return { recovered: false, reason: "future" };
  const missed = log.top - since.offset;
  // Nothing missed: recovered even from a log whose list has expired.
  if (missed === 0) return { recovered: true, missed };
  if (log.first > since.offset + 1) return { recovered: false, reason: "trimmed" };
  if (missed > eventsMax) return { recovered: false, reason: "far" };
  return { recovered: true, missed };
}

/** A last-value channel: only its newest event counts (at `latest`, 0 when there never was one), so any position is made good by it. */
export function decideLastValue(log: { readonly epoch: string; readonly top: number; readonly latest: number }, since: Position): Recovery {
  if (log.latest === 0) return { recovered: false, reason: "trimmed" };
  const isCurrent = since.epoch === log.epoch && since.offset >= log.latest && since.offset <= log.top;
  return { recovered: true, missed: isCurrent ? 0 : 1 };
}
