/** Sends a dead letter back to where it failed, and marks it. Sent first: what dies in between is sent twice, which every consumer takes, and never
 *  marked without having been sent. */
import { AppError } from "../../platform/errors.ts";
import type { LetterRow, RedriveBody } from "../../schemas/dead-letter.ts";
import { queueSendTimeoutMs } from "../../schemas/limits.ts";
import { findLetter, keepCorrection, markLetter } from "../../stores/dead-letter-index.ts";
import type { DeadLetterStores } from "../../stores/dead-letters.ts";
import { ask } from "../http/ask.ts";
import { decideRedrive } from "./message.ts";
import type { Redrive } from "./message.ts";

export interface RedriveBindings extends DeadLetterStores {
  readonly INBOX: Queue;
  readonly HOT_CACHE: Queue;
  readonly EVENT_LOG: Queue;
}

export interface Redriven {
  readonly id: string;
  readonly queue: Redrive["queue"];
  /** Times it was sent again, this one included. */
  readonly redrives: number;
}

interface Handling {
  readonly id: string;
  readonly correction: RedriveBody;
}

const index = { what: "the dead letters" };

/** Throws NOT_FOUND, INVALID_PARAMETERS naming what of the correction is wrong, or UPSTREAM_UNAVAILABLE: then it still waits. */
export async function redrive(env: RedriveBindings, { id, correction }: Handling, nowMs: number): Promise<Redriven> {
  const found = await ask(findLetter(env, id), index);
  if (found === undefined) throw new AppError("NOT_FOUND", "there is no such dead letter");
  const { row, letter } = found;
  const decision = decideRedrive(row.queue, letter.body, correction);
  if (!decision.ok)
    throw new AppError("INVALID_PARAMETERS", `${decision.path}: ${decision.message}`, { details: { parameter: decision.path } });
  const { queue, bodies } = decision.redrive;
  if (correction.events !== undefined || correction.body !== undefined) await ask(keepCorrection(env, row, bodies.join("\n\n")), index);
  await ask(send(env, decision.redrive), { what: `queue ${queue}`, timeoutMs: queueSendTimeoutMs });
  await ask(markLetter(env, row, { state: "redriven", nowMs }), index);
  return { id, queue, redrives: row.redrives + 1 };
}

async function send(env: RedriveBindings, { queue, bodies }: Redrive): Promise<void> {
  const target = { inbox: env.INBOX, "hot-cache": env.HOT_CACHE, "event-log": env.EVENT_LOG }[queue];
  await target.sendBatch(bodies.map((body) => ({ body, contentType: "text" as const })));
}

/** What an operator sees of a letter in a list. */
export function shownLetter(row: LetterRow): Readonly<Record<string, unknown>> {
  const { id, queue, reason, parkedMs, bytes, stream, epoch, first, last, attempts, parks, state, redrives, handledMs } = row;
  const iso = (ms: number): string => new Date(ms).toISOString();
  return {
    id,
    queue,
    reason,
    state,
    parked_at: iso(parkedMs),
    bytes,
    ...(attempts === null ? {} : { attempts }),
    parks,
    redrives,
    ...(handledMs === null ? {} : { handled_at: iso(handledMs) }),
    ...(stream === null || epoch === null || first === null || last === null ? {} : { positions: { stream, epoch, first, last } }),
  };
}
