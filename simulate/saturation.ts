/** What gives way first, and at which rate or number of subscribers: each part's demand against what it has. Pure. */
import { socketsMax } from "../durable-objects/relay/bounds.ts";
import { windowMs } from "../durable-objects/relay/coalesce.ts";
import { deliverTimeoutMs, directRelaysMax, forwardTimeoutMs } from "../schemas/limits.ts";

export interface Limit {
  readonly name: string;
  /** Which one is meant of several. */
  readonly where: string;
  /** 1 is full. */
  readonly utilisation: number;
  /** Events a second at which it is full, all else as it is; undefined when the rate does not matter. */
  readonly rateMax?: number;
  /** Subscribers at which it is full over the same relays; undefined when their number does not matter. */
  readonly subscribersMax?: number;
}

/** What one relay has to do in a second. */
export interface RelayLoad {
  readonly relay: string;
  readonly sockets: number;
  /** Milliseconds for what every event costs, however few the flushes. */
  readonly eventMsPerSecond: number;
  /** Milliseconds for what every flush costs, however many events are in it. */
  readonly flushMs: number;
  readonly callMsPerSecond: number;
}

export interface Load {
  readonly rate: number;
  readonly subscribers: number;
  readonly postsPerSecond: number;
  /** Milliseconds of the channel's thread, as offered. */
  readonly postMsPerSecond: number;
  readonly hubCallMsPerSecond: number;
  readonly relays: readonly RelayLoad[];
}

const msPerSecond = 1_000;
/** Requests a second that one object takes (Cloudflare's soft limit). */
const objectRequestsPerSecond = 1_000;

/** Between flushes a relay waits a window (coalesce.ts): the share of its time that is left for sending once it is full. */
export const sendingShare = msPerSecond / (msPerSecond + windowMs(msPerSecond));

/** Fullest first. */
export function limitsOf(load: Load): Limit[] {
  const { rate, postsPerSecond, postMsPerSecond, hubCallMsPerSecond } = load;
  const hub = (postMsPerSecond + hubCallMsPerSecond) / msPerSecond;
  const posts = postsPerSecond / objectRequestsPerSecond;
  const limits: Limit[] = [
    { name: "CPU of the channel object", where: "hub", utilisation: hub, rateMax: rate / hub },
    { name: "posts to the channel object, 1,000 a second at most", where: "hub", utilisation: posts, rateMax: rate / posts },
    ...worst(load.relays, (relay) => callsLimit(relay, rate)),
    ...worst(load.relays, (relay) => sendsLimit(relay, load)),
    ...worst(load.relays, (relay) => socketsLimit(relay, load)),
  ];
  return limits.toSorted((a, b) => b.utilisation - a.utilisation);
}

function worst(relays: readonly RelayLoad[], limitOf: (relay: RelayLoad) => Limit): Limit[] {
  const [first] = relays.map(limitOf).toSorted((a, b) => b.utilisation - a.utilisation);
  return first === undefined ? [] : [first];
}

function callsLimit({ relay, callMsPerSecond }: RelayLoad, rate: number): Limit {
  const utilisation = callMsPerSecond / msPerSecond;
  return { name: "CPU of a relay for calls, its own and carried ones", where: relay, utilisation, rateMax: rate / utilisation };
}

function socketsLimit({ relay, sockets }: RelayLoad, { subscribers }: Load): Limit {
  const utilisation = sockets / socketsMax;
  return {
    name: `sockets of a relay, ${socketsMax.toLocaleString("en-US")} at most`,
    where: relay,
    utilisation,
    subscribersMax: subscribers / utilisation,
  };
}

/** A flush of F milliseconds is followed by a window of 2F, and the next one sends what came in 3F: F = flushMs + 3F × eventMs a
 *  millisecond. It is full when F is as long as its callers wait, because meanwhile the relay answers nobody. */
function sendsLimit({ relay, flushMs, eventMsPerSecond }: RelayLoad, { rate, subscribers, relays }: Load): Limit {
  const patienceMs = patience(relays.length);
  const perFlush = flushMs / patienceMs;
  const perEvent = eventMsPerSecond / msPerSecond / sendingShare;
  const utilisation = perFlush + perEvent;
  return {
    name: `a relay's sends, until a flush takes the ${patienceMs / msPerSecond} s its callers wait`,
    where: relay,
    utilisation,
    rateMax: (rate * Math.max(0, 1 - perFlush)) / perEvent,
    subscribersMax: subscribers / utilisation,
  };
}

export function patience(relays: number): number {
  return relays > directRelaysMax ? forwardTimeoutMs : deliverTimeoutMs;
}

/** Room for bursts. */
const headroom = 0.7;

/** Sockets of a relay that its sends allow; undefined when they already do. */
export function socketsAdvised({ relays }: Load): number | undefined {
  const patienceMs = patience(directRelaysMax + 1);
  const most = relays.map(({ sockets, flushMs, eventMsPerSecond }) => {
    const utilisation = flushMs / patienceMs + eventMsPerSecond / msPerSecond / sendingShare;
    return { utilisation, sockets: Math.floor((sockets * headroom) / utilisation) };
  });
  const [fullest] = most.toSorted((a, b) => b.utilisation - a.utilisation);
  return fullest === undefined || fullest.utilisation <= 1 ? undefined : Math.max(1, fullest.sockets);
}
