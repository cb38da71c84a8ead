/** /ops/cache: what is cached for how long, what became of requests in this isolate, and how operators have answers forgotten: at once here, in
 *  every data centre within a minute. */
import type { Context } from "hono";
import { z } from "zod";
import { logInfo } from "../../platform/log.ts";
import { CacheTag, cacheTags } from "../../schemas/cache.ts";
import { purgeAheadMs } from "../../schemas/limits-cache.ts";
import { writePurge } from "../../stores/api-cache.ts";
import { ask } from "../http/ask.ts";
import { readJson } from "../http/body.ts";
import { success } from "../http/envelope.ts";
import { tagOfPath } from "../optimisation/cache/addresses.ts";
import { cacheOf } from "../optimisation/cache/index.ts";
import { policies } from "../optimisation/cache/policies.ts";

type OpsContext = Context<{ Bindings: Env }>;

const bodyBytesMax = 16_384;
const pathsMax = 100;
/** KV's own half a minute and this isolate's neighbours' (schemas/limits-cache.ts: purgeFreshMs). */
const everywhereMs = 60_000;
const noStore = { "cache-control": "no-store" };

/** What shares a tag is forgotten together: a purge may forget more than it names, never less. */
export const PurgeBody = z
  .strictObject({
    tags: z.array(CacheTag).max(cacheTags.length).default([]),
    paths: z
      .array(
        z
          .string()
          .max(2_048)
          .refine((path) => tagOfPath(path) !== undefined, 'must be a cached address such as "/api/strategies", without its query'),
      )
      .max(pathsMax)
      .default([]),
    everything: z.boolean().default(false),
  })
  .refine(({ tags, paths, everything }) => everything || tags.length + paths.length > 0, {
    error: "name tags, paths or everything",
    path: ["tags"],
  });

export function answerCache(c: OpsContext): Response {
  const { deps } = cacheOf(c.env);
  const { memory, colo, kv, counters } = deps;
  const isolate = {
    requests: counters.snapshot(),
    memory: { answers: memory.size, bytes: memory.bytes },
    tier_failures: { colo: colo.failures, kv: kv.failures },
  };
  return c.json(success({ policies: Object.entries(policies).map(([name, policy]) => shown(name, policy)), isolate }), 200, noStore);
}

function shown(name: string, policy: (typeof policies)[keyof typeof policies]): object {
  return {
    name,
    tag: policy.tag,
    ttl_seconds: policy.ttlSeconds,
    stale_while_revalidate_seconds: policy.staleWhileRevalidateSeconds,
    stale_if_error_seconds: policy.staleIfErrorSeconds,
    negative_seconds: policy.negativeSeconds,
    shared_by: policy.sharedBy,
    bytes_max: policy.bytesMax,
    kv: policy.kv,
  };
}

/** May come twice. One that KV did not take is an error: what this isolate has forgotten then comes back from elsewhere. */
export async function purgeCache(c: OpsContext, nowMs: number): Promise<Response> {
  const { tags, paths, everything } = await readJson(c.req.raw, PurgeBody, bodyBytesMax);
  const named = everything ? cacheTags : [...new Set([...tags, ...paths.map(tagOfPath).filter((tag) => tag !== undefined)])];
  const untilMs = nowMs + purgeAheadMs;
  for (const tag of named) cacheOf(c.env).answers.stamps.purgedHere(tag, untilMs);
  await ask(Promise.all(named.map((tag) => writePurge(c.env, tag, untilMs))), { what: "the cache's store" });
  logInfo("cache.purged", { tags: named.join(",") });
  return c.json(success({ tags: named, everywhere_by: new Date(nowMs + everywhereMs).toISOString() }), 200, noStore);
}
