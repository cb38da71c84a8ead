/** Subscribing with recovery: gathers what a client missed while the stream moves on, then answers, sends and joins the group in one
 *  synchronous step, so that no event falls between the missed ones and the live ones. */
import { LiveEvent } from "../../channels/dialects/live-event.ts";
import { decideLastValue, type Position } from "../../channels/recovery.ts";
import { AppError } from "../../platform/errors.ts";
import { eventsOf } from "../../schemas/row.ts";
import type { LogRow } from "../../schemas/rpc.ts";
import type { Connection } from "./connection.ts";
import { claimOf, gatheringOf, isLastValue, nextStep, type Gathering, type SubscribeDeps, type Wish } from "./gather.ts";
import { belongs, isFiltered, nameOf } from "./groups.ts";
import type { RelayStream } from "./stream.ts";

/** Throws UPSTREAM_UNAVAILABLE when the hub can't be reached, and CONFLICT for what the wish wants recovered or not at all. */
export async function subscribe(connection: Connection, wish: Wish, deps: SubscribeDeps): Promise<void> {
  const stream = deps.streams.find(wish.spec.stream);
  let gathering: Gathering | undefined;
  while (connection.open) {
    if (stream.phase !== "live") {
      await deps.streams.joined(stream);
      continue;
    }
    // From here to finish() nothing may be awaited: the position read is the position joined at.
    gathering ??= gatheringOf(wish, stream, deps);
    if (gathering === undefined) return finish(connection, wish, { deps, stream, ...fresh(stream, wish) });
    const step = nextStep(stream, gathering, { wish, deps });
    if (step.kind === "wait") {
      await step.work();
      continue;
    }
    const outcome = step.kind === "ready" ? outcomeOf(wish, stream, { rows: step.rows, nowMs: deps.now() }) : fresh(stream, wish);
    return finish(connection, wish, { deps, stream, ...outcome });
  }
}

interface Outcome {
  readonly recovered: boolean;
  /** The position the client goes on from. */
  readonly offset: number;
  readonly events: readonly LiveEvent[];
  /** From here to where the stream stands, only `events` are for this view. */
  readonly knownFrom: number;
}

function fresh({ flushed }: RelayStream, { start, recoverOrFail }: Wish): Outcome {
  if (recoverOrFail && start.kind === "position")
    throw new AppError("CONFLICT", "the history does not continue from this position", { details: "offset" });
  return { recovered: false, offset: flushed, events: [], knownFrom: flushed };
}

interface Gathered {
  readonly rows: readonly LogRow[];
  readonly nowMs: number;
}

function outcomeOf(wish: Wish, stream: RelayStream, { rows, nowMs }: Gathered): Outcome {
  const { spec, start } = wish;
  const events = rows
    .flatMap(eventsOf)
    .map((event) => new LiveEvent(event))
    .filter((event) => !isFiltered(spec) || belongs(spec, event));
  const claim = claimOf(wish, stream);
  if (claim !== undefined && isLastValue(wish)) return lastValueOf(wish, stream, { claim, events });
  // A recovery begins at the client's own position, a rewind right before its first event.
  if (claim !== undefined) return { recovered: true, offset: claim.offset, events, knownFrom: claim.offset };
  const shown = start.kind === "rewind" ? newestOf(events, start, nowMs) : events;
  return { recovered: false, offset: (shown[0]?.offset ?? stream.flushed + 1) - 1, events: shown, knownFrom: stream.flushed };
}

/** Only the newest event counts, whatever was missed before it. */
function lastValueOf(wish: Wish, stream: RelayStream, seen: { claim: Position; events: readonly LiveEvent[] }): Outcome {
  const { epoch, flushed } = stream;
  const latest = seen.events.findLast(({ stale }) => !stale) ?? seen.events.at(-1);
  const decision = decideLastValue({ epoch, top: flushed, latest: latest?.offset ?? 0 }, seen.claim);
  if (!decision.recovered || latest === undefined) return fresh(stream, wish);
  const knows = decision.missed === 0;
  const isBefore = seen.claim.epoch === epoch && seen.claim.offset < latest.offset;
  return {
    recovered: true,
    offset: knows || isBefore ? seen.claim.offset : latest.offset - 1,
    events: knows ? [] : [latest],
    knownFrom: flushed,
  };
}

interface Ending extends Outcome {
  readonly deps: SubscribeDeps;
  readonly stream: RelayStream;
}

/** One synchronous step: subscribed, what was missed, and live from here. */
function finish(connection: Connection, { spec, start, id }: Wish, ending: Ending): void {
  const { deps, stream, recovered, offset, events, knownFrom } = ending;
  const { epoch, flushed } = stream;
  const channel = nameOf(spec);
  deps.audience.leave(connection, channel);
  deps.audience.join(connection, spec, { position: flushed, prev: events.at(-1)?.offset ?? knownFrom });
  connection.catchUp({
    kind: "subscribed",
    run: { channel, epoch, prev: offset, events },
    offset,
    top: flushed,
    recovered,
    wasRecovering: start.kind === "position",
    id,
  });
}

function newestOf(events: readonly LiveEvent[], start: { readonly events?: number; readonly ms?: number }, nowMs: number): LiveEvent[] {
  const recent = start.ms === undefined ? events : events.filter((event) => event.at >= nowMs - (start.ms ?? 0));
  return start.events === undefined ? [...recent] : recent.slice(-start.events);
}
