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
import type { Flow, Refusal } from "./admission.ts";
import { wantedBy } from "./admission.ts";
import type { Parking } from "./backlog.ts";
import { enter, leave, shed } from "./flows.ts";
import type { ValidEvent } from "./validate.ts";

export interface PublishDeps {
  /** Takes the events from the sender's allowance. Throws RATE_LIMIT_EXCEEDED past it. */
  charge(events: number): void;
  publish(stream: string, events: readonly Publication[]): Promise<PublishReply>;
  /** One `sendBatch` to the inbox queue. */
  send(bodies: readonly string[]): Promise<void>;
  /** Whether the inbox has room, and how fast it should fill. */
  parking(): Promise<Parking>;
  wait(delayMs: number): Promise<void>;
  /** By stream; lives as long as the isolate. */
  readonly breakers: Map<string, Breaker>;
  /** By stream as well. */
  readonly flows: Map<string, Flow>;
  readonly publishTimeoutMs: number;
  readonly sendTimeoutMs: number;
  nowMs(): number;
  report(event: string, fields: LogFields): void;
}

export type Delivery = "live" | "queued";

/** Events are named by their place in the request. */
export type DeliveryOutcome =
  | { readonly kind: "durable"; readonly accepted: number; readonly duplicates: number; readonly repeats: ReadonlySet<number> }
  /** A channel or the inbox holds more than it can hand over: parking would only grow the backlog elsewhere. `shed`: nothing of the request
   *  was sent anywhere, because a stream of it is at its ceiling. */
  | ({ readonly kind: "full"; readonly retryAfterMs: number; readonly shed?: Refusal } & Undelivered)
  /** Neither channel nor inbox is known to have them. */
  | ({ readonly kind: "unknown" } & Undelivered);

/** What one stream has may be durable while another's is not: whoever tries again tries with `held` alone. */
interface Undelivered {
  readonly held: readonly number[];
  readonly repeats: ReadonlySet<number>;
}

interface Group {
  readonly stream: string;
  readonly events: Publication[];
  /** Where each of them stands in the request… */
  readonly at: number[];
  /** …and where the request has one of them again. */
  readonly again: number[];
}

type Attempt =
  | { readonly kind: "durable"; readonly duplicates: readonly number[] }
  | { readonly kind: "full"; readonly retryAfterMs: number }
  | { readonly kind: "park" };

/** Throws RATE_LIMIT_EXCEEDED before anything is sent. */
export async function deliverEvents(events: readonly ValidEvent[], delivery: Delivery, deps: PublishDeps): Promise<DeliveryOutcome> {
  const groups = groupByStream(events);
  const wanted = groups.map((group) => wantedBy(group.stream, group.events.length));
  const refusal = delivery === "live" ? shed(wanted, deps) : undefined;
  if (refusal !== undefined)
    return { kind: "full", retryAfterMs: refusal.retryAfterMs, shed: refusal, held: [...events.keys()], repeats: new Set() };
  deps.charge(events.length);
  const attempts = await Promise.all(
    groups.map(async (group): Promise<Attempt> => (delivery === "queued" ? { kind: "park" } : await publishGroup(group, deps))),
  );
  const repeats = repeatsOf(groups, attempts);
  const held = (): number[] => groups.flatMap(({ at, again }, index) => (attempts[index]?.kind === "durable" ? [] : [...at, ...again]));
  const full = attempts.filter((attempt) => attempt.kind === "full");
  // The sender will repeat all of it: parking the rest would only make the inbox carry it twice.
  if (full.length > 0)
    return { kind: "full", retryAfterMs: Math.max(...full.map(({ retryAfterMs }) => retryAfterMs)), held: held(), repeats };
  const parked = groups.filter((_, index) => attempts[index]?.kind === "park");
  const parking =
    parked.length === 0
      ? durable
      : await park(
          parked.flatMap((group) => group.events),
          deps,
        );
  if (parking.kind !== "durable") return { ...parking, held: held(), repeats };
  for (const { again } of parked) for (const index of again) repeats.add(index);
  return { kind: "durable", accepted: events.length - repeats.size, duplicates: repeats.size, repeats };
}

/** Groups in the order events came, each event once: a repeat inside a request is one also where a channel never sees it. */
function groupByStream(events: readonly ValidEvent[]): Group[] {
  const groups = new Map<string, Group>();
  const keys = new Map<string, Set<string>>();
  for (const [index, { stream, publication }] of events.entries()) {
    const group = groups.get(stream) ?? { stream, events: [], at: [], again: [] };
    const seen = keys.get(stream) ?? new Set();
    groups.set(stream, group);
    keys.set(stream, seen);
    if (seen.has(publication.key)) {
      group.again.push(index);
      continue;
    }
    seen.add(publication.key);
    group.events.push(publication);
    group.at.push(index);
  }
  return [...groups.values()];
}

/** What the channels knew already, and what the request has twice, of the groups that are durable. */
function repeatsOf(groups: readonly Group[], attempts: readonly Attempt[]): Set<number> {
  return new Set(
    groups.flatMap(({ at, again }, index) => {
      const attempt = attempts[index];
      return attempt?.kind === "durable" ? [...again, ...attempt.duplicates.map((duplicate) => at[duplicate] ?? -1)] : [];
    }),
  );
}

async function publishGroup(group: Group, deps: PublishDeps): Promise<Attempt> {
  const { stream, events } = group;
  const startedAtMs = deps.nowMs();
  const admission = admit(deps.breakers.get(stream) ?? closedBreaker, startedAtMs);
  deps.breakers.set(stream, admission.breaker);
  if (!admission.admitted) return { kind: "park" };
  enter(stream, deps);
  let answered = false;
  try {
    const reply = await publishInBudget(group, deps);
    answered = true;
    deps.breakers.set(stream, afterAnswer(deps.nowMs()));
    return reply.kind === "ok" ? { kind: "durable", duplicates: reply.duplicates } : { kind: "full", retryAfterMs: reply.retryAfterMs };
  } catch (error) {
    deps.report("ingest.publish.failed", { stream, events: events.length, reason: messageOf(error) });
    if (isSilence(error)) recordSilence(stream, startedAtMs, deps);
    return { kind: "park" };
  } finally {
    leave(stream, answered, deps);
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

type Parked = { readonly kind: "durable" } | { readonly kind: "full"; readonly retryAfterMs: number } | { readonly kind: "unknown" };

const durable = { kind: "durable" } as const;

/** Durable once the queue has every event. The sender waits longer for this answer the more there is in the queue. */
async function park(events: readonly Publication[], deps: PublishDeps): Promise<Parked> {
  const parking = await deps.parking();
  if (parking.kind === "full") {
    deps.report("ingest.park.refused", { events: events.length });
    return parking;
  }
  const bodies = packInbox(events.map(({ text }) => text));
  const batches = Array.from({ length: Math.ceil(bodies.length / sendBatchMessagesMax) }, (_, index) =>
    bodies.slice(index * sendBatchMessagesMax, (index + 1) * sendBatchMessagesMax),
  );
  try {
    await Promise.all(batches.map((batch) => withTimeout(deps.send(batch), deps.sendTimeoutMs, "queue inbox")));
  } catch (error) {
    deps.report("ingest.park.failed", { events: events.length, reason: messageOf(error) });
    return { kind: "unknown" };
  }
  if (parking.kind === "slow") await deps.wait(parking.delayMs);
  return durable;
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
