/** Gets validated events into durable hands: their channels, or the inbox queue when a channel is out of reach (DESIGN 3).
 *  An RPC goes on when its caller gives up, so a publish that timed out is parked, never repeated: its event has one id,
 *  and the channel answers the second arrival as a repeat. */
import { admit, afterAnswer, afterFailure, closedBreaker } from "../../platform/breaker.ts";
import type { Breaker } from "../../platform/breaker.ts";
import { messageOf } from "../../platform/errors.ts";
import type { LogFields } from "../../platform/log.ts";
import { TimeoutError, withTimeout } from "../../platform/timeout.ts";
import { sendBatchMessagesMax } from "../../schemas/limits.ts";
import { packInbox } from "../../schemas/pack.ts";
import type { Publication, PublishReply } from "../../schemas/rpc.ts";
import type { ValidEvent } from "./validate.ts";

export interface PublishDeps {
  publish(stream: string, events: readonly Publication[]): Promise<PublishReply>;
  /** One `sendBatch` to the inbox queue. */
  send(bodies: readonly string[]): Promise<void>;
  /** By stream; lives as long as the isolate. */
  readonly breakers: Map<string, Breaker>;
  readonly publishTimeoutMs: number;
  readonly sendTimeoutMs: number;
  nowMs(): number;
  report(event: string, fields: LogFields): void;
}

export type Delivery = "live" | "queued";

export type DeliveryOutcome =
  | { readonly kind: "durable"; readonly accepted: number; readonly duplicates: number }
  /** A channel holds more than it can hand over: parking would only grow the backlog elsewhere. */
  | { readonly kind: "full"; readonly retryAfterMs: number }
  /** Neither channel nor inbox is known to have them. */
  | { readonly kind: "unknown" };

interface Group {
  readonly stream: string;
  readonly events: readonly Publication[];
}

type Attempt =
  | { readonly kind: "durable"; readonly duplicates: number }
  | { readonly kind: "full"; readonly retryAfterMs: number }
  | { readonly kind: "park" };

export async function deliverEvents(events: readonly ValidEvent[], delivery: Delivery, deps: PublishDeps): Promise<DeliveryOutcome> {
  const groups = groupByStream(events);
  const attempts = await Promise.all(
    groups.map(async (group): Promise<Attempt> => (delivery === "queued" ? { kind: "park" } : await publishGroup(group, deps))),
  );
  const full = attempts.filter((attempt) => attempt.kind === "full");
  // The sender will repeat all of it: parking the rest would only make the inbox carry it twice.
  if (full.length > 0) return { kind: "full", retryAfterMs: Math.max(...full.map(({ retryAfterMs }) => retryAfterMs)) };
  const parked = groups.filter((_, index) => attempts[index]?.kind === "park").flatMap((group) => group.events);
  if (parked.length > 0 && !(await park(parked, deps))) return { kind: "unknown" };
  const distinct = groups.reduce((sum, group) => sum + group.events.length, 0);
  const repeats = attempts.reduce((sum, attempt) => sum + (attempt.kind === "durable" ? attempt.duplicates : 0), 0);
  return { kind: "durable", accepted: distinct - repeats, duplicates: events.length - distinct + repeats };
}

/** Groups in the order events came, each event once: a repeat inside a request is one also where a channel never sees it. */
function groupByStream(events: readonly ValidEvent[]): Group[] {
  const byStream = new Map<string, Map<string, Publication>>();
  for (const { stream, publication } of events) {
    const group = byStream.get(stream) ?? new Map<string, Publication>();
    if (!group.has(publication.key)) group.set(publication.key, publication);
    byStream.set(stream, group);
  }
  return [...byStream].map(([stream, group]) => ({ stream, events: [...group.values()] }));
}

async function publishGroup(group: Group, deps: PublishDeps): Promise<Attempt> {
  const { stream, events } = group;
  const startedAtMs = deps.nowMs();
  const admission = admit(deps.breakers.get(stream) ?? closedBreaker, startedAtMs);
  deps.breakers.set(stream, admission.breaker);
  if (!admission.admitted) return { kind: "park" };
  try {
    const reply = await publishInBudget(group, deps);
    deps.breakers.set(stream, afterAnswer(deps.nowMs()));
    return reply.kind === "ok"
      ? { kind: "durable", duplicates: reply.duplicates.length }
      : { kind: "full", retryAfterMs: reply.retryAfterMs };
  } catch (error) {
    deps.report("ingest.publish.failed", { stream, events: events.length, reason: messageOf(error) });
    if (isSilence(error)) recordSilence(stream, startedAtMs, deps);
    return { kind: "park" };
  }
}

/** One publish, and one more when the platform says that it never arrived, within one budget. */
async function publishInBudget({ stream, events }: Group, deps: PublishDeps): Promise<PublishReply> {
  const endMs = deps.nowMs() + deps.publishTimeoutMs;
  const attempt = (budgetMs: number): Promise<PublishReply> => withTimeout(deps.publish(stream, events), budgetMs, `channel ${stream}`);
  try {
    return await attempt(deps.publishTimeoutMs);
  } catch (error) {
    const leftMs = endMs - deps.nowMs();
    if (!isRetryable(error) || leftMs <= 0) throw error;
    return await attempt(leftMs);
  }
}

function recordSilence(stream: string, startedAtMs: number, deps: PublishDeps): void {
  const before = deps.breakers.get(stream) ?? closedBreaker;
  const after = afterFailure(before, { startedAtMs, nowMs: deps.nowMs() });
  deps.breakers.set(stream, after);
  if (before.kind === "closed" && after.kind === "open") deps.report("ingest.breaker.opened", { stream });
}

/** True once the queue has every event. */
async function park(events: readonly Publication[], deps: PublishDeps): Promise<boolean> {
  const bodies = packInbox(events.map(({ text }) => text));
  const batches = Array.from({ length: Math.ceil(bodies.length / sendBatchMessagesMax) }, (_, index) =>
    bodies.slice(index * sendBatchMessagesMax, (index + 1) * sendBatchMessagesMax),
  );
  try {
    await Promise.all(batches.map((batch) => withTimeout(deps.send(batch), deps.sendTimeoutMs, "queue inbox")));
    return true;
  } catch (error) {
    deps.report("ingest.park.failed", { events: events.length, reason: messageOf(error) });
    return false;
  }
}

/** Errors from a Durable Object say by properties what may be done about them. */
function isFlagged(error: unknown, flag: "retryable" | "overloaded"): boolean {
  return typeof error === "object" && error !== null && (error as Readonly<Record<string, unknown>>)[flag] === true;
}

function isRetryable(error: unknown): boolean {
  return isFlagged(error, "retryable") && !isFlagged(error, "overloaded");
}

/** The channel does not keep up: no answer in time, or the platform refuses to queue more for it. */
function isSilence(error: unknown): boolean {
  return error instanceof TimeoutError || isFlagged(error, "overloaded");
}
