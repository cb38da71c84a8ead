/** The cache as routes use it: `cached(c, subject)` answers a read whose reader may have it, and `cacheStatus` says on every answer of a cached
 *  route what became of it. The subject's origin gives a whole answer; validators, ages and who may keep it are added here. */
import { createMiddleware } from "hono/factory";
import { cacheMemoryBytesMax, cacheWriteTimeoutMs, coloTimeoutMs, kvTimeoutMs } from "../../../schemas/limits-cache.ts";
import { readAnswer, readPurge, writeAnswer } from "../../../stores/api-cache.ts";
import { changedHereMs } from "../../../stores/changes.ts";
import { readChange, readColo, writeColo } from "../../../stores/colo-cache.ts";
import { withHeaders } from "../../middleware/with-headers.ts";
import { CacheCounters } from "./counters.ts";
import { EdgeCache } from "./edge-cache.ts";
import type { CacheDeps, CacheSubject } from "./edge-cache.ts";
import { Memory } from "./memory.ts";
import { statusHeaders } from "./status.ts";
import type { Outcome } from "./status.ts";
import { Tier } from "./tier.ts";

export interface Cache {
  readonly answers: EdgeCache;
  readonly deps: CacheDeps;
}

const known = new WeakMap<Env, Cache>();

/** One per isolate. */
export function cacheOf(env: Env): Cache {
  const found = known.get(env) ?? open(env);
  known.set(env, found);
  return found;
}

function open(env: Env): Cache {
  const times = { writeTimeoutMs: cacheWriteTimeoutMs, clock: Date.now };
  const colo = { read: readColo, write: writeColo, stamp: readChange };
  const kv = {
    read: (hash: string) => readAnswer(env, hash),
    write: (hash: string, kept: Parameters<typeof writeAnswer>[2]) => writeAnswer(env, hash, kept),
    stamp: (tag: Parameters<typeof readPurge>[1]) => readPurge(env, tag),
  };
  const deps: CacheDeps = {
    memory: new Memory(cacheMemoryBytesMax),
    colo: new Tier(colo, { ...times, name: "colo", timeoutMs: coloTimeoutMs }),
    kv: new Tier(kv, { ...times, name: "kv", timeoutMs: kvTimeoutMs }),
    counters: new CacheCounters(),
    changedHereMs,
  };
  return { answers: new EdgeCache(deps), deps };
}

/** What it needs of a route's context, whichever variables that route has. */
interface CachedContext {
  readonly env: Env;
  readonly req: { readonly raw: Request };
  readonly executionCtx: { waitUntil(work: Promise<unknown>): void };
}

/** Of requests on their way: an error that a route throws carries no headers. */
const outcomes = new WeakMap<Request, Outcome>();

/** The reader must have been let in before: what is stored is answered without another look. Throws what the origin throws. */
export async function cached(c: CachedContext, subject: CacheSubject, clock: () => number = Date.now): Promise<Response> {
  const request = c.req.raw;
  const answered = await cacheOf(c.env).answers.answer(subject, { request, clock, waitUntil: (work) => keepAlive(c, work) });
  outcomes.set(request, answered.outcome);
  if (answered.kind === "error") throw answered.error;
  return answered.response;
}

function keepAlive(c: CachedContext, work: Promise<unknown>): void {
  try {
    c.executionCtx.waitUntil(work);
  } catch {
    // Hono throws where a request was made without a context; the work goes on, and catches what it throws.
  }
}

/** Who was refused before the cache was asked. */
const refused: Outcome = { kind: "forward", why: "bypass", ageSeconds: 0, detail: "refused" };
export const refusedStatus: ReturnType<typeof statusHeaders> = statusHeaders(refused);

export const cacheStatus = createMiddleware<{ Bindings: Env }>(async (c, next) => {
  const request = c.req.raw;
  await next();
  withHeaders(c, statusHeaders(outcomes.get(request) ?? refused));
});
