/** Sessions, API clients and what is granted to them: as clients ask for it and as D1 keeps it. */
import { z } from "zod";
import { grantedPatternsMax, grantsBytesMax, tokenSecondsMax, tokenSecondsMin } from "./token-limits.ts";

const Pattern = z
  .string()
  .max(128)
  .regex(/^(?:[a-z0-9_-]{1,64}|\*)(?::(?:[a-z0-9_-]{1,64}|\*)){0,3}$/, 'must be channels such as "opportunities:*"');
const Action = z.enum(["subscribe", "history", "presence"], "must be subscribe, history or presence");

/** Pattern → actions, as a token carries it (CONTRACT 4). */
export const ChannelMap = z
  .record(Pattern, z.array(Action).max(3))
  .refine((map) => Object.keys(map).length <= grantedPatternsMax, `must have at most ${grantedPatternsMax} patterns`)
  .refine((map) => JSON.stringify(map).length <= grantsBytesMax, `must take at most ${grantsBytesMax} characters`);
export type ChannelMap = Readonly<Record<string, readonly string[]>>;

export const RoleName = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, "must be a role's name");
/** Whom a token is for. No control characters: it stands in lists and logs. */
export const Subject = z
  .string()
  .min(1, "must not be empty")
  .max(256)
  .regex(/^[^\p{C}]+$/u, "must be printable text");
export const LifetimeSeconds = z.int().min(tokenSecondsMin).max(tokenSecondsMax);

/** 128 random bits each. */
const sessionId = /^[\w-]{22}$/;
export const SessionId = z.string().regex(sessionId, "must be a session's id");

export function isSessionId(text: string): boolean {
  return sessionId.test(text);
}

/** A column of JSON. */
const StoredMap = z
  .string()
  .nullable()
  .transform((text): ChannelMap | undefined =>
    text === null ? undefined : z.record(z.string(), z.array(z.string())).parse(JSON.parse(text)),
  );
const optional = <T extends z.ZodType>(schema: T) => schema.nullable().transform((value) => value ?? undefined);

/** Why a session is over before its time. */
export const sessionEnds = ["revoked", "signed_out", "reused", "client_deleted"] as const;
export type SessionEnd = (typeof sessionEnds)[number];

export const Session = z.object({
  sessionId: z.string(),
  userId: z.string(),
  /** Who minted it: an API client's id, or "operator". */
  clientId: z.string(),
  role: optional(z.string()),
  channels: StoredMap,
  /** Of each of its access tokens. */
  lifetimeSeconds: z.int(),
  /** Refreshes so far; only the refresh token of this number is current. */
  generation: z.int(),
  createdMs: z.int(),
  rotatedMs: z.int(),
  expiresMs: z.int(),
  revokedMs: optional(z.int()),
  revokedFor: optional(z.string()),
});
export type Session = z.infer<typeof Session>;

export const ApiClient = z.object({
  clientId: z.string(),
  name: z.string(),
  keyHash: z.string(),
  role: optional(z.string()),
  channels: StoredMap,
  lifetimeSecondsMax: z.int(),
  createdMs: z.int(),
});
export type ApiClient = z.infer<typeof ApiClient>;

/** Of sessions that OPS_API_KEY minted. */
export const operatorClient = "operator";
