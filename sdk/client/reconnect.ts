/** When to connect again, and whether: pure rules on close codes, attempts and chance. Full jitter from under a second, so that a herd cut
 *  off in one instant comes back spread out; grown only by connections that did not last. */
import type { closeCodes } from "../../schemas/socket.ts";

/** Checked against the edge's own table by the compiler, without bundling its schemas. */
const codes: Pick<typeof closeCodes, "policy" | "tooBig" | "unauthorized" | "forbidden" | "capacity" | "tooMany"> = {
  policy: 1008,
  tooBig: 1009,
  unauthorized: 4001,
  forbidden: 4003,
  capacity: 4013,
  tooMany: 4029,
};

/** The first delay lies below this. */
export const firstDelayMsMax = 800;
export const delayMsMax = 30_000;
/** A connection that lasted this long was a good one: the next delay starts small again. */
export const stableMs = 10_000;
/** Refusals do not pass by themselves: asked about once a minute, and not for ever. */
const refusedDelayMs = 60_000;
export const refusalsMax = 5;
/** The edge allows 50 messages a minute: whoever passed that waits until some of them are forgotten. */
const tooManyDelayMs = 15_000;
/** A retry_after beyond this is taken for this. */
const retryAfterMsMax = 300_000;

export interface Attempts {
  /** Connections in a row that did not last. */
  readonly failures: number;
  /** Connections in a row that the edge refused. */
  readonly refusals: number;
}

export const noAttempts: Attempts = { failures: 0, refusals: 0 };

export interface Closed {
  readonly code: number;
  readonly reason: string;
  /** How long the connection was open; 0 when it never was. */
  readonly openMs: number;
}

export type Reconnect =
  /** `hurry`: may be cut short when the network comes back. What the edge asked for may not. */
  | { readonly kind: "wait"; readonly delayMs: number; readonly hurry: boolean; readonly attempts: Attempts }
  /** Until the application asks for a connection again. */
  | { readonly kind: "stop"; readonly attempts: Attempts };

/** `random` lies in [0, 1). */
export function afterClose(before: Attempts, { code, reason, openMs }: Closed, random: number): Reconnect {
  if (isRefusal(code)) {
    const attempts = { failures: before.failures + 1, refusals: before.refusals + 1 };
    if (attempts.refusals >= refusalsMax) return { kind: "stop", attempts };
    return { kind: "wait", delayMs: refusedDelayMs * (1 - random / 2), hurry: false, attempts };
  }
  const failures = openMs >= stableMs ? 0 : before.failures + 1;
  const attempts = { failures, refusals: openMs >= stableMs ? 0 : before.refusals };
  const floorMs = floorOf(code, reason);
  const delayMs = floorMs + jitterMs(failures, random) + (floorMs * random) / 2;
  return { kind: "wait", delayMs, hurry: floorMs === 0, attempts };
}

/** Full jitter: anywhere between nothing and a bound that doubles with each failure. */
export function jitterMs(failures: number, random: number): number {
  return random * Math.min(delayMsMax, firstDelayMsMax * 2 ** Math.min(Math.max(failures - 1, 0), 30));
}

function isRefusal(code: number): boolean {
  return code === codes.unauthorized || code === codes.forbidden || code === codes.policy || code === codes.tooBig;
}

function floorOf(code: number, reason: string): number {
  if (code === codes.tooMany) return tooManyDelayMs;
  return code === codes.capacity ? retryAfterMsOf(reason) : 0;
}

/** Seconds, wherever the reason names them: `{"retry_after":5}` or `retry_after=5`. */
function retryAfterMsOf(reason: string): number {
  const seconds = Number(/retry_after\D{0,4}(\d{1,9}(?:\.\d{1,3})?)/.exec(reason)?.[1] ?? 0);
  return Math.min(retryAfterMsMax, seconds * 1_000);
}

/** The stable code (docs/protocol.md, 1) that stands for a close the application should hear of. */
export function errorOfClose(code: number): string | undefined {
  if (code === codes.unauthorized) return "UNAUTHORIZED";
  if (code === codes.forbidden) return "FORBIDDEN";
  if (code === codes.policy) return "POLICY";
  if (code === codes.tooBig) return "PAYLOAD_TOO_LARGE";
  if (code === codes.capacity) return "CAPACITY_EXCEEDED";
  return code === codes.tooMany ? "RATE_LIMIT_EXCEEDED" : undefined;
}
