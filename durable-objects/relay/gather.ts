/** Gathers the rows that a subscription needs before it can be answered: decides what is still lacking and how to come by it. Nothing here
 *  sends or joins; the next step is decided anew after each wait, because the stream moves on meanwhile. */
import { findStream } from "../../channels/catalogue.ts";
import type { Start } from "../../channels/dialects/dialect.ts";
import { decideRecovery, type Position } from "../../channels/recovery.ts";
import { recoveryEventsMax } from "../../schemas/limits.ts";
import { lastOf } from "../../schemas/row.ts";
import type { LogRow } from "../../schemas/rpc.ts";
import type { RequestId } from "../../schemas/socket.ts";
import type { Audience } from "./audience.ts";
import { lastValueScanMax, pullRoundsMax, rewindScanMax } from "./bounds.ts";
import { isFiltered, type GroupSpec } from "./groups.ts";
import type { Pulls } from "./pulls.ts";
import type { RelayStream } from "./stream.ts";
import type { Streams } from "./streams.ts";

export interface Wish {
  readonly spec: GroupSpec;
  readonly start: Start;
  readonly id?: RequestId | undefined;
  /** A position that can't be recovered is refused instead of subscribed live. */
  readonly recoverOrFail: boolean;
}

export interface SubscribeDeps {
  readonly streams: Streams;
  readonly audience: Audience;
  readonly pulls: Pulls;
  readonly now: () => number;
}

/** What has been gathered so far for one subscription. */
export interface Gathering {
  /** Before the first row wanted. */
  since: Position;
  readonly rows: LogRow[];
  rounds: number;
  /** Asked the hub whether a position beyond ours exists. */
  asked: boolean;
  lost: boolean;
  /** A rewind and a last value take what there is; a recovery takes all or nothing. */
  readonly takesPart: boolean;
}

/** Either ready, or something to wait for before looking again. */
export type Step =
  | { readonly kind: "ready"; readonly rows: readonly LogRow[] }
  | { readonly kind: "fresh" }
  | { readonly kind: "wait"; readonly work: () => Promise<void> };

export function isLastValue({ spec, start }: Wish): boolean {
  return start.kind === "position" && findStream(spec.stream)?.lastValue === true;
}

/** Where a client says it stands. */
export function claimOf({ start }: Wish, stream: RelayStream): Position | undefined {
  return start.kind === "position" ? { epoch: start.position.epoch ?? stream.epoch, offset: start.position.offset } : undefined;
}

export function gatheringOf(wish: Wish, stream: RelayStream, { audience }: SubscribeDeps): Gathering | undefined {
  const since = sinceOf(wish, stream);
  if (since === undefined) return undefined;
  const takesPart = wish.start.kind === "rewind" || isLastValue(wish);
  const offset = takesPart ? since.offset : audience.quietUpTo(wish.spec, since);
  return { since: { epoch: since.epoch, offset }, rows: [], rounds: 0, asked: false, lost: false, takesPart };
}

function sinceOf(wish: Wish, stream: RelayStream): Position | undefined {
  const { spec, start } = wish;
  const newest = (count: number): Position => ({ epoch: stream.epoch, offset: Math.max(0, stream.flushed - count) });
  if (start.kind === "live") return undefined;
  if (isLastValue(wish)) return newest(lastValueScanMax);
  if (start.kind === "position") return claimOf(wish, stream);
  return newest(start.events === undefined || isFiltered(spec) ? rewindScanMax : start.events);
}

export function nextStep(stream: RelayStream, gathering: Gathering, { wish, deps }: { wish: Wish; deps: SubscribeDeps }): Step {
  const claim = claimOf(wish, stream);
  const isAhead = (): boolean => claim !== undefined && claim.epoch === stream.epoch && claim.offset > stream.flushed;
  // What came in but was not sent yet may be what this client already knows from another relay.
  if (isAhead()) deps.streams.flush(stream);
  if (claim !== undefined && isAhead() && !gathering.asked) {
    gathering.asked = true;
    return { kind: "wait", work: () => deps.streams.caughtUp(stream, claim.offset) };
  }
  const { since } = gathering;
  const log = { epoch: stream.epoch, top: stream.flushed, first: gathering.lost ? stream.flushed + 1 : since.offset + 1 };
  if (!decideRecovery(log, since, recoveryEventsMax).recovered) return { kind: "fresh" };
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
    const isShorter = gathering.takesPart && pulled.first > end + 1 && pulled.first <= flushed;
    if (isShorter) gathering.since = { epoch, offset: pulled.first - 1 };
    else gathering.lost = true;
    return;
  }
  gathering.rows.push(...pulled.rows);
  if (stream.epoch === epoch) stream.ring.prepend(pulled.rows, stream.position);
}
