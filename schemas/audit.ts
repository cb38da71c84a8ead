/** What the audit log says of a decision about security, and its bounds. Short scalars only: a token, a key or a body has no place in it. */
import { z } from "zod";

/** What is decided seldom and must be found again: a row of its own, written before it is answered. */
export const recordedActions = [
  "token.minted",
  "token.refreshed",
  "token.reused",
  "token.revoked",
  "session.ended",
  "keys.rotated",
  "client.created",
  "client.deleted",
  "firewall.changed",
  "config.changed",
  "config.rolled_back",
  "limits.changed",
  "attack.switched",
  "ban.set",
  "ban.lifted",
  "placement.changed",
  "cache.purged",
  "asset.stored",
  "asset.deleted",
  "replay.started",
  "replay.paused",
  "replay.resumed",
  "replay.cancelled",
  "dead_letters.redriven",
  "dead_letters.discarded",
  "log.hold.placed",
  "log.hold.released",
  "backup.made",
  "backup.restored",
  "backup.deleted",
] as const;

/** What comes in floods: counted in the isolate, a row for many. */
export const countedActions = [
  "access.refused",
  "token.refused",
  "rate.limited",
  "firewall.refused",
  "geo.refused",
  "ban.refused",
] as const;

export const auditActions = [...recordedActions, ...countedActions] as const;
export type AuditAction = (typeof auditActions)[number];

/** Names and short reasons; what is longer is cut. */
export const auditTextCharsMax = 256;
export const auditDetailsMax = 16;

export type AuditDetails = Readonly<Record<string, string | number | boolean>>;

export interface AuditEntry {
  readonly action: AuditAction;
  /** Who decided or asked: "operator", "client:<id>", "user:<sub>", "anonymous", "edge". */
  readonly actor: string;
  /** What it was done to: a session, a key, a rule. */
  readonly subject?: string | undefined;
  /** Of the caller. */
  readonly address?: string | undefined;
  readonly requestId?: string | undefined;
  readonly details?: AuditDetails | undefined;
}

/** As it is stored: `count` alike entries between `firstMs` and `timeMs`. */
export interface AuditRow extends AuditEntry {
  readonly timeMs: number;
  readonly firstMs: number;
  readonly count: number;
}

const StoredDetails = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));

/** As D1 gives it back. An action of a later version passes: the log is read by people. */
export const StoredAudit = z.object({
  seq: z.int(),
  timeMs: z.int(),
  firstMs: z.int(),
  action: z.string(),
  actor: z.string(),
  subject: z.string().nullable(),
  address: z.string().nullable(),
  requestId: z.string().nullable(),
  count: z.int(),
  details: z
    .string()
    .nullable()
    .transform((text) => (text === null ? undefined : StoredDetails.parse(JSON.parse(text)))),
});
export type StoredAudit = z.infer<typeof StoredAudit>;

/** A line of the log and an item of GET /ops/audit. */
export interface AuditLine {
  readonly seq: number;
  readonly time: string;
  readonly since?: string;
  readonly action: string;
  readonly actor: string;
  readonly subject?: string;
  readonly address?: string;
  readonly request_id?: string;
  readonly count?: number;
  readonly details?: AuditDetails;
}

export function auditLine(stored: StoredAudit): AuditLine {
  const { seq, timeMs, firstMs, action, actor, subject, address, requestId, count, details } = stored;
  return {
    seq,
    time: new Date(timeMs).toISOString(),
    ...(count > 1 ? { since: new Date(firstMs).toISOString(), count } : {}),
    action,
    actor,
    ...(subject === null ? {} : { subject }),
    ...(address === null ? {} : { address }),
    ...(requestId === null ? {} : { request_id: requestId }),
    ...(details === undefined ? {} : { details }),
  };
}
