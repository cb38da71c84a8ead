/** What a refresh token is worth whose rotation changed nothing: an old one came twice, the session is over, or there never was one. Pure. */
import type { Session } from "../../schemas/sessions.ts";
import { refreshGraceMs } from "../../schemas/token-limits.ts";

export type Verdict =
  /** The honest second try: the answer to the first was lost. It gets the same successor. */
  | { readonly kind: "repeated"; readonly session: Session }
  /** Two hold the token: one of them stole it. */
  | { readonly kind: "reused"; readonly session: Session }
  | { readonly kind: "over"; readonly reason: "expired" | "revoked" | "unknown" };

export interface Shown {
  readonly generation: number;
  readonly nowMs: number;
}

export function judge(session: Session | undefined, { generation, nowMs }: Shown): Verdict {
  if (session === undefined) return { kind: "over", reason: "unknown" };
  if (session.revokedMs !== undefined) return { kind: "over", reason: "revoked" };
  if (nowMs >= session.expiresMs) return { kind: "over", reason: "expired" };
  // Sealed by us and not given out yet: the database was set back. Nobody stole anything.
  if (generation >= session.generation) return { kind: "over", reason: "unknown" };
  const isRecent = generation === session.generation - 1 && nowMs - session.rotatedMs <= refreshGraceMs;
  return isRecent ? { kind: "repeated", session } : { kind: "reused", session };
}
