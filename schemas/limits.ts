/** Every bound of the system in one place, each with its reason. Sizes are bytes of UTF-8 as rendered, times milliseconds. */

// ---- ingest
/** One request body (CONTRACT 3). */
export const requestBytesMax = 1_048_576;
/** Events in one request (CONTRACT 3). */
export const requestEventsMax = 1_000;
/** One event as rendered: a packed queue message holds at least one, with room for its header line (CONTRACT 3). */
export const eventBytesMax = 60_000;
/** Nesting of JSON: deeper text is an attack on the parser, not data. */
export const jsonDepthMax = 32;
/** A request body must arrive within this time, or the slow sender holds an isolate. */
export const bodyTimeoutMs = 30_000;
/** A compressed body may inflate by this factor once a mebibyte has come out of it. Measured: events that differ in little but their ids
 *  shrink by 37 (gzip) to 75 (zstd at its hardest); only the same ones over and over, which are repeats, shrink by up to 231. A bomb
 *  shrinks by a million (PLATFORM: brotli makes 1 GiB of 841 B). */
export const inflateRatioMax = 200;
/** RFC 9659: a zstd body must be readable with a window of 8 MiB. The decoder would allocate up to 128 MB for one that asks for more. */
export const zstdWindowLogMax = 23;
/** An event may be this far ahead of our clock: more would pin an entity's newest state in the future (CONTRACT 2). */
export const eventAheadMsMax = 5 * 60_000;
/** …and this far behind: older data is a backfill of a log we no longer hold (CONTRACT 2). */
export const eventBehindMsMax = 30 * 24 * 3_600_000;

// ---- ingest: streams of NDJSON
/** One streamed body (CONTRACT 3), counted as decoded. */
export const streamBytesMax = 64 * 1_048_576;
/** Lines that are not blank in one stream: a stream of the smallest valid events, some 190 B, has about as many. Each is answered. */
export const streamLinesMax = 350_000;
/** One line as sent. Twice what an event may take as rendered: escapes and spaces are the sender's taste. */
export const streamLineBytesMax = 131_072;
/** One publish of a stream: the channel writes a row of at most logRowBytesMax. */
export const streamBatchBytesMax = 512_000;
/** Bytes read from a stream and not yet durable or refused: a batch on its way and one that fills meanwhile. Beyond, the body is not read. */
export const streamUnflushedBytesMax = 2 * streamBatchBytesMax + streamLineBytesMax;
/** …and as many lines: a line of two bytes costs more to hold than to send. */
export const streamUnflushedLinesMax = 4 * requestEventsMax;
/** A batch that is not full goes after this long: full ones cost the channel fewer rows, a slow sender still hears at once. */
export const streamLingerMs = 25;
/** Verdicts a sender has not read yet. Those of 200,000 events fit: a sender that reads nothing before it has sent all must not be waited for. */
export const streamAnswerBytesMax = 16 * 1_048_576;
/** Streams at a time in one isolate: their unread answers and their lines must leave room in its 128 MB. */
export const streamsMax = 4;
/** A sender that sends nothing, or reads nothing of a full answer, for as long has gone. */
export const streamIdleMs = 30_000;
/** A stream ends by then, and its sender goes on in another: 64 MiB at 75 kB/s. */
export const streamTimeoutMs = 15 * 60_000;
/** How long a stream holds a batch that a full channel or an unknown outcome has sent back, before it ends. */
export const streamHoldMs = 30_000;

// ---- ingest: how much a sender may send, and when it is slowed down
/** One ingest key's events a second in one isolate: as many as a stream takes in batches of a hundred (DESIGN 6: 22,700). More could only
 *  fill the inbox. The burst is a second's worth. */
export const quotaEventsPerSecond = 25_000;
export const quotaBurstEvents = 25_000;
/** Messages or bytes waiting in the inbox from which parking is slowed: some three minutes of the consumer's work. */
export const backlogMessagesSlow = 2_000;
export const backlogBytesSlow = 128_000_000;
/** …and from which nothing is parked any more: hours of its work, a sixth of the 25 GB that a queue holds. */
export const backlogMessagesMax = 100_000;
export const backlogBytesMax = 4_000_000_000;
/** A parked post waits at most this long for its answer: a sender with 32 connections then parks 32 posts a second. */
export const parkDelayMsMax = 1_000;
/** A post that is refused because its stream is at its ceiling hears so after this long: a sender that does not wait as told is slowed by it. */
export const shedHoldMs = 1_000;
/** …and this many at a time, each without its body: beyond, they hear at once. */
export const shedHeldMax = 1_000;
/** The body of such a post is read and dropped up to this size: a post of ten events, whose connection would cost more. */
export const shedReadBytesMax = 16_384;
/** The body of a post that is too large is read and dropped up to this size: a sender that is cut off while it writes may see a broken
 *  connection and not the answer that says why. */
export const refusedReadBytesMax = 4 * requestBytesMax;
/** The backlog is asked for again after this long; the queue's own figure is about as old. */
export const backlogFreshMs = 2_000;
/** An answer about the backlog must not cost a post more than this. */
export const backlogTimeoutMs = 500;

// ---- text
export const idCharsMax = 128;
export const sourceCharsMax = 256;
export const nameCharsMax = 128;
export const messageCharsMax = 4_096;

// ---- queues (PLATFORM, Limits)
/** One billing unit is 64,000 B and each message carries about 100 B of metadata. */
export const packedBytesMax = 63_900;
/** `sendBatch` takes 256 KB and 100 messages; four packed messages stay inside. */
export const sendBatchMessagesMax = 4;
export const sendBatchBytes = sendBatchMessagesMax * packedBytesMax;
/** A queue send that has not answered by now is tried again: at least once. */
export const queueSendTimeoutMs = 10_000;

// ---- channel
/** Budget of one publish: long enough to ride out a one-second stall, short enough to answer the backend (DESIGN 3). */
export const publishTimeoutMs = 1_500;
/** One row of the log: SQLite rows end at 2 MB, a deliver of one row must stay cheap (DESIGN 2). */
export const logRowBytesMax = 512_000;
/** The oldest event not yet handed to the hot cache's queue is at most this old: with the consumer's second, D1 shows it within two. */
export const hotCacheDelayMs = 1_000;
/** …and to the event log's: nobody waits for it, and a full message costs what an empty one does. */
export const eventLogDelayMs = 10_000;
/** Near things are done by timers, which die with the object; the alarm that does them after a death stands this far out, because
 *  setting one is billed like a row. */
export const safetyNetMs = 10_000;
/** Cursors and settled positions are written this long after they moved: what was handed over since is handed over again after a death. */
export const progressEveryMs = 5_000;
/** A `seen` blob is written for this many events or after this time: what no blob holds is read from the rows after a restart. */
export const seenBlobEvents = 4_000;
export const seenBlobEveryMs = 10_000;
/** A repeat within this time is recognised (CONTRACT 3). */
export const dedupeWindowMs = 10 * 60_000;
/** …unless that many events came within it: typed tables of about 100 B an event must leave room in 128 MB (DESIGN 8). */
export const seenEventsMax = 500_000;
/** Log bounds: at the owner's mean of 185 events/s, 15 minutes are 166,500 events (DESIGN 7). A new row overwrites the oldest one once
 *  a bound is passed, because a deleted row is billed like a written one. */
export const historyEventsMax = 250_000;
export const historyAgeMsMax = 30 * 60_000;
export const historyBytesMax = 512 * 1_048_576;
/** Rows differ in size, so one for one may pass the bounds by this factor; beyond it rows are deleted. */
export const historyExcess = 1.1;
/** A channel unused for this long starts a new epoch (Centrifugo's meta TTL, REALTIME 1). */
export const epochTtlMs = 30 * 24 * 3_600_000;
/** One publish of a replay, or a question how far it is: nobody waits for it, and a step that gives up is only run again. */
export const replayPublishTimeoutMs = 10_000;
/** How long a replay waits in one go for a channel without room. */
export const replayPatienceMs = 60_000;
/** A replay's channel that was last published to so long ago, and that no relay hears, is cleared: the log has what it held. */
export const replayChannelIdleMs = 24 * 3_600_000;
/** …and is looked at again after this long while somebody hears it. */
export const replayChannelLookMs = 3_600_000;
/** Positions handed to the hot-cache queue and not applied for this long are handed over again: a lost message may not freeze snapshots. */
export const redriveAfterMs = 2 * 60_000;
export const redriveAfterMsMax = 30 * 60_000;
/** …and sooner after a restart, which may have forgotten the marks of the last seconds. */
export const redriveAfterRestartMs = 10_000;
/** Bytes accepted but not yet handed to every queue: beyond, the channel answers 503 rather than growing without end. */
export const outboxBytesMax = 256 * 1_048_576;
/** Share of the channel's rate that bulk (the inbox queue) may use, so a backfill cannot trim the live log (DESIGN 3). */
export const bulkEventsPerSecond = 1_000;
/** One answer to a history call: a few rows, far under the 32 MiB of an RPC. */
export const historyReplyBytesMax = 1_048_576;

// ---- hub and relays (DESIGN 9)
export const deliverTimeoutMs = 5_000;
/** A relay that forwards waits this long for each of the others, a few milliseconds away: its whole region waits for its answer. */
export const forwardTimeoutMs = 500;
/** Relays a hub calls one by one: a call costs both ends about 120 µs, so more would be felt by every publish (DESIGN 9). */
export const directRelaysMax = 32;
/** Relays that one relay forwards to. */
export const forwardMax = 32;
/** One deliver carries at most this; what is left follows the acknowledgement. */
export const deliverBytesMax = 1_048_576;
export const renewEveryMs = 30_000;
/** Three silent renewals: the relay is gone. */
export const leaseMs = 3 * renewEveryMs;
/** Interest outlives the last subscriber by this much: reconnects are cheap. */
export const lingerMs = 30_000;

// ---- sockets (CONTRACT 5)
export const socketFrameBytesMax = 65_536;
export const socketChannelsMax = 128;
export const socketMessagesPerMinute = 50;
export const socketMessagesBurst = 256;
/** Sockets of one user on one relay: dozens of tabs on several devices, and far from what a runaway script opens. */
export const userSocketsMax = 100;
/** How often a client says how far it has read, where the runtime cannot tell: each time wakes the relay, 30,000 sockets three thousand
 *  times a second (CONTRACT 5: not below ten seconds). */
export const ackEveryMs = 10_000;
/** Recovery sends at most this many events in one go; a client further behind reloads its snapshot. */
export const recoveryEventsMax = 10_000;

// ---- presence
/** Members that are named; all above are counted. */
export const presenceMembersMax = 1_000;
/** An answer is good for this long: whoever asks meanwhile gets the same one. */
export const presenceFreshMs = 2_000;
/** How often a relay looks who came and who left, while somebody watches. */
export const presencePollMs = 5_000;
/** Who is back within this time has not left: a reconnect takes a second or two. */
export const presenceGraceMs = 10_000;
/** A relay that has not said who listens by now is left out. */
export const presenceTimeoutMs = 2_000;

// ---- readers
export const pageLimitMax = 500;
export const pageLimitDefault = 100;
export const historyLimitMax = 1_000;

// ---- compression
/** Smaller bodies fit one packet of the network either way: a coding would save nothing and cost its headers. */
export const compressBytesMin = 1_024;
/** Compressed in one call, with its size known; some two milliseconds of CPU. Larger ones go piece by piece. */
export const compressWholeBytesMax = 262_144;
/** Streams compressed at a time in one isolate, at up to 6 MB of its 128 for each; what comes beyond goes as it is. */
export const compressedStreamsMax = 8;
/** A stream whose reader has taken nothing for as long has gone without a word. */
export const compressedStreamIdleMs = 60_000;

// ---- assets
/** One asset. Workers take 100 MB on the smallest plan; what is larger belongs into a bucket of its own. */
export const assetBytesMax = 64 * 1_048_576;
/** An upload must be there by then: 64 MiB at 220 kB/s. */
export const assetUploadTimeoutMs = 5 * 60_000;
/** Kept in a colo's cache, and in memory while it is sent. */
export const assetCachedBytesMax = 1_048_576;
/** R2 takes keys of 1,024 bytes; addresses longer than this were never written by hand. */
export const assetPathCharsMax = 512;
/** One page of the listing: what R2 lists at a time. */
export const assetPageMax = 1_000;
export const assetPageDefault = 100;

// ---- stores
/** One D1 parameter: 2 MB in production, half of it for safety (PLATFORM). */
export const statementBytesMax = 1_000_000;
/** Hot cache: rows whose newest state is older are pruned, and late events older than this change nothing (DESIGN 12). */
export const opportunityRetentionMs = 2 * 3_600_000;
export const executionRetentionMs = 7 * 24 * 3_600_000;
export const metricRetentionMs = 30 * 24 * 3_600_000;

// ---- the log and its compaction (DESIGN 14, 15)
/** Plain text of one raw object: a batch of a hundred packed messages is 6.4 MB, so nothing is cut, and a reader that holds a few at
 *  once stays far inside an isolate. */
export const logObjectBytesMax = 8 * 1_048_576;
/** …that a reader takes: earlier writers made objects of 32 MB, and whoever inflates must know where to stop. */
export const logObjectReadBytesMax = 33 * 1_048_576;
/** Text and rows of one Parquet object. Every step of a compaction makes one: its memory is a small multiple of this. */
export const logPartBytesMax = 16 * 1_048_576;
export const logPartRowsMax = 32_768;
/** A Parquet object is smaller than its text, but for a page's overhead. */
export const logPartFileBytesMax = 2 * logPartBytesMax;
/** What a step of a compaction may hold at once: half of an isolate's 128 MB. Counted; one that holds more is reported. */
export const compactionBytesMax = 64 * 1_048_576;
/** Ids looked through at once for repeats, eight bytes each; an hour with more is looked through in shares. */
export const compactionIdsMax = 1_048_576;
/** An hour is compacted this long after its end at the earliest: the queue's thirty seconds, and a backlog's minutes. */
export const logCompactAfterMs = 15 * 60_000;
/** Until then a mark is written once an isolate; the difference is room for clocks that differ. */
export const logMarkOnceUntilMs = 10 * 60_000;
/** LOG_GRACE_HOURS: raw objects are what a wrong compaction is repaired from, one hour at the least and a quarter at most. */
export const logGraceHoursMax = 90 * 24;
/** LOG_RETENTION_DAYS: a century. */
export const logRetentionDaysMax = 36_500;
/** Hours that one cron starts: more wait for the next. */
export const compactionsPerCronMax = 50;
/** Holes that a manifest lists one by one; it counts all positions. */
export const manifestMissingMax = 1_000;
