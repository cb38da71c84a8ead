/** A page of a channel's history, read from the hub's log: after a position, before one, or the newest. A view's page looks through as
 *  much of the stream as it takes to fill it, within a bound. */
import type { ChannelName } from "../../channels/catalogue.ts";
import type { HistoryCommand, Run } from "../../channels/dialects/dialect.ts";
import { LiveEvent } from "../../channels/dialects/live-event.ts";
import { decideRecovery } from "../../channels/recovery.ts";
import { AppError } from "../../platform/errors.ts";
import { historyLimitMax, pageLimitDefault } from "../../schemas/limits.ts";
import { eventsOf } from "../../schemas/row.ts";
import type { HistoryReply } from "../../schemas/rpc.ts";
import { historyScanMax } from "./bounds.ts";
import type { Pulls } from "./pulls.ts";

export interface HistoryPage {
  readonly run: Run;
  /** Where to ask on from. */
  readonly offset: number;
  /** Where the stream stands, or `offset` when the search ended before it. */
  readonly top: number;
}

/** What has been looked through, as an interval of offsets, and the matching events of it in order. */
interface Scan {
  /** Exclusive. */
  from: number;
  /** Inclusive. */
  until: number;
  events: LiveEvent[];
  /** Nothing lies further on in this direction. */
  isWhole: boolean;
}

interface Search {
  readonly channel: ChannelName;
  readonly pulls: Pulls;
  readonly limit: number;
  readonly log: HistoryReply;
}

/** Throws CONFLICT when the history does not continue from a position that names its epoch. */
export async function readHistory(command: HistoryCommand, channel: ChannelName, pulls: Pulls): Promise<HistoryPage> {
  const { since, reverse = false } = command;
  const limit = Math.min(command.limit ?? pageLimitDefault, historyLimitMax);
  // Nothing is beyond the greatest offset: the answer only tells where the log stands.
  const log = await pulls.page({ stream: channel.stream, since: Number.MAX_SAFE_INTEGER, limit: 1 });
  if (since?.epoch !== undefined) requireContinuing(log, { epoch: since.epoch, offset: since.offset }, reverse);
  const search: Search = { channel, pulls, limit, log };
  if (limit === 0) return pageOf(search, { from: log.top, until: log.top, events: [], isWhole: true }, "forward");
  if (since !== undefined && !reverse) return pageOf(search, await scanForward(search, since.offset), "forward");
  const until = since === undefined ? log.top : Math.min(since.offset - 1, log.top);
  return pageOf(search, await scanBackward(search, until), reverse ? "reverse" : "newest");
}

function requireContinuing(log: HistoryReply, since: { epoch: string; offset: number }, reverse: boolean): void {
  const isForeign = since.epoch !== log.epoch;
  // From 0 on, and backwards, means as much as there is.
  const isWanting = !reverse && since.offset > 0 && !decideRecovery(log, since, Number.MAX_SAFE_INTEGER).recovered;
  if (isForeign || isWanting) throw new AppError("CONFLICT", "the history does not continue from this position", { details: "since" });
}

/** The stream's events at a time: a view may have to look through many to find its own. */
function pageSize({ channel, limit }: Search): number {
  return channel.chain === undefined ? limit : historyLimitMax;
}

function matching({ channel: { chain } }: Search, { rows }: HistoryReply): { all: LiveEvent[]; events: LiveEvent[] } {
  const all = rows.flatMap(eventsOf).map((event) => new LiveEvent(event));
  return { all, events: chain === undefined ? all : all.filter((event) => event.data["chain"] === chain) };
}

function isDone(scan: Scan, limit: number): boolean {
  return scan.isWhole || scan.events.length >= limit || scan.until - scan.from >= historyScanMax;
}

async function scanForward(search: Search, since: number): Promise<Scan> {
  const { log, limit, pulls, channel } = search;
  const from = Math.min(log.top, Math.max(since, log.first - 1));
  const scan: Scan = { from, until: from, events: [], isWhole: from >= log.top };
  while (!isDone(scan, limit)) {
    const page = await pulls.page({ stream: channel.stream, since: scan.until, limit: pageSize(search) });
    const { all, events } = matching(search, page);
    const isNext = page.epoch === log.epoch && all[0]?.offset === scan.until + 1;
    if (isNext) {
      scan.events.push(...events);
      scan.until = all.at(-1)?.offset ?? scan.until;
    }
    scan.isWhole = !isNext || scan.until >= log.top;
  }
  return scan;
}

async function scanBackward(search: Search, until: number): Promise<Scan> {
  const { log, limit, pulls, channel } = search;
  const scan: Scan = { from: until, until, events: [], isWhole: until < log.first };
  while (!isDone(scan, limit)) {
    const count = pageSize(search);
    const since = Math.max(0, scan.from - count);
    const page = await pulls.page({ stream: channel.stream, since, until: scan.from, limit: count, reverse: true });
    const { all, events } = matching(search, page);
    const isNext = page.epoch === log.epoch && all.at(-1)?.offset === scan.from;
    if (isNext) {
      scan.events.unshift(...events);
      scan.from = (all[0]?.offset ?? scan.from + 1) - 1;
    }
    scan.isWhole = !isNext || scan.from < log.first;
  }
  return scan;
}

/** `forward`: the first ones. `newest`: the last ones, in their order. `reverse`: the same, and going on before them. */
function pageOf({ channel, limit, log }: Search, scan: Scan, direction: "forward" | "newest" | "reverse"): HistoryPage {
  const isForward = direction === "forward";
  const events = isForward ? scan.events.slice(0, limit) : scan.events.slice(-limit);
  const before = isForward ? undefined : scan.events[scan.events.length - events.length - 1];
  const isFull = events.length > 0 && scan.events.length >= limit;
  const onward = {
    forward: isFull ? events.at(-1)?.offset : undefined,
    newest: undefined,
    reverse: isFull ? events[0]?.offset : scan.from + 1,
  };
  const offset = onward[direction] ?? scan.until;
  const run = { channel: channel.channel, epoch: log.epoch, prev: before?.offset ?? scan.from, events };
  return { run, offset, top: scan.isWhole || isFull ? log.top : offset };
}
