/** Subscribing with recovery: gathers what a client missed while the stream moves on, then answers, sends and joins the group in one
 *  synchronous step, so that no event falls between the missed ones and the live ones. */
import { decideRecovery, type Position } from "../../channels/recovery.ts";
import { LiveEvent } from "../../channels/dialects/live-event.ts";
import { renderPosition, renderRun } from "../../channels/dialects/native.ts";
import { recoveryEventsMax } from "../../schemas/limits.ts";
import { eventsOf, lastOf } from "../../schemas/row.ts";
import type { LogRow } from "../../schemas/rpc.ts";
import type { RequestId } from "../../schemas/socket.ts";
import type { Audience } from "./audience.ts";
import { pullRoundsMax, rewindScanMax } from "./bounds.ts";
import type { Connection } from "./connection.ts";
import { belongs, isFiltered, type GroupSpec } from "./groups.ts";
import type { Pulls } from "./pulls.ts";
import type { RelayStream } from "./stream.ts";
import type { Streams } from "./streams.ts";

export type Start =
  | { readonly kind: "live" }
  | { readonly kind: "position"; readonly position: Position }
  /** The newest `events` that match, or those of the last `ms`. */
  | { readonly kind: "rewind"; readonly events?: number; readonly ms?: number };

export interface Wish {
  readonly spec: GroupSpec;
  readonly start: Start;
  readonly id?: RequestId | undefined;
}

export interface SubscribeDeps {
  readonly streams: Streams;
  readonly audience: Audience;
  readonly pulls: Pulls;
  readonly now: () => number;
}

/** What has been gathered so far for one subscription. */
interface Gathering {
  since: Position;
  readonly rows: LogRow[];
  rounds: number;
  /** Asked the hub whether a position beyond ours exists. */
  asked: boolean;
  lost: boolean;
  /** A rewind takes what there is; a recovery takes all or nothing. */
  readonly isRewind: boolean;
}

/** Either ready, or something to wait for before looking again. */
type Step =
  | { readonly kind: "ready"; readonly rows: readonly LogRow[] }
  | { readonly kind: "fresh" }
  | { readonly kind: "wait"; readonly work: () => Promise<void> };

/** Throws UPSTREAM_UNAVAILABLE when the hub can't be reached. */
export async function subscribe(connection: Connection, wish: Wish, deps: SubscribeDeps): Promise<void> {
  const stream = deps.streams.find(wish.spec.stream);
  let gathering: Gathering | undefined;
  while (connection.open) {
    if (stream.phase !== "live") {
      await deps.streams.joined(stream);
      continue;
    }
    // From here to finish() nothing may be awaited: the position read is the position joined at.
    const since = sinceOf(wish, stream);
    if (since === undefined) return finish(connection, wish, { deps, stream, from: undefined, rows: [] });
    gathering ??= { since, rows: [], rounds: 0, asked: false, lost: false, isRewind: wish.start.kind === "rewind" };
    const step = nextStep(stream, gathering, deps);
    if (step.kind === "wait") {
      await step.work();
      continue;
    }
    const isReady = step.kind === "ready";
    return finish(connection, wish, { deps, stream, from: isReady ? gathering.since.offset : undefined, rows: isReady ? step.rows : [] });
  }
}

function sinceOf({ spec, start }: Wish, stream: RelayStream): Position | undefined {
  if (start.kind === "live") return undefined;
  if (start.kind === "position") return start.position;
  const scan = start.events === undefined || isFiltered(spec) ? rewindScanMax : start.events;
  return { epoch: stream.epoch, offset: Math.max(0, stream.flushed - scan) };
}

function nextStep(stream: RelayStream, gathering: Gathering, deps: SubscribeDeps): Step {
  const { since } = gathering;
  // What came in but was not sent yet may be what this client already knows from another relay.
  if (since.epoch === stream.epoch && since.offset > stream.flushed) deps.streams.flush(stream);
  const log = { epoch: stream.epoch, top: stream.flushed, first: gathering.lost ? stream.flushed + 1 : since.offset + 1 };
  const recovery = decideRecovery(log, since, recoveryEventsMax);
  if (!recovery.recovered) {
    if (recovery.reason !== "future" || gathering.asked) return { kind: "fresh" };
    gathering.asked = true;
    return { kind: "wait", work: () => deps.streams.caughtUp(stream, since.offset) };
  }
  const newest = gathering.rows.at(-1);
  const end = newest === undefined ? since.offset : lastOf(newest);
  const rest = stream.ring.between(end, stream.flushed);
  if (rest !== undefined) return { kind: "ready", rows: [...gathering.rows, ...rest] };
  if (gathering.rounds >= pullRoundsMax) return { kind: "fresh" };
  return { kind: "wait", work: () => pullMore(stream, gathering, { deps, end }) };
}

async function pullMore(stream: RelayStream, gathering: Gathering, { deps, end }: { deps: SubscribeDeps; end: number }): Promise<void> {
  gathering.rounds += 1;
  const { epoch, flushed, name } = stream;
  const until = Math.min(flushed, (stream.ring.first ?? flushed + 1) - 1);
  const pulled = await deps.pulls.pull({ stream: name, epoch, since: end, until });
  if (pulled.kind === "lost") {
    const isShorter = gathering.isRewind && pulled.first > end + 1 && pulled.first <= flushed;
    if (isShorter) gathering.since = { epoch, offset: pulled.first - 1 };
    else gathering.lost = true;
    return;
  }
  gathering.rows.push(...pulled.rows);
  if (stream.epoch === epoch) stream.ring.prepend(pulled.rows, stream.position);
}

interface Outcome {
  readonly deps: SubscribeDeps;
  readonly stream: RelayStream;
  /** The position the client goes on from, undefined for the current one. */
  readonly from: number | undefined;
  readonly rows: readonly LogRow[];
}

/** One synchronous step: subscribed, what was missed, the position, and live from here. */
function finish(connection: Connection, wish: Wish, { deps, stream, from, rows }: Outcome): void {
  const { spec, start, id } = wish;
  const { channel } = spec;
  const { epoch, flushed } = stream;
  const matching = rows
    .flatMap(eventsOf)
    .map((event) => new LiveEvent(event))
    .filter((event) => !isFiltered(spec) || belongs(spec, event));
  const events = start.kind === "rewind" ? newestOf(matching, start, deps.now()) : matching;
  // A rewind begins right before its first event, a recovery at the client's own position.
  const offset = start.kind === "rewind" ? (events[0]?.offset ?? flushed + 1) - 1 : (from ?? flushed);
  const recovered = start.kind === "position" && from !== undefined;
  deps.audience.leave(connection, channel);
  deps.audience.join(connection, spec, flushed);
  connection.answer({
    type: "subscribed",
    channel,
    epoch,
    offset,
    recovered,
    was_recovering: start.kind === "position",
    ...(id === undefined ? {} : { id }),
  });
  const frames = renderRun({ channel, epoch }, events, offset);
  if ((events.at(-1)?.offset ?? offset) < flushed) frames.push(renderPosition(channel, flushed));
  connection.allow(frames.reduce((bytes, frame) => bytes + frame.length, 0));
  connection.sendAll(frames);
}

function newestOf(events: readonly LiveEvent[], start: { readonly events?: number; readonly ms?: number }, nowMs: number): LiveEvent[] {
  const recent = start.ms === undefined ? events : events.filter((event) => event.at >= nowMs - (start.ms ?? 0));
  return start.events === undefined ? [...recent] : recent.slice(-start.events);
}
