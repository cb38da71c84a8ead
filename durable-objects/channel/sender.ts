/** The hub's side of one relay: a cursor into the log and what to do next. Pure. Every reply carries the relay's own position and the
 *  hub continues from there, so loss, delay, reordering, restarts and being behind are one mechanism. */
import type { DeliverReply } from "../../schemas/rpc.ts";
import { leaseMs } from "../../schemas/limits.ts";
import { backoffMs } from "../../platform/backoff.ts";

export interface Sender {
  readonly relay: string;
  readonly generation: number;
  /** Everything up to here is with the relay; undefined after a restart of the hub, until the relay says. */
  readonly position: number | undefined;
  /** One deliver at a time: what comes meanwhile joins the next (natural batching). */
  readonly inFlight: boolean;
  readonly failures: number;
  /** Nothing is sent before this time. */
  readonly retryAt: number;
  readonly leaseEndsAt: number;
}

export type Step =
  | { readonly kind: "idle" }
  | { readonly kind: "wait"; readonly until: number }
  /** Ask where the relay stands. */
  | { readonly kind: "probe" }
  | { readonly kind: "send"; readonly after: number };

/** A relay out of reach is tried again soon at first: a hole on screen costs money. */
const retry = { firstMs: 250, maxMs: 5_000 } as const;
/** A join takes one round trip. */
const joiningMs = 50;

export function nextStep(sender: Sender, top: number, now: number): Step {
  if (sender.inFlight) return { kind: "idle" };
  if (sender.position !== undefined && sender.position >= top) return { kind: "idle" };
  if (now < sender.retryAt) return { kind: "wait", until: sender.retryAt };
  if (sender.position === undefined) return { kind: "probe" };
  return { kind: "send", after: sender.position };
}

/** A relay registered or renewed. An older generation than the known one changes nothing. */
export function renewed(
  known: Sender | undefined,
  request: { readonly relay: string; readonly generation: number; readonly position: number },
  now: number,
): Sender {
  if (known !== undefined && known.generation > request.generation) return known;
  const leaseEndsAt = now + leaseMs;
  // With a deliver under way the answer to it is fresher than this request.
  if (known !== undefined && known.generation === request.generation && known.inFlight) return { ...known, leaseEndsAt };
  return {
    relay: request.relay,
    generation: request.generation,
    position: request.position,
    inFlight: false,
    failures: 0,
    retryAt: 0,
    leaseEndsAt,
  };
}

/** After a restart of the hub: position unknown, lease fresh. */
export function restored(relay: string, generation: number, now: number): Sender {
  return { relay, generation, position: undefined, inFlight: false, failures: 0, retryAt: 0, leaseEndsAt: now + leaseMs };
}

/** Undefined: the relay has no such interest any more. */
export function answered(sender: Sender, reply: DeliverReply, now: number): Sender | undefined {
  switch (reply.kind) {
    case "at":
      return { ...sender, inFlight: false, failures: 0, retryAt: 0, position: reply.position };
    case "joining":
      return { ...sender, inFlight: false, retryAt: now + joiningMs };
    case "gone":
      return undefined;
  }
}

export interface Attempt {
  /** Undefined when the call failed or timed out. */
  readonly reply: DeliverReply | undefined;
  /** The position the rows followed; undefined when none were sent. */
  readonly after: number | undefined;
  readonly top: number;
}

/** What a deliver leaves behind. A relay that answers but does not move on is waited for like one that does not answer, or the two
 *  would call each other without end. Undefined: the relay has no such interest any more. */
export function concluded(sender: Sender, { reply, after, top }: Attempt, clock: { now: number; random: number }): Sender | undefined {
  if (reply === undefined) return failed(sender, clock.now, clock.random);
  const isStuck = reply.kind === "at" && after !== undefined && reply.position <= after && reply.position < top;
  return isStuck ? { ...failed(sender, clock.now, clock.random), position: reply.position } : answered(sender, reply, clock.now);
}

export function failed(sender: Sender, now: number, random: number): Sender {
  const failures = sender.failures + 1;
  return { ...sender, inFlight: false, failures, retryAt: now + backoffMs(retry, failures, random) };
}
