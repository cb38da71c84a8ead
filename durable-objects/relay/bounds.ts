/** Bounds of a relay alone; those it shares with hub, sockets or clients are in schemas/limits.ts. */

/** Recent rows kept per stream so that reconnects recover without asking the hub: at the owner's mean rate, half a minute. */
export const ringBytesMax = 2 * 1_048_576;
export const ringEventsMax = 5_000;
/** Rows received but not yet sent. Beyond, the deliver itself flushes, so that a flooded relay slows its hub instead of growing. */
export const pendingBytesMax = 4 * 1_048_576;
/** Pulls of missed history at a time: each may hold recoveryEventsMax events in memory (about 6 MB). */
export const pullsMax = 4;
/** Rounds a pull may take to catch up with a stream that moves on meanwhile. */
export const pullRoundsMax = 5;
/** A client may have come from a relay that was ahead of this one: it waits this long for the hub to push. */
export const catchUpMs = 2_000;
/** Positions are written this long after the last flush: there is no hook before hibernation (DESIGN 9). */
export const settleMs = 1_000;
/** A bare socket that has not said otherwise by now is a legacy client (CONTRACT 5.2). */
export const legacyAfterMs = 1_000;
/** Unsent bytes of one socket: beyond, the reader is too slow and recovers by position (DESIGN 11). */
export const bufferedBytesMax = 1_048_576;
/** One hub call; a join is tried this often before the client is told. */
export const hubTimeoutMs = 5_000;
export const joinAttempts = 3;
/** A filtered rewind looks at most at this many of the stream's newest events. */
export const rewindScanMax = 5_000;
/** A socket's attachment is at most 16 KB (PLATFORM); claims are the only part that can grow. */
export const attachmentBytesMax = 12_000;
/** Sockets of one relay, below the platform's 32,768. */
export const socketsMax = 30_000;
/** Stale offsets remembered per stream to tell legacy sockets what they were not shown. */
export const staleKept = 10_000;
