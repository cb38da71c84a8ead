/** Answers in KV (API_CACHE), and when operators purged them: names and times of keeping. What an answer is, and whether it may be used, is
 *  decided in gateway/optimisation/cache/. */
import type { CacheTag } from "../schemas/cache.ts";

export interface AnswerStore {
  readonly API_CACHE: KVNamespace;
}

/** KV refuses less (UPSTREAM 5: every read was answered 502). */
export const kvKeepSecondsMin = 60;
/** The shortest that KV keeps an answer in a data centre. */
const kvCacheSeconds = 30;
/** A purge outlives every answer made before it: none is kept for longer than a day. */
const purgeKeepSeconds = 2 * 86_400;

export async function readAnswer({ API_CACHE }: AnswerStore, key: string): Promise<Uint8Array | undefined> {
  const bytes = await API_CACHE.get(`answer/v1/${key}`, { type: "arrayBuffer", cacheTtl: kvCacheSeconds });
  return bytes === null ? undefined : new Uint8Array(bytes);
}

export async function writeAnswer({ API_CACHE }: AnswerStore, key: string, answer: Kept): Promise<void> {
  const expirationTtl = Math.max(kvKeepSecondsMin, Math.ceil(answer.keepSeconds));
  await API_CACHE.put(`answer/v1/${key}`, answer.bytes, { expirationTtl });
}

export interface Kept {
  readonly bytes: Uint8Array;
  readonly keepSeconds: number;
}

/** Epoch ms; 0 when it never was. */
export async function readPurge({ API_CACHE }: AnswerStore, tag: CacheTag): Promise<number> {
  const text = await API_CACHE.get(`purge/v1/${tag}`, { type: "text", cacheTtl: kvCacheSeconds });
  const atMs = Number(text ?? 0);
  return Number.isFinite(atMs) ? atMs : 0;
}

/** Written without reading: two operators at once cannot undo each other's. */
export async function writePurge({ API_CACHE }: AnswerStore, tag: CacheTag, atMs: number): Promise<void> {
  await API_CACHE.put(`purge/v1/${tag}`, String(atMs), { expirationTtl: purgeKeepSeconds });
}
