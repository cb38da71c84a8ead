/** The cache of answers over the real KV and the real colo cache, with a clock of its own: each `isolate` has its own memory and beside it the
 *  stores that all share. Any of them can be made to fail. */
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { CacheCounters } from "../../gateway/optimisation/cache/counters.ts";
import { EdgeCache } from "../../gateway/optimisation/cache/edge-cache.ts";
import type { Answered, CacheSubject } from "../../gateway/optimisation/cache/edge-cache.ts";
import { Memory } from "../../gateway/optimisation/cache/memory.ts";
import type { PolicyName } from "../../gateway/optimisation/cache/policies.ts";
import type { OriginResult } from "../../gateway/optimisation/cache/produce.ts";
import { statusHeaders } from "../../gateway/optimisation/cache/status.ts";
import { Tier } from "../../gateway/optimisation/cache/tier.ts";
import type { TierStore } from "../../gateway/optimisation/cache/tier.ts";
import type { CacheTag } from "../../schemas/cache.ts";
import { readAnswer, readPurge, writeAnswer } from "../../stores/api-cache.ts";
import { readColo, writeColo } from "../../stores/colo-cache.ts";

export const realKv: TierStore = {
  read: (hash) => readAnswer(env, hash),
  write: (hash, kept) => writeAnswer(env, hash, kept),
  stamp: (tag) => readPurge(env, tag),
};

/** Changes are told by `changed` alone, so that no test's change is another's. */
export const realColo: TierStore = { read: readColo, write: writeColo, stamp: async () => 0 };

/** As on *.workers.dev. */
export const noStore: TierStore = { read: async () => undefined, write: async () => undefined, stamp: async () => 0 };

export interface IsolateOptions {
  readonly colo?: TierStore;
  readonly kv?: TierStore;
  readonly memoryBytes?: number;
  readonly changed?: ReadonlyMap<CacheTag, number>;
}

export interface Clock {
  nowMs: number;
}

/** Starts now, as the stores' own clocks do, and moves when told. */
export function clockOf(nowMs = Date.now()): Clock {
  return { nowMs };
}

export interface Seen {
  readonly status: number | undefined;
  readonly text: string;
  readonly headers: Headers;
  /** As the client would see it. */
  readonly cacheStatus: string;
  readonly age: string;
  readonly error: unknown;
}

export interface Wish {
  readonly path: string;
  readonly origin: () => Promise<Response | OriginResult>;
  readonly policy?: PolicyName;
  readonly partition?: string | undefined;
  readonly query?: string | undefined;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export function isolate(clock: Clock, options: IsolateOptions = {}) {
  const { colo = realColo, kv = realKv, memoryBytes = 1_000_000, changed = new Map<CacheTag, number>() } = options;
  const times = { timeoutMs: 1_000, writeTimeoutMs: 1_000, clock: () => clock.nowMs };
  const deps = {
    memory: new Memory(memoryBytes),
    colo: new Tier(colo, { ...times, name: "colo" }),
    kv: new Tier(kv, { ...times, name: "kv" }),
    counters: new CacheCounters(),
    changedHereMs: (tag: CacheTag) => changed.get(tag) ?? 0,
  };
  const cache = new EdgeCache(deps);

  /** Answered, and all that goes on behind the answer done. */
  async function ask(wish: Wish): Promise<Seen> {
    const context = createExecutionContext();
    const seen = await see(
      await cache.answer(
        subjectOf(wish),
        callOf(wish, clock, (work) => context.waitUntil(work)),
      ),
    );
    await waitOnExecutionContext(context);
    return seen;
  }

  return { ...deps, cache, ask };
}

function subjectOf({ path, origin, policy = "backend.chains", ...rest }: Wish): CacheSubject {
  const partition = "partition" in rest ? rest.partition : "everyone";
  const query = "query" in rest ? rest.query : "";
  return { policy, partition, path, query, origin: async () => resultOf(await origin()) };
}

function resultOf(answer: Response | OriginResult): OriginResult {
  return answer instanceof Response ? { response: answer } : answer;
}

function callOf({ method = "GET", headers = {} }: Wish, clock: Clock, waitUntil: (work: Promise<unknown>) => void) {
  return { request: { method, headers: new Headers(headers) }, clock: () => clock.nowMs, waitUntil };
}

async function see(answered: Answered): Promise<Seen> {
  const { "cache-status": cacheStatus, age } = statusHeaders(answered.outcome);
  if (answered.kind === "error") {
    return { status: undefined, text: "", headers: new Headers(), cacheStatus, age, error: answered.error };
  }
  const { status, headers } = answered.response;
  const text = new TextDecoder().decode(await answered.response.arrayBuffer());
  return { status, text, headers, cacheStatus, age, error: undefined };
}

/** An origin that counts how often it was asked and answers `text-1`, `text-2`, … */
export function counting(text: string, init: ResponseInit = {}) {
  const seen = { asked: 0 };
  const origin = async (): Promise<Response> => {
    seen.asked += 1;
    return new Response(`${text}-${seen.asked}`, init);
  };
  return { seen, origin };
}
