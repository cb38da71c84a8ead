/** Bounds of backups and restores. */

/** Rows, and text before compression, of one object of a backup: what a step holds, twice at most, is far inside an isolate's 128 MB. */
export const backupSliceRowsMax = 5_000;
export const backupSliceBytesMax = 4 * 1_048_576;
/** …that a reader inflates: one row of D1's 2 MB, or one manifest of the log, may come on top. */
export const backupSliceReadBytesMax = 16 * 1_048_576;
/** Objects of the log's manifests in one slice: each is a read of R2, one after the other. */
export const backupObjectsMax = 250;
/** Keys of one namespace. It is configuration: two keys today. A thousand reads is what one invocation of a Worker may ask KV. */
export const backupKeysMax = 900;
/** A backup's own manifest: some 200 B an object, of which a full year of the log's manifests and 16 GB of rows make ten thousand. */
export const backupManifestBytesMax = 8 * 1_048_576;
/** Tables, indexes and columns of a database are a few dozen: what goes beyond is no schema of ours. */
export const backupTablesMax = 100;

/** How many of each are kept (issue 6). The newest of its day, week and month stands for it. */
export const backupDailyKept = 7;
export const backupWeeklyKept = 4;
export const backupMonthlyKept = 12;
/** On demand: a quarter is longer than anybody needs to find out that what they did before was wrong. */
export const backupOnDemandMs = 90 * 24 * 3_600_000;
/** One that failed or was left unfinished can be looked at for a day. A Workflow that is still at it by then is stuck. */
export const backupTornMs = 24 * 3_600_000;

/** What is known of a restore is kept as long as a backup made before it. */
export const restoreRecordMs = backupOnDemandMs;

export const backupCommentCharsMax = 500;
export const backupBodyBytesMax = 4_096;
export const backupPageDefault = 20;
/** Each is a manifest to read. */
export const backupPageMax = 50;
/** Reading a whole backup for its checksums: a gigabyte at 20 MB/s. */
export const backupVerifyTimeoutMs = 50_000;
