/** The link to Contabo as data: which backend is dialled when, when a silent one is dead, when the other takes over and when the first gets
 *  the work back. Pure: clock and chance are arguments, what to do is returned. One link carries events at any time; a probe only asks
 *  whether the first backend is back, and is subscribed after the other was closed. */
import { answerMs, delayMs, dialTimeoutMs, probeTimeoutMs, quietMs, returnAfterMs, returnHeldMs, stableMs, strikesMax } from "./timing.ts";

export type Link =
  | { readonly kind: "waiting"; readonly backend: number; readonly dialAtMs: number }
  | { readonly kind: "dialling"; readonly backend: number; readonly dial: number; readonly sinceMs: number }
  | {
      readonly kind: "open";
      readonly backend: number;
      readonly dial: number;
      readonly sinceMs: number;
      readonly heardMs: number;
      /** Asked whether it lives, and not heard from since. */
      readonly pingedMs?: number;
    };

/** Asks the first backend while another one serves. */
export type Probe =
  | { readonly kind: "planned"; readonly atMs: number }
  | { readonly kind: "dialling" | "asked"; readonly dial: number; readonly sinceMs: number };

export interface LinkState {
  readonly backends: number;
  /** Number of the last dial: what an earlier one still says is not listened to. */
  readonly dials: number;
  readonly link: Link;
  /** Absent while the first backend is the one used. */
  readonly probe?: Probe;
  /** Connections in a row that did not last, to whichever backend: they lengthen the wait. */
  readonly failures: number;
  /** …and to this backend: they move the link to the next. */
  readonly strikes: number;
  /** By backend: how often it was given up for silence since it last answered a ping. */
  readonly silences: readonly number[];
  /** Returns to the first backend that did not last. */
  readonly hastyReturns: number;
  readonly failovers: number;
  readonly returns: number;
}

export type LinkEvent =
  | { readonly kind: "tick" }
  | { readonly kind: "opened"; readonly dial: number }
  | { readonly kind: "heard"; readonly dial: number; readonly isPong: boolean }
  /** `denied`: the backend does not take our token. */
  | { readonly kind: "lost"; readonly dial: number; readonly why: "refused" | "closed" | "denied" };

export type LinkAction =
  | { readonly kind: "dial"; readonly dial: number; readonly backend: number }
  /** Authenticate and subscribe. */
  | { readonly kind: "greet"; readonly dial: number }
  | { readonly kind: "ping"; readonly dial: number }
  | { readonly kind: "close"; readonly dial: number };

export interface Step {
  readonly state: LinkState;
  readonly actions: readonly LinkAction[];
}

export interface Chance {
  readonly nowMs: number;
  /** In [0, 1). */
  readonly random: number;
}

export function newLink(backends: number, nowMs: number): LinkState {
  const link = { kind: "waiting", backend: 0, dialAtMs: nowMs } as const;
  const silences = Array.from({ length: backends }, () => 0);
  return { backends, dials: 0, link, failures: 0, strikes: 0, silences, hastyReturns: 0, failovers: 0, returns: 0 };
}

export function step(state: LinkState, event: LinkEvent, chance: Chance): Step {
  if (event.kind === "tick") return tick(state, chance);
  const { link, probe } = state;
  if (probe !== undefined && probe.kind !== "planned" && probe.dial === event.dial) return probeStep(state, event, chance);
  if (link.kind === "waiting" || link.dial !== event.dial) return { state, actions: [] };
  switch (event.kind) {
    case "opened":
      return opened(state, link, chance);
    case "heard":
      return { state: heard(state, link, { isPong: event.isPong, nowMs: chance.nowMs }), actions: [] };
    case "lost":
      return lost(state, event.why, chance);
  }
}

/** When the next tick has something to do. */
export function dueMs({ link, probe, silences }: LinkState): number {
  return Math.min(linkDueMs(link, silences), probe === undefined ? Infinity : probeDueMs(probe));
}

function linkDueMs(link: Link, silences: readonly number[]): number {
  if (link.kind === "waiting") return link.dialAtMs;
  if (link.kind === "dialling") return link.sinceMs + dialTimeoutMs;
  if (link.pingedMs === undefined) return link.heardMs + quietMs;
  return link.pingedMs + answerMs(silences[link.backend] ?? 0);
}

function probeDueMs(probe: Probe): number {
  return probe.kind === "planned" ? probe.atMs : probe.sinceMs + probeTimeoutMs;
}

function tick(before: LinkState, chance: Chance): Step {
  const first = probeTick(before, chance);
  const { state } = first;
  const { link } = state;
  if (chance.nowMs < linkDueMs(link, state.silences)) return first;
  const next = linkTick(state, link, chance);
  return { state: next.state, actions: [...first.actions, ...next.actions] };
}

function linkTick(state: LinkState, link: Link, chance: Chance): Step {
  const { nowMs } = chance;
  switch (link.kind) {
    case "waiting": {
      const dial = state.dials + 1;
      const { backend } = link;
      return {
        state: { ...state, dials: dial, link: { kind: "dialling", backend, dial, sinceMs: nowMs } },
        actions: [{ kind: "dial", dial, backend }],
      };
    }
    case "dialling":
      return lost(state, "timeout", chance);
    case "open":
      if (link.pingedMs !== undefined) return lost(state, "silent", chance);
      return { state: { ...state, link: { ...link, pingedMs: nowMs } }, actions: [{ kind: "ping", dial: link.dial }] };
  }
}

type Connected = Exclude<Link, { readonly kind: "waiting" }>;

function opened(state: LinkState, { backend, dial }: Connected, { nowMs }: Chance): Step {
  return {
    state: { ...state, link: { kind: "open", backend, dial, sinceMs: nowMs, heardMs: nowMs } },
    actions: [{ kind: "greet", dial }],
  };
}

function heard(state: LinkState, link: Connected, { isPong, nowMs }: { readonly isPong: boolean; readonly nowMs: number }): LinkState {
  if (link.kind !== "open") return state;
  const { pingedMs: _, ...open } = link;
  const silences = isPong ? state.silences.with(link.backend, 0) : state.silences;
  return { ...state, silences, link: { ...open, heardMs: nowMs } };
}

type Loss = "refused" | "closed" | "denied" | "timeout" | "silent";

/** A close may be a restart: the same backend is asked once more. One that says nothing, or does not take our token, is left at once. */
function lost(state: LinkState, why: Loss, { nowMs, random }: Chance): Step {
  const { link, backends, silences } = state;
  if (link.kind === "waiting") return { state, actions: [] };
  const heldMs = link.kind === "open" ? nowMs - link.sinceMs : 0;
  const failures = heldMs >= stableMs ? 1 : state.failures + 1;
  const strikes = heldMs >= stableMs ? 1 : state.strikes + 1;
  // The wait grows once all were tried: a second backend that lives is not kept waiting by the first one's failures.
  const round = Math.ceil(failures / backends);
  const isGone = why === "silent" || why === "timeout" || why === "denied" || strikes >= strikesMax;
  const moves = backends > 1 && isGone;
  const backend = moves ? (link.backend + 1) % backends : link.backend;
  const hastyReturns = link.backend === 0 && heldMs >= returnHeldMs ? 0 : state.hastyReturns;
  const { probe, ...rest } = state;
  const next: LinkState = {
    ...rest,
    link: { kind: "waiting", backend, dialAtMs: nowMs + delayMs(round, random) },
    failures,
    strikes: moves ? 0 : strikes,
    silences: why === "silent" ? silences.with(link.backend, (silences[link.backend] ?? 0) + 1) : silences,
    hastyReturns,
    failovers: state.failovers + (moves ? 1 : 0),
    ...(backend === 0 ? {} : { probe: { kind: "planned", atMs: nowMs + returnAfterMs(hastyReturns) } }),
  };
  return { state: next, actions: [...closeProbe(probe), { kind: "close", dial: link.dial }] };
}

function closeProbe(probe: Probe | undefined): LinkAction[] {
  return probe === undefined || probe.kind === "planned" ? [] : [{ kind: "close", dial: probe.dial }];
}

// ---- the way back to the first backend

function probeTick(state: LinkState, { nowMs }: Chance): Step {
  const { probe, link } = state;
  if (probe === undefined || nowMs < probeDueMs(probe)) return { state, actions: [] };
  if (probe.kind !== "planned") return { state: planProbe(state, nowMs), actions: closeProbe(probe) };
  // While nothing is connected the link itself looks for whoever answers.
  if (link.kind !== "open") return { state: planProbe(state, nowMs), actions: [] };
  const dial = state.dials + 1;
  return {
    state: { ...state, dials: dial, probe: { kind: "dialling", dial, sinceMs: nowMs } },
    actions: [{ kind: "dial", dial, backend: 0 }],
  };
}

function probeStep(state: LinkState, event: Exclude<LinkEvent, { readonly kind: "tick" }>, { nowMs }: Chance): Step {
  const { dial } = event;
  switch (event.kind) {
    case "lost":
      return { state: planProbe(state, nowMs), actions: [{ kind: "close", dial }] };
    case "opened":
      return { state: { ...state, probe: { kind: "asked", dial, sinceMs: nowMs } }, actions: [{ kind: "ping", dial }] };
    case "heard":
      return comeBack(state, dial, nowMs);
  }
}

/** The first backend has said something: it lives. The other one is closed before the first is subscribed. */
function comeBack(state: LinkState, dial: number, nowMs: number): Step {
  const { probe: _, ...rest } = state;
  const { link } = state;
  return {
    state: {
      ...rest,
      link: { kind: "open", backend: 0, dial, sinceMs: nowMs, heardMs: nowMs },
      failures: 0,
      strikes: 0,
      hastyReturns: state.hastyReturns + 1,
      returns: state.returns + 1,
    },
    actions: [...(link.kind === "waiting" ? [] : [{ kind: "close", dial: link.dial } as const]), { kind: "greet", dial }],
  };
}

function planProbe(state: LinkState, nowMs: number): LinkState {
  return { ...state, probe: { kind: "planned", atMs: nowMs + returnAfterMs(state.hastyReturns) } };
}
