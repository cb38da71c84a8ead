/** What a backup consists of, as it lies in CONFIG_BACKUPS, and what is asked of it over HTTP. Times are RFC 3339, as anybody may read it. */
import { z } from "zod";
import { sha256Hex } from "../platform/bytes.ts";
import { backupCommentCharsMax } from "./limits-backups.ts";

export const backedUpDatabases = ["OPPORTUNITIES_DB", "STRATEGIES_DB", "METRICS_DB", "SESSIONS_DB"] as const;
export type BackedUpDatabase = (typeof backedUpDatabases)[number];

export const partNames = [...backedUpDatabases.map((name) => `d1:${name}` as const), "kv:CONFIG_CACHE", "r2:manifests"] as const;
const known = `must be one of ${partNames.join(", ")}`;
export const PartName = z.enum(partNames, known);
export type PartName = z.infer<typeof PartName>;

/** A lower-case ULID: sorts by its time, and is the id of the Workflow's instance too. */
export const BackupId = z.string().regex(/^[0-9a-hjkmnp-tv-z]{26}$/, "must be an id of 26 characters such as 01jdexample0example0example");

const crockford = "0123456789abcdefghjkmnpqrstvwxyz";

/** The same for the same time and salt: a cron that fires twice names one backup. */
export function backupIdOf(timeMs: number, salt: string): string {
  let time = "";
  for (let rest = timeMs, digit = 0; digit < 10; digit += 1, rest = Math.floor(rest / 32)) time = `${crockford[rest % 32]}${time}`;
  const digits = sha256Hex(salt).slice(0, 32).match(/../g) ?? [];
  return time + digits.map((pair) => crockford[Number.parseInt(pair, 16) % 32]).join("");
}

/** When it was made. */
export function timeOfId(id: string): number {
  return [...id.slice(0, 10)].reduce((ms, digit) => ms * 32 + crockford.indexOf(digit), 0);
}

const Instant = z.iso.datetime();
const Sha256 = z.string().regex(/^[0-9a-f]{64}$/, "must be 64 hex digits");
const Count = z.int().nonnegative();

/** What lies before a slice: the key of its table, of a bucket, or nothing. */
const After = z.array(z.union([z.string(), z.number()])).nullable();
export type After = z.infer<typeof After>;

/** One object of a backup: lines of JSON, gzipped. `sha256` is of the object as stored. */
export const BackupSlice = z.object({ key: z.string(), sha256: Sha256, bytes: Count, count: Count, after: After });
export type BackupSlice = z.infer<typeof BackupSlice>;

/** How a table was made. */
export const TableSchema = z.object({
  sql: z.string(),
  indexes: z.array(z.string()),
  columns: z.array(z.object({ name: z.string(), type: z.string() })).min(1),
  /** Of the primary key, in its order. */
  key: z.array(z.string()).min(1),
  /** The highest number an AUTOINCREMENT has given. */
  sequence: z.int().optional(),
});
export type TableSchema = z.infer<typeof TableSchema>;

/** A table, a namespace, or a prefix of a bucket. */
const SectionHead = z.object({ name: z.string(), schema: TableSchema.optional() });
export type SectionHead = z.infer<typeof SectionHead>;

export const BackupSection = SectionHead.extend({ slices: z.array(BackupSlice).min(1) });
export type BackupSection = z.infer<typeof BackupSection>;

export const BackupPart = z.object({
  name: PartName,
  count: Count,
  bytes: Count,
  /** Of the hashes of its slices, in order. */
  sha256: Sha256,
  sections: z.array(BackupSection),
});
export type BackupPart = z.infer<typeof BackupPart>;

export const backupKinds = ["daily", "on-demand"] as const;

/** What was asked for: the first object of a backup. */
export const BackupOrder = z.object({
  v: z.literal(1),
  id: BackupId,
  kind: z.enum(backupKinds),
  created_at: Instant,
  comment: z.string().optional(),
  parts: z.array(PartName).min(1),
});
export type BackupOrder = z.infer<typeof BackupOrder>;

/** What came of it: the last object. A backup without it cannot be restored. */
export const BackupManifest = BackupOrder.extend({ ended_at: Instant, parts: z.array(BackupPart).min(1) });
export type BackupManifest = z.infer<typeof BackupManifest>;

/** The manifest proves itself: whatever byte of it is another, the hash or the text does not fit. */
export const SealedManifest = z.object({ v: z.literal(1), sha256: Sha256, backup: BackupManifest });

/** Instead of a manifest. */
export const BackupFailure = z.object({ v: z.literal(1), ended_at: Instant, error: z.string() });
export type BackupFailure = z.infer<typeof BackupFailure>;

/** What a restore makes of the rows of one part. `kept`: rows that stay although the backup has others, or none. */
export const RestoreCounts = z.object({ added: Count, changed: Count, removed: Count, unchanged: Count, kept: Count });
export type RestoreCounts = z.infer<typeof RestoreCounts>;

export const restoreStates = ["running", "done", "failed"] as const;

/** A restore and how far it is: replaced as it goes on. */
export const StoredRestore = z.object({
  v: z.literal(1),
  id: BackupId,
  backup: BackupId,
  dry_run: z.boolean(),
  parts: z.array(PartName).min(1),
  created_at: Instant,
  ended_at: Instant.optional(),
  state: z.enum(restoreStates),
  error: z.string().optional(),
  progress: z.object({ done: Count, total: Count }),
  counts: z.array(RestoreCounts.extend({ name: PartName })),
});
export type StoredRestore = z.infer<typeof StoredRestore>;

/** Which restore may write: one at a time. */
export const RestoreTurn = z.object({ v: z.literal(1), id: BackupId });
export type RestoreTurn = z.infer<typeof RestoreTurn>;

const Parts = z
  .array(PartName)
  .min(1, "must not be empty")
  .max(partNames.length)
  .refine((parts) => new Set(parts).size === parts.length, "must not repeat a part");

export const BackupBody = z.strictObject({
  parts: Parts.optional(),
  comment: z.string().trim().max(backupCommentCharsMax, `at most ${backupCommentCharsMax} characters`).optional(),
});

export const RestoreBody = z.strictObject({
  parts: Parts.optional(),
  dry_run: z.boolean().default(true),
  confirm: z.string().optional().describe("the backup's id again; needed when dry_run is false"),
});
