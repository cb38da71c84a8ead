/** Decides what a reader's position is worth against a channel's log: pure rules for history and snapshot (REALTIME 1, DESIGN 13). */
import { decideRecovery } from "../../channels/recovery.ts";
import type { LogBounds, Position } from "../../channels/recovery.ts";
import { AppError } from "../../platform/errors.ts";
import { eventsOf, lastOf } from "../../schemas/row.ts";
import type { HistoryReply, Range } from "../../schemas/rpc.ts";

/** Backwards there is no hole to fall into: what a log no longer holds is its end. A position counts in its own epoch only. */
export function refuseForeign(log: LogBounds, { epoch }: Position): void {
  if (epoch === log.epoch) return;
  const { top, first } = log;
  throw new AppError("CONFLICT", "the stream has started over: this position is of another epoch", {
    details: { recovered: false, reason: "foreign", epoch: log.epoch, top, first },
  });
}

/** What `recovered: false` is on a socket. The details say where the log stands, so that the reader can start over. */
export function refuseHole(log: LogBounds, position: Position): void {
  const recovery = decideRecovery(log, position, Number.POSITIVE_INFINITY);
  if (recovery.recovered) return;
  const { epoch, top, first } = log;
  throw new AppError("CONFLICT", `the history does not continue from this position (${recovery.reason}): reload the snapshot`, {
    details: { recovered: false, reason: recovery.reason, epoch, top, first },
  });
}

/** A reader tries again after this long: by then the hot cache has caught up, or the reader meets the same answer. */
const catchUpSeconds = 5;

/** A snapshot whose position the log no longer reaches would lead into a silent hole: the hot cache must catch up first.
 *  Between pages the stream may also have begun a new epoch: then the pages no longer belong together. */
export function requireReach(log: LogBounds, position: Position): void {
  const recovery = decideRecovery(log, position, Number.POSITIVE_INFINITY);
  if (recovery.recovered) return;
  const { epoch, top, first } = log;
  if (recovery.reason === "trimmed") {
    throw new AppError("CAPACITY_EXCEEDED", "the hot cache is behind what the history still holds", {
      retryAfterSeconds: catchUpSeconds,
      details: { epoch, offset: position.offset, first },
    });
  }
  throw new AppError("CONFLICT", "the stream has started over: read the snapshot from its first page", { details: { epoch, top } });
}

export interface HistoryEvent {
  readonly epoch: string;
  readonly offset: number;
  readonly stale?: true;
  readonly event: unknown;
}

export interface HistoryPage {
  readonly events: readonly HistoryEvent[];
  /** Everything up to here has been looked at: the `since` of the next page. */
  readonly through: number;
}

interface View {
  readonly chain?: string | undefined;
  readonly limit: number;
}

/** The events of a reply that belong to the view, at most `limit`. What the view leaves out still advances `through`. */
export function historyPage(reply: HistoryReply, view: View & { readonly since: number }): HistoryPage {
  const beyond = viewed(reply, view).filter(({ offset }) => offset > view.since);
  const events = beyond.slice(0, view.limit);
  const last = reply.rows.at(-1);
  const cut = events.length === view.limit ? events.at(-1)?.offset : undefined;
  // Without a row there is nothing left to look at: a reader told to ask again from `since` would do so for ever.
  return { events, through: cut ?? Math.max(view.since, last === undefined ? reply.top : lastOf(last)) };
}

/** The same from the newest to the oldest: `through` is the `since` before which the next page begins. */
export function reversePage(reply: HistoryReply, view: View): HistoryPage {
  const events = viewed(reply, view).toReversed().slice(0, view.limit);
  const cut = events.length === view.limit ? events.at(-1)?.offset : undefined;
  return { events, through: cut ?? reply.rows[0]?.first ?? reply.first };
}

function viewed(reply: HistoryReply, { chain }: View): HistoryEvent[] {
  const events = reply.rows.flatMap(eventsOf).map(({ offset, stale, text }) => {
    // What was originally sent is for operators: the log of truth has it. A replay's position is for everybody who may read it.
    const { original, ...event } = JSON.parse(text) as { original?: unknown; data?: { chain?: unknown } };
    const shown = typeof original === "object" ? { ...event, original } : event;
    return { epoch: reply.epoch, offset, ...(stale ? { stale } : {}), event: shown };
  });
  return chain === undefined ? events : events.filter(({ event }) => event.data?.chain === chain);
}

/** A row written in another epoch of the stream lies before every position of this one. */
export function offsetIn(epoch: string, row: { readonly epoch: string; readonly offset: number }): number {
  return row.epoch === epoch ? row.offset : 0;
}

/** Dead-lettered ranges the snapshot lacks: those up to its position. */
export function incompleteUpTo(offset: number, ranges: readonly Range[]): Range[] {
  return ranges.filter(([first]) => first <= offset).map(([first, last]) => [first, Math.min(last, offset)]);
}
