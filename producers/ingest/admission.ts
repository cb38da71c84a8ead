/** How many publishes of a stream may be under way from this isolate, and how many posts may be read (DESIGN 6). A channel takes one publish
 *  after the other, so what is beyond its ceiling only waits, and price gaps do not keep. By Little's law what is under way, divided by what is
 *  done in a second, is how long each waits: where that is too long, no more are let in than are done within the bound, and whoever comes
 *  beyond is refused before anything is sent. Waits themselves do not tell: under overload some are served at once, and the rest not at all
 *  (bench/README.md). Pure: the state belongs to the caller. */

/** What one isolate knows of one stream, or of its door. */
export interface Flow {
  readonly inFlight: number;
  /** So many may always be under way. */
  readonly floor: number;
  /** Infinite until it is found overloaded. */
  readonly limit: number;
  readonly refusedAtMs: number;
  /** More was under way than fits, a window ago. */
  readonly wasOver: boolean;
  readonly window: Window;
}

interface Window {
  readonly startedAtMs: number;
  readonly answers: number;
  /** Of what was under way at each answer. */
  readonly inFlightSum: number;
}

/** Above the longest round trip on earth, far below the budget of a publish, so that an overload is refused here and only silence goes to the
 *  inbox. */
export const waitMsMax = 500;
/** Two of these and an overload is known: at twice the ceiling whoever comes last until then waits for a second. */
export const windowMs = 250;
/** A window that holds a silence as long as this is of another time: after a pause it would pass for a low rate. */
const pauseMs = 1_000;
/** A few late answers say nothing about a ceiling. */
export const streamFloor = 8;
/** Slow senders hold a place while their bodies come: it takes this many to be in anybody's way. Of the largest bodies they fill half of an
 *  isolate's 128 MB. */
export const doorFloor = 64;
/** Posts of fewer events are refused first: they cost the channel most for each event, and their sender can do something about it. */
const batchEventsMin = 10;
/** The same before a post is read: ten of the smallest events there are. */
const batchBytesMin = 2_000;
const smallShare = 0.75;
/** The limit stays for as long after the last refusal: those that were sent away come back. */
const calmMs = 10_000;
const retrySmallMs = 2_000;
const retryBatchMs = 1_000;

/** The name of the door among the streams: posts pass it before it is known what they hold. */
export const door = "*";

export function idleFlow(stream: string): Flow {
  const floor = stream === door ? doorFloor : streamFloor;
  return { inFlight: 0, floor, limit: Number.POSITIVE_INFINITY, refusedAtMs: 0, wasOver: false, window: emptyWindow(0) };
}

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

export interface Refusal extends Wanted {
  readonly retryAfterMs: number;
}

/** The first stream of a request that has no room for it; undefined when all have. */
export function findRefusal(flows: ReadonlyMap<string, Flow>, wanted: Iterable<Wanted>): Refusal | undefined {
  for (const { stream, isSmall } of wanted) {
    const { inFlight, limit } = flows.get(stream) ?? idleFlow(stream);
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
  readonly nowMs: number;
  /** Silence says nothing about a ceiling: it is the breaker's. */
  readonly answered: boolean;
}

export function left(flow: Flow, { nowMs, answered }: Left): Flow {
  const inFlight = flow.inFlight - 1;
  if (!answered) return { ...flow, inFlight };
  const known = nowMs - flow.window.startedAtMs > pauseMs ? emptyWindow(nowMs) : flow.window;
  const window = { ...known, answers: known.answers + 1, inFlightSum: known.inFlightSum + flow.inFlight };
  if (nowMs - window.startedAtMs < windowMs) return { ...flow, inFlight, window };
  return { ...flow, inFlight, ...verdictOf(flow, window, nowMs), window: emptyWindow(nowMs) };
}

function verdictOf(flow: Flow, { startedAtMs, answers, inFlightSum }: Window, nowMs: number): Pick<Flow, "limit" | "wasOver"> {
  const { floor, limit, refusedAtMs } = flow;
  const fitting = Math.max(floor, Math.floor((answers * waitMsMax) / (nowMs - startedAtMs)));
  // A stall is over in a window: what piled up meanwhile is done in the next one.
  if (inFlightSum / answers > fitting) return { limit: flow.wasOver ? fitting : limit, wasOver: true };
  if (nowMs - refusedAtMs > calmMs) return { limit: Number.POSITIVE_INFINITY, wasOver: false };
  // Fewer answers than before may only mean that fewer were asked.
  return { limit: Math.max(limit, fitting), wasOver: false };
}

function emptyWindow(nowMs: number): Window {
  return { startedAtMs: nowMs, answers: 0, inFlightSum: 0 };
}
