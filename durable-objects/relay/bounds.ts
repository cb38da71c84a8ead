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
/** …and beyond this it is shown only the newest state of each entity: half a second of a home line. */
export const conflateBytesMax = 262_144;
/** Sent to one socket within a second before it is conflated: 64 Mbit/s, more than most lines of its readers carry. */
export const socketBytesPerSecond = 8 * 1_048_576;
/** What all sockets of a relay together have not read: half of an isolate's 128 MB. The slowest are closed first. */
export const relayUnreadBytesMax = 64 * 1_048_576;
/** A slow socket's news come this often: an age that a person does not mind, and enough for several states of an entity to become one. */
export const conflateEveryMs = 1_000;
/** Entities that wait in a slow lane, a few megabytes: beyond, they go out early. */
export const laneEventsMax = 5_000;
/** Channels of a socket that it is asked to acknowledge: their names are kept with it, and one tells of what was sent on all. */
export const ackedChannelsMax = 16;
/** The anonymous legacy view (CONTRACT 4): a page that appends every event without a bound (UPSTREAM 1) shows no more than this anyway… */
export const legacyEventsPerSecond = 50;
/** …after this many at once. */
export const legacyEventsBurst = 250;
/** Entities remembered that a capped view did not show. */
export const leftOutMax = 10_000;
/** One hub call; a join is tried this often before the client is told. */
export const hubTimeoutMs = 5_000;
export const joinAttempts = 3;
/** A filtered rewind looks at most at this many of the stream's newest events. */
export const rewindScanMax = 5_000;
/** A socket's attachment is at most 16 KB (PLATFORM); claims are the only part that can grow. */
export const attachmentBytesMax = 12_000;
/** Flushes that take this long make events wait for a third of a second (coalesce.ts): the relay takes no more sockets… */
export const busyLagMs = 250;
/** …until it was not seen for this long. */
export const busyForMs = 5_000;
/** Sockets of one relay, below the platform's 32,768. */
export const socketsMax = 30_000;
/** Stale offsets remembered per stream to tell legacy sockets what they were not shown. */
export const staleKept = 10_000;
/** A last value is looked for among this many of the newest events: more are never stale in a row unless the backend replays its past. */
export const lastValueScanMax = 100;
/** A filtered history page looks at most at this many events before it says how far it came. */
export const historyScanMax = 10_000;
/** A client is told this long before its token expires; twice the renewal's period, so that a sleeping relay tells it in time. */
export const noticeMs = 60_000;
/** A socket that owes its handshake for this long is closed. */
export const silentMs = 10_000;
/** A client that pings does so every 30 s at least; after three misses it is gone. */
export const ghostAfterMs = 100_000;
/** Sockets that are sent away at a time: each comes back with an upgrade, a token and its subscriptions. */
export const moveSlice = 1_000;
export const moveEveryMs = 100;
/** Part of the sockets from elsewhere that goes home with each renewal, once home serves again: all are home within minutes. */
export const recallShare = 0.1;
export const recallMin = 100;
export const servingTimeoutMs = 2_000;
/** Views whose quiet is remembered per relay, so that their clients find that they missed nothing. */
export const quietViewsMax = 1_000;
/** The log always reaches over this many events, so a shorter quiet is not worth a row. */
export const quietEventsMin = 1_000;
