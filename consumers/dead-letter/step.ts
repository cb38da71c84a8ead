/** Keeps what the platform dead-lettered by itself, after its last attempt. If it was meant for the hot cache its positions are settled
 *  as incomplete: a snapshot says what it lacks instead of waiting for ever. */
import { messageOf } from "../../platform/errors.ts";
import { unpack } from "../../schemas/pack.ts";
import type { PackedMessage } from "../../schemas/pack.ts";
import { lastOf } from "../../schemas/row.ts";
import type { AppliedRequest, Range } from "../../schemas/rpc.ts";
import type { LetterPositions } from "../../stores/dead-letters.ts";
import { done, retry } from "../consume.ts";
import type { Outcome } from "../consume.ts";

export interface DeadLetterDeps {
  park(body: unknown, positions: LetterPositions | undefined): Promise<unknown>;
  applied(request: AppliedRequest): Promise<void>;
}

export async function deadLetterStep(bodies: readonly unknown[], deps: DeadLetterDeps): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const body of bodies) outcomes.push(await keep(body, deps));
  return outcomes;
}

async function keep(body: unknown, deps: DeadLetterDeps): Promise<Outcome> {
  const message = unpack(body);
  try {
    await deps.park(body, positionsOf(message));
    // The event-log's copy of these positions says nothing of D1. Without a sink the message is older than the field: settled later
    // by the channel, which hands over again what stays unapplied.
    if ("kind" in message && message.kind === "positions" && message.sink === "hot-cache") {
      const { stream, epoch, rows } = message;
      const incomplete = rows.map((row): Range => [row.first, lastOf(row)]);
      await deps.applied({ v: 1, stream, epoch, ranges: [], incomplete });
    }
    return done;
  } catch (error) {
    return retry(messageOf(error));
  }
}

function positionsOf(message: PackedMessage | { invalid: string }): LetterPositions | undefined {
  if (!("kind" in message) || message.kind !== "positions") return undefined;
  const [head] = message.rows;
  const tail = message.rows.at(-1);
  if (head === undefined || tail === undefined) return undefined;
  return { stream: message.stream, epoch: message.epoch, first: head.first, last: lastOf(tail) };
}
