/** What is said about a revoked token: by an operator, in D1, and to relays. */
import { z } from "zod";

/** One token by its `jti`, everything a user held when it was revoked, or all of a session, which is over for good. */
export const revocationKinds = ["jti", "sub", "sid"] as const;

/** As it is stored and told. */
export const Revocation = z.object({
  kind: z.enum(revocationKinds),
  value: z.string().min(1).max(256),
  /** By `sub`: tokens issued up to here. */
  revokedMs: z.int().nonnegative(),
  /** No token of this kind lives longer: then the entry may go. */
  untilMs: z.int().nonnegative(),
});
export type Revocation = z.infer<typeof Revocation>;

export interface RevokeRequest {
  readonly v: 1;
  readonly revocation: Revocation;
}

export interface RevokeReply {
  readonly v: 1;
  /** Sockets that were closed. */
  readonly closed: number;
}

/** Revocations that may be live at a time: all of them are read at once, about 100 bytes each. */
export const revocationsMax = 5_000;
/** …of which sessions, that their own holders end, leave a fifth to operators. */
export const sessionRevocationsMax = 4_000;
