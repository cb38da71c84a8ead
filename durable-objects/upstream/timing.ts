/** How long the link to Contabo bears what. A first backend that dies is replaced within ten seconds: the sums are beside the numbers. */

/** A socket and its upgrade are there in well under a second; Contabo stands in the same part of the world. */
export const dialTimeoutMs = 3_000;
/** Contabo sends no heartbeat: after this much silence it is asked. 20 questions a minute stay under its 50 messages. */
export const quietMs = 3_000;
/** …and has this long to say anything: 3 s + 4 s + the wait before the next dial (under 0.8 s) leave two seconds to connect. */
const firstAnswerMs = 4_000;
const answerMsMax = 60_000;
/** The first wait lies below this. */
const firstDelayMsMax = 800;
const delayMsMax = 30_000;
/** A connection that lasted this long was a good one: the next wait is short again. */
export const stableMs = 10_000;
/** Failures in a row of one backend until the next is tried. */
export const strikesMax = 2;
export const probeTimeoutMs = 4_000;
const firstReturnAfterMs = 60_000;
const returnAfterMsMax = 15 * 60_000;
/** The first backend has to hold this long for its return to count as one that lasted. */
export const returnHeldMs = 60_000;

/** A backend that never answers pings would be given up whenever the market is quiet: each time it is borne twice as long, until a pong
 *  shows that it does answer. */
export function answerMs(silences: number): number {
  return Math.min(answerMsMax, firstAnswerMs * 2 ** Math.min(silences, 30));
}

/** Full jitter: anywhere between nothing and a bound that doubles with each failure in a row (from 1). */
export function delayMs(failures: number, random: number): number {
  return Math.round(random * Math.min(delayMsMax, firstDelayMsMax * 2 ** Math.min(Math.max(failures - 1, 0), 30)));
}

/** The first backend is asked a minute after it was left, and twice as late after each return that did not last. */
export function returnAfterMs(hastyReturns: number): number {
  return Math.min(returnAfterMsMax, firstReturnAfterMs * 2 ** Math.min(hastyReturns, 30));
}
