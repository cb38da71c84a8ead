/** Tells a dead peer from a silent one. Pure: the clock is an argument, sending and closing are link.ts's. */

/** Proxies drop a socket that was silent for a minute; the edge answers the ping without waking its relay. */
export const pingAfterMs = 25_000;
/** A peer that has not said anything this long after a ping is gone, whatever TCP believes. */
export const pongWithinMs = 10_000;
/** …and sooner when there is a reason for doubt: the page came back, the network changed. */
export const probeWithinMs = 4_000;

export interface Pulse {
  /** When anything was last heard. */
  readonly heardMs: number;
  /** The ping that has not been followed by anything yet. */
  readonly ping?: { readonly sentMs: number; readonly withinMs: number };
}

export type Beat =
  | { readonly kind: "wait"; readonly pulse: Pulse; readonly delayMs: number }
  | { readonly kind: "ping"; readonly pulse: Pulse; readonly delayMs: number }
  | { readonly kind: "dead" };

/** After sleep the clock jumps: a ping is always sent, and its own time waited, before a peer is called dead. */
export function beat(pulse: Pulse, nowMs: number): Beat {
  const { ping, heardMs } = pulse;
  if (ping !== undefined && ping.sentMs > heardMs) {
    const restMs = ping.sentMs + ping.withinMs - nowMs;
    return restMs <= 0 ? { kind: "dead" } : { kind: "wait", pulse, delayMs: restMs };
  }
  const quietMs = nowMs - heardMs;
  return quietMs >= pingAfterMs
    ? sendPing(pulse, nowMs, pongWithinMs)
    : { kind: "wait", pulse: { heardMs }, delayMs: pingAfterMs - quietMs };
}

/** Asks at once. A probe does not lengthen the time a ping already out has left. */
export function probe(pulse: Pulse, nowMs: number): Beat {
  const { ping, heardMs } = pulse;
  return ping !== undefined && ping.sentMs > heardMs ? beat(pulse, nowMs) : sendPing(pulse, nowMs, probeWithinMs);
}

function sendPing({ heardMs }: Pulse, nowMs: number, withinMs: number): Beat {
  // Strictly after what was heard in this very millisecond, or the ping would count as answered.
  const sentMs = Math.max(nowMs, heardMs + 1);
  return { kind: "ping", pulse: { heardMs, ping: { sentMs, withinMs } }, delayMs: withinMs };
}
