/** How many publishes of a stream may be under way from this isolate, and how many posts may be read (DESIGN 6). A channel takes one publish
 *  after the other, so what is beyond its ceiling only waits, and price gaps do not keep. When even the luckiest of half a second has waited
 *  too long, no more are let in than are done within the bound; whoever comes beyond is refused before anything is sent. Pure: the state
 *  belongs to the caller. */

/** What one isolate knows of one stream, or of its door. */
export interface Flow {
  readonly inFlight: number;
  /** Infinite until the stream is found overloaded. */
  readonly limit: number;
  readonly refusedAtMs: number;
  readonly window: Window;
}

interface Window {
  readonly startedAtMs: number;
  readonly answers: number;
  readonly waitMsMin: number;
}

/** Waited by the luckiest: above the longest round trip on earth, far below the budget of a publish, so that an overload is refused here
 *  and only silence goes to the inbox. */
export const waitMsMax = 500;
export const windowMs = 500;
/** So many may always be under way: a single slow answer says nothing about a ceiling. */
export const inFlightMin = 8;
/** Posts of fewer events are refused first: they cost the channel most for each event, and their sender can do something about it. */
const batchEventsMin = 10;
/** The same before a post is read: ten of the smallest events there are. */
const batchBytesMin = 2_000;
/** A body that takes longer to come than at 4 Mbit/s says something of the isolate, one that does not may be its sender's line. */
const lineBytesPerMs = 500;
const smallShare = 0.75;
/** The limit stays for as long after the last refusal: those that were sent away come back. */
const calmMs = 10_000;
const retrySmallMs = 2_000;
const retryBatchMs = 1_000;

export const idleFlow: Flow = { inFlight: 0, limit: Number.POSITIVE_INFINITY, refusedAtMs: 0, window: emptyWindow(0) };

/** The name of the door among the streams: posts pass it before it is known what they hold. */
export const door = "*";

export interface Wanted {
  readonly stream: string;
  readonly isSmall: boolean;
}

export function wantedBy(stream: string, events: number): Wanted {
  return { stream, isSmall: events < batchEventsMin };
}

export function wantedAtDoor(bodyBytes: number): Wanted {
  return { stream: door, isSmall: bodyBytes < batchBytesMin };
}

/** What of a body's coming its line explains. */
export function lineMs(bodyBytes: number): number {
  return bodyBytes / lineBytesPerMs;
}

export interface Refusal extends Wanted {
  readonly retryAfterMs: number;
}

/** The first stream of a request that has no room for it; undefined when all have. */
export function findRefusal(flows: ReadonlyMap<string, Flow>, wanted: Iterable<Wanted>): Refusal | undefined {
  for (const { stream, isSmall } of wanted) {
    const { inFlight, limit } = flows.get(stream) ?? idleFlow;
    if (inFlight >= (isSmall ? limit * smallShare : limit)) return { stream, isSmall, retryAfterMs: isSmall ? retrySmallMs : retryBatchMs };
  }
  return undefined;
}

export function afterRefusal(flow: Flow, nowMs: number): Flow {
  return { ...flow, refusedAtMs: nowMs };
}

export function entered(flow: Flow): Flow {
  return { ...flow, inFlight: flow.inFlight + 1 };
}

export interface Left {
  readonly startedAtMs: number;
  readonly nowMs: number;
  /** Silence says nothing about a ceiling: it is the breaker's. */
  readonly answered: boolean;
}

export function left(flow: Flow, { startedAtMs, nowMs, answered }: Left): Flow {
  const inFlight = flow.inFlight - 1;
  if (!answered) return { ...flow, inFlight };
  // What is older than a window is of another time: after a pause it would pass for a low rate.
  const known = nowMs - flow.window.startedAtMs > 2 * windowMs ? emptyWindow(nowMs) : flow.window;
  const window = { ...known, answers: known.answers + 1, waitMsMin: Math.min(known.waitMsMin, nowMs - startedAtMs) };
  if (nowMs - window.startedAtMs < windowMs) return { ...flow, inFlight, window };
  return { ...flow, inFlight, limit: limitAfter(flow, window, nowMs), window: emptyWindow(nowMs) };
}

/** By Little's law as many are under way as are answered within the time that each waits. */
function limitAfter({ limit, refusedAtMs }: Flow, { startedAtMs, answers, waitMsMin }: Window, nowMs: number): number {
  const fitting = Math.max(inFlightMin, Math.floor((answers * waitMsMax) / (nowMs - startedAtMs)));
  if (waitMsMin > waitMsMax) return fitting;
  if (nowMs - refusedAtMs > calmMs) return Number.POSITIVE_INFINITY;
  // Fewer answers than before may only mean that fewer were asked.
  return Math.max(limit, fitting);
}

function emptyWindow(nowMs: number): Window {
  return { startedAtMs: nowMs, answers: 0, waitMsMin: Number.POSITIVE_INFINITY };
}
