/** This data centre's cache (Cache API): answers, and when what they were made from last changed. Deletes here would reach one data centre
 *  only and lose against an answer on its way, so nothing is deleted: a change is a time that answers are compared with. On *.workers.dev
 *  it keeps nothing (PLATFORM). */
import type { CacheTag } from "../schemas/cache.ts";
import type { Kept } from "./api-cache.ts";

/** Ours alone: what the zone caches by itself is elsewhere, and no request of the world has these addresses. */
const cacheName = "arbitragex-answers";
const root = "https://cache.internal";
/** As long as any answer is fresh or is refreshed behind its readers' backs; a test compares it with the policies. */
export const changeKeepSeconds = 600;

export type OpenCache = () => Promise<Cache>;
const openColo: OpenCache = () => caches.open(cacheName);

export async function readColo(key: string, open: OpenCache = openColo): Promise<Uint8Array | undefined> {
  const found = await (await open()).match(`${root}/answer/${key}`);
  return found === undefined ? undefined : new Uint8Array(await found.arrayBuffer());
}

export async function writeColo(key: string, { bytes, keepSeconds }: Kept, open: OpenCache = openColo): Promise<void> {
  const headers = { "cache-control": `max-age=${Math.max(1, Math.ceil(keepSeconds))}` };
  await (await open()).put(`${root}/answer/${key}`, new Response(bytes, { headers }));
}

/** Epoch ms; 0 when nothing is known. */
export async function readChange(tag: CacheTag, open: OpenCache = openColo): Promise<number> {
  const found = await (await open()).match(`${root}/change/${tag}`);
  const atMs = Number((await found?.text()) ?? 0);
  return Number.isFinite(atMs) ? atMs : 0;
}

export async function writeChange(tag: CacheTag, atMs: number, open: OpenCache = openColo): Promise<void> {
  const headers = { "cache-control": `max-age=${changeKeepSeconds}` };
  await (await open()).put(`${root}/change/${tag}`, new Response(String(atMs), { headers }));
}
