/** Sessions in KV (SESSIONS) in front of D1: what a token's holder is told about it. A copy may be a minute old, so nothing is decided by it:
 *  whether a token holds is the revocations' to say, and whether a session can be refreshed is D1's. */
import { z } from "zod";
import type { Session } from "../schemas/sessions.ts";

export interface SessionCacheStores {
  readonly SESSIONS: KVNamespace;
}

/** KV keeps nothing for a shorter time. */
const ttlSecondsMin = 60;
const keyOf = (sessionId: string): string => `session:v1:${sessionId}`;

export const CachedSession = z.object({ clientId: z.string(), createdMs: z.int(), expiresMs: z.int() });
export type CachedSession = z.infer<typeof CachedSession>;

/** Nothing is kept of a session that is about to be over. */
export async function cacheSession({ SESSIONS }: SessionCacheStores, session: Session, nowMs: number): Promise<void> {
  const expirationTtl = Math.floor((session.expiresMs - nowMs) / 1_000);
  if (expirationTtl < ttlSecondsMin) return;
  const { clientId, createdMs, expiresMs } = session;
  await SESSIONS.put(keyOf(session.sessionId), JSON.stringify({ clientId, createdMs, expiresMs } satisfies CachedSession), {
    expirationTtl,
  });
}

export async function findCachedSession({ SESSIONS }: SessionCacheStores, sessionId: string): Promise<CachedSession | undefined> {
  return CachedSession.safeParse(await SESSIONS.get(keyOf(sessionId), "json")).data;
}

export async function forgetCachedSession({ SESSIONS }: SessionCacheStores, sessionId: string): Promise<void> {
  await SESSIONS.delete(keyOf(sessionId));
}
