/** Runs one step over one batch. The only file that calls ack() or retry(): a step decides, for the whole batch at once, what should
 *  happen to each message, and this file does it; so every step is tested without a queue. Nothing here throws: the local broker
 *  brings acknowledged messages back when a handler throws after an ack (and no broker promises otherwise). */
import { messageOf } from "../platform/errors.ts";

export type Outcome =
  | { readonly kind: "done" }
  /** Something outside is unwell: the message is kept, however long it takes. */
  | { readonly kind: "retry"; readonly reason: string }
  /** Will never succeed: kept for an operator instead of burning its retries. */
  | { readonly kind: "park"; readonly reason: string };

/** The part of a queue message that is used here. */
export type QueueMessage = Pick<Message<unknown>, "body" | "attempts" | "ack" | "retry">;

export interface ConsumeDeps<T> {
  /** The longest delay between two attempts at this queue. */
  readonly retryDelaySecondsMax: number;
  parse(body: unknown): T | { invalid: string };
  /** One outcome per item, in order. May throw: then every item is retried. */
  step(items: readonly T[]): Promise<readonly Outcome[]>;
  park(body: unknown, reason: string, attempts: number): Promise<unknown>;
  /** Puts a copy of the message on its own queue, with a fresh count of attempts. */
  resend(body: unknown): Promise<unknown>;
  report(tally: Tally): void;
}

export interface Tally {
  readonly done: number;
  readonly retried: number;
  readonly parked: number;
  /** Copies sent because the platform's attempts ran out. */
  readonly resent: number;
  /** The first reason of each kind of trouble: a batch fails as one, a line per message says nothing more. */
  readonly reasons: readonly string[];
}

/** The platform dead-letters after its 100th attempt. From here on a copy takes the message's place, so that an outage longer than
 *  100 delays (50 minutes at 30 s) loses nothing; ten attempts remain for the copy itself to succeed. */
const attemptsBeforeCopy = 90;

export const done: Outcome = { kind: "done" };

export function retry(reason: string): Outcome {
  return { kind: "retry", reason };
}

export function park(reason: string): Outcome {
  return { kind: "park", reason };
}

/** Seconds before the next attempt: 2, 4, 8 … up to the queue's cap. Attempts count from 1. */
export function retryDelaySeconds(attempts: number, secondsMax: number): number {
  return Math.min(secondsMax, 2 ** Math.min(attempts, 16));
}

export async function consume<T>(messages: readonly QueueMessage[], deps: ConsumeDeps<T>): Promise<void> {
  const outcomes = await decide(messages, deps);
  const tally = { done: 0, retried: 0, parked: 0, resent: 0 };
  const reasons = new Set<string>();
  for (const [index, message] of messages.entries()) {
    const outcome = outcomes[index] ?? retry("the step gave no outcome");
    if (outcome.kind !== "done") reasons.add(outcome.reason);
    tally[await settle(message, outcome, deps)] += 1;
  }
  deps.report({ ...tally, reasons: [...reasons] });
}

async function decide<T>(messages: readonly QueueMessage[], deps: ConsumeDeps<T>): Promise<Outcome[]> {
  const items: T[] = [];
  const outcomes = messages.map((message): Outcome | undefined => {
    const item = deps.parse(message.body);
    if (isInvalid(item)) return park(item.invalid);
    items.push(item);
    return undefined;
  });
  const decided = await runStep(items, deps);
  let next = 0;
  return outcomes.map((outcome) => outcome ?? decided[next++] ?? retry("the step gave no outcome"));
}

async function runStep<T>(items: readonly T[], deps: ConsumeDeps<T>): Promise<readonly Outcome[]> {
  if (items.length === 0) return [];
  try {
    return await deps.step(items);
  } catch (error) {
    const reason = messageOf(error);
    return items.map(() => retry(reason));
  }
}

function isInvalid<T>(item: T | { invalid: string }): item is { invalid: string } {
  return typeof item === "object" && item !== null && "invalid" in item;
}

async function settle<T>(message: QueueMessage, outcome: Outcome, deps: ConsumeDeps<T>): Promise<keyof Omit<Tally, "reasons">> {
  if (outcome.kind === "done") {
    message.ack();
    return "done";
  }
  if (outcome.kind === "park" && (await succeeds(() => deps.park(message.body, outcome.reason, message.attempts)))) {
    message.ack();
    return "parked";
  }
  if (message.attempts >= attemptsBeforeCopy && (await succeeds(() => deps.resend(message.body)))) {
    message.ack();
    return "resent";
  }
  message.retry({ delaySeconds: retryDelaySeconds(message.attempts, deps.retryDelaySecondsMax) });
  return "retried";
}

async function succeeds(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch {
    return false;
  }
}
