/** What a compacted hour of the log consists of: one JSON object an hour, which names the Parquet objects that hold it and proves what
 *  they hold. Times are RFC 3339, as anybody may read it. The bytes follow from the content alone: no clock, no random name. */
import { z } from "zod";
import { manifestMissingMax } from "./limits.ts";

const Sha256 = z.string().regex(/^[0-9a-f]{64}$/, "must be 64 hex digits");
const Count = z.int().nonnegative();
const Instant = z.iso.datetime({ precision: 3 });

/** Positions of one epoch, both ends included. */
export const PositionRange = z.object({ epoch: z.string(), first: z.int().positive(), last: z.int().positive() });
export type PositionRange = z.infer<typeof PositionRange>;

/** One Parquet object: positions of one epoch, in order. */
export const ManifestPart = z.object({
  key: z.string(),
  /** Of the object as stored. */
  sha256: Sha256,
  bytes: z.int().positive(),
  /** Of the same positions as lines of the raw log, each with its newline: what proves that nothing was lost on the way. */
  text_sha256: Sha256,
  text_bytes: z.int().positive(),
  ...PositionRange.shape,
  events: z.int().positive(),
  repeats: Count,
});
export type ManifestPart = z.infer<typeof ManifestPart>;

/** A raw object that could not be believed, as it was then: repaired in place it has another etag and counts again. */
export const Quarantined = z.object({ key: z.string(), etag: z.string(), reason: z.string(), copy: z.string() });
export type Quarantined = z.infer<typeof Quarantined>;

export const Manifest = z.object({
  v: z.literal(1),
  /** Version of the Parquet columns (stores/event-log-parquet.ts). */
  columns: z.literal(1),
  stream: z.string(),
  hour: Instant,
  generation: z.int().positive(),
  events: Count,
  /** Lines that repeated a position, and those among them that said something else. */
  copies: Count,
  conflicts: Count,
  /** Events whose source and id came before in this hour, at another position: kept and flagged. */
  repeats: Count,
  epochs: z.array(z.object({ ...PositionRange.shape, events: z.int().positive() })),
  /** Runs between an epoch's first and last position that no object held. Empty: the hour is complete. */
  missing: z.array(PositionRange).max(manifestMissingMax),
  missing_positions: Count,
  sequenced: z.object({ from: Instant, to: Instant }).nullable(),
  event_time: z.object({ from: Instant, to: Instant }).nullable(),
  bytes: Count,
  text_bytes: Count,
  parts: z.array(ManifestPart),
  /** Raw objects it was made of, by their names in the hour's folder; a name ends with the hash of the text. */
  sources: z.array(z.string()),
  quarantined: z.array(Quarantined),
});
export type Manifest = z.infer<typeof Manifest>;
