/** Bounds of what is asked of the backend, each with its reason. Sizes are bytes, times milliseconds. */

// ---- one call
/** What a client sends us for the backend: the largest documented body has four fields. */
export const proxyBodyBytesMax = 65_536;
/** What the backend answers. A page of 500 opportunities has some 400 kB; an isolate has 128 MB for all it does. */
export const backendAnswerBytesMax = 16 * 1_048_576;
/** …when it refuses: a code and a sentence. */
export const backendRefusalBytesMax = 16_384;
/** …of an execution, kept for its repeats: one row of D1. */
export const executionAnswerBytesMax = 65_536;
/** Until the headers are there. Two origins in a row must fit into what the frontend waits, 10 s (UPSTREAM 1). */
export const backendHeadersMs = 4_000;
/** All attempts of one read together; also below what others wait who asked for the same (collapseTimeoutMs). */
export const backendReadMs = 9_000;
/** An execution goes on chain before it is answered, and is never sent a second time: it is waited for as long as anybody may. */
export const backendExecuteMs = 25_000;
/** A body that brings nothing for as long has stopped… */
export const backendIdleMs = 10_000;
/** …and one that is not whole by then holds a connection that others need. */
export const backendBodyMs = 60_000;
/** Attempts of a read beyond the first. More would only add to what an ill backend has to do. */
export const backendRetriesMax = 2;
/** Before the second attempt; the third waits up to four times as long, with jitter. */
export const backendRetryMs = 50;
/** An attempt with less time than this left is not begun. */
export const backendAttemptMsMin = 100;

// ---- connections to one origin, of one isolate
/** A Worker has six outgoing connections at a time (PLATFORM, Limits). */
export const originConnectionsMax = 6;
/** Calls that wait for one; at 50 ms each the last has waited half a second. */
export const originWaitingMax = 64;
/** A call waits at most this long for a connection. */
export const originWaitMs = 2_000;
/** Who was given a connection takes it within this time, or its request has died. */
export const originClaimMs = 1_000;

// ---- breaker and health of an origin
/** Judged by the calls of so long… */
export const breakerSampleMs = 10_000;
/** …when there were at least as many… */
export const breakerCallsMin = 3;
/** …and more than this share of them failed. */
export const breakerFailureShare = 0.5;
/** It is asked again after a second, later after longer while it stays ill. */
export const breakerPause = { firstMs: 1_000, maxMs: 30_000 };
/** A health check answers from memory. */
export const healthCheckMs = 2_000;
/** An origin that nobody heard of for as long is asked, so that who fails over knows where to. */
export const healthCheckEveryMs = 30_000;

// ---- executions
/** A key is remembered for a week: longer than any client retries. */
export const idempotencyKeptMs = 7 * 24 * 3_600_000;
/** Whoever sent an execution and has not said how it went by then has died. */
export const executionOpenMs = backendExecuteMs + 15_000;
/** D1 is asked before anything is sent; what it does not answer in time is not sent. */
export const idempotencyStoreMs = 5_000;

// ---- batches
export const batchRequestsMax = 20;
export const batchBodyBytesMax = 262_144;
/** One part of the answer, and all together: they are held in memory. */
export const batchPartBytesMax = 1_048_576;
export const batchAnswerBytesMax = 8 * 1_048_576;
/** Parts under way at a time: one connection is left for who else asks. */
export const batchParallel = 5;
/** Longer than the slowest route: an execution ends before its batch does. */
export const batchTimeoutMs = 29_000;
