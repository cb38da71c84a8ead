/** Bounds of the cache of answers, each with its reason. Sizes are bytes, times milliseconds. How long answers are good for is a policy, not a
 *  bound: gateway/optimisation/cache/policies.ts. */

/** One answer as it is kept: a page of 500 opportunities has some 400 kB. Larger ones go by uncached. */
export const cachedBytesMax = 1_048_576;
/** Answers in the memory of one isolate, beside relays and channels that may share its 128 MB. */
export const cacheMemoryBytesMax = 8 * 1_048_576;
/** What is not whole by then goes on piece by piece: a slow backend must not look like a silent one. */
export const cacheBufferMs = 5_000;
/** A cache that answers later than this is slower than what it stands before: a hash of the colo's disk takes some milliseconds, KV some tens. */
export const coloTimeoutMs = 250;
export const kvTimeoutMs = 1_000;
/** The colo's cache and KV are written after the answer has gone. */
export const cacheWriteTimeoutMs = 10_000;
/** Whoever changes something waits at most this long until the colo is told. */
export const changeTimeoutMs = 500;
/** An isolate that knew a tag's last change asks the colo again after this long: for so long another isolate's change may be unknown. */
export const changeFreshMs = 1_000;
/** …and KV for purges after this long: with KV's own 30 s every colo knows within a minute. */
export const purgeFreshMs = 25_000;
/** A purge reaches this far ahead: clocks differ, and answers made just before it may still be on their way. */
export const purgeAheadMs = 5_000;
/** Who asks for what somebody else is fetching waits this long; the frontend gives up after 10 s (UPSTREAM 1). */
export const collapseTimeoutMs = 10_000;
/** An answer is written to KV at most once in this time by an isolate: KV takes a write a second and key, and bills each. */
export const kvWriteEveryMs = 60_000;
/** Answers whose last write to KV is remembered. */
export const kvWritesRemembered = 2_000;
