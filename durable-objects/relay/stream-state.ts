/** What a relay answers its hub, and what it takes from a deliver or a renewal: pure, so that it runs under any schedule of loss,
 *  delay and reordering. The hub continues from the position in the reply, so nothing here ever has to ask for what is missing. */
import type { DeliverReply, DeliverRequest, InterestReply, LogRow } from "../../schemas/rpc.ts";
import { cutRow, lastOf } from "../../schemas/row.ts";

export interface StreamState {
  /** `idle`: no interest. `joining`: the hub has not answered yet. `live`: stands at `position` of `epoch`. */
  readonly phase: "idle" | "joining" | "live";
  /** Of the latest registration, kept for ever: a later one must beat it. */
  readonly generation: number;
  readonly epoch: string;
  readonly position: number;
}

export type DeliverDecision =
  | { readonly kind: "refuse"; readonly reply: DeliverReply }
  | {
      readonly kind: "take";
      readonly epoch: string;
      /** Set when what lies between the old position and this one is lost: subscribers must be told before the rows are applied. */
      readonly jumpTo: number | undefined;
      /** Contiguous from the position (or the jump) on; what the relay already has is cut off. */
      readonly rows: readonly LogRow[];
      readonly position: number;
    };

export function decideDeliver(state: StreamState | undefined, request: DeliverRequest): DeliverDecision {
  const gone: DeliverDecision = { kind: "refuse", reply: { v: 1, kind: "gone", generation: request.generation } };
  if (state === undefined || state.phase === "idle" || state.generation !== request.generation) return gone;
  // Asked again shortly, the join will have been answered: no live rows need buffering here.
  if (state.phase === "joining") return { kind: "refuse", reply: { v: 1, kind: "joining" } };
  // Epochs sort by creation. A late call of an earlier epoch must not lead back; if the hub really went back, the renewal tells.
  if (request.epoch < state.epoch) return { kind: "refuse", reply: { v: 1, kind: "joining" } };
  const jumpTo = jumpOf(state, request);
  const from = jumpTo ?? state.position;
  // A gap: nothing is applied and the hub learns where to continue. An empty `rows` only asks that.
  const rows = request.prev > from ? [] : contiguousAfter(from, request.rows);
  const last = rows.at(-1);
  return { kind: "take", epoch: request.epoch, jumpTo, rows, position: last === undefined ? from : lastOf(last) };
}

function jumpOf(state: StreamState, request: DeliverRequest): number | undefined {
  if (request.epoch !== state.epoch) return request.prev;
  // A reset that comes late lies behind us: only what leads forward is a jump.
  return request.reset && request.prev > state.position ? request.prev : undefined;
}

/** The rows, or their parts, that follow `position` without a hole. */
export function contiguousAfter(position: number, rows: readonly LogRow[]): LogRow[] {
  const taken: LogRow[] = [];
  let last = position;
  for (const row of rows) {
    const rest = cutRow(row, last + 1, Number.MAX_SAFE_INTEGER);
    if (rest === undefined) continue;
    if (rest.first !== last + 1) break;
    taken.push(rest);
    last = lastOf(rest);
  }
  return taken;
}

/** Where to stand after a renewal was answered, or undefined when there is nothing to do: what is lacking, the hub pushes.
 *  `asked` is the state the renewal spoke of; an epoch taken meanwhile by a deliver is newer than this answer. */
export function decideRenewal(asked: StreamState, now: StreamState, reply: InterestReply): { epoch: string; jumpTo: number } | undefined {
  if (now.phase !== "live" || now.generation !== asked.generation || now.epoch !== asked.epoch) return undefined;
  return reply.epoch === now.epoch ? undefined : { epoch: reply.epoch, jumpTo: reply.top };
}

/** A later registration beats an earlier one even when the clock stood still or stepped back. */
export function nextGeneration(last: number, nowMs: number): number {
  return Math.max(nowMs, last + 1);
}
