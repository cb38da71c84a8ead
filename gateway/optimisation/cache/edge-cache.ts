/** Answers reads from memory, the colo's cache, KV or the origin, in this order, and says which. Who may read was decided before: nothing here
 *  looks at a credential. Whatever of it fails, a read goes on to its origin. */
import type { CacheTag } from "../../../schemas/cache.ts";
import { collapseTimeoutMs, kvWriteEveryMs, kvWritesRemembered } from "../../../schemas/limits-cache.ts";
import type { CacheCounters } from "./counters.ts";
import { decodeEntry, encodeEntry, isMadeFor } from "./entry.ts";
import type { Entry } from "./entry.ts";
import { Flights } from "./flights.ts";
import { judge } from "./judge.ts";
import type { Stamps, Verdict } from "./judge.ts";
import { keyOf } from "./key.ts";
import type { Key, KeyParts } from "./key.ts";
import type { Memory } from "./memory.ts";
import { everyone } from "./partition.ts";
import { policyOf } from "./policies.ts";
import type { Policy, PolicyName } from "./policies.ts";
import { isOutage, produce, statusOf } from "./produce.ts";
import type { Origin, Product } from "./produce.ts";
import { ageSeconds, respond, ttlSeconds } from "./respond.ts";
import { TagStamps } from "./stamps.ts";
import type { Forward, Outcome } from "./status.ts";
import type { Tier } from "./tier.ts";

/** What is read, who shares it, and where it comes from. */
export interface CacheSubject extends Omit<KeyParts, "partition" | "query"> {
  /** Undefined: for this request alone. */
  readonly partition: string | undefined;
  /** Undefined: it says something that is not known to make no difference. */
  readonly query: string | undefined;
  readonly origin: Origin;
}

export interface Call {
  readonly request: Pick<Request, "method" | "headers">;
  clock(): number;
  waitUntil(work: Promise<unknown>): void;
}

export type Answered =
  | { readonly kind: "response"; readonly response: Response; readonly outcome: Outcome }
  | { readonly kind: "error"; readonly error: unknown; readonly outcome: Outcome };

export interface CacheDeps {
  readonly memory: Memory;
  readonly colo: Tier;
  readonly kv: Tier;
  readonly counters: CacheCounters;
  changedHereMs(tag: CacheTag): number;
}

/** One request on its way through the cache. */
interface Ask {
  readonly key: Key;
  readonly name: PolicyName;
  readonly policy: Policy;
  readonly origin: Origin;
  readonly isPublic: boolean;
  readonly stamps: Stamps;
  readonly call: Call;
}

interface Found {
  readonly entry: Entry;
  readonly verdict: Verdict | "other-variant";
  readonly tier: string;
}

export class EdgeCache {
  readonly #deps: CacheDeps;
  readonly #flights = new Flights<Product>();
  readonly #kvWrites = new Map<string, number>();
  readonly stamps: TagStamps;

  constructor(deps: CacheDeps) {
    this.#deps = deps;
    this.stamps = new TagStamps(deps);
  }

  async answer(subject: CacheSubject, call: Call): Promise<Answered> {
    const { policy: name, partition, path, query, origin } = subject;
    const isRead = call.request.method === "GET" || call.request.method === "HEAD";
    if (!isRead || partition === undefined || query === undefined) return this.#pass(subject, isRead ? "bypass" : "method");
    const policy = policyOf(name);
    const key = keyOf({ policy: name, partition, path, query });
    const stamps = await this.stamps.of(policy.tag, call.clock(), call.waitUntil);
    const ask: Ask = { key, name, policy, origin, isPublic: partition === everyone, stamps, call };
    const found = await this.#find(ask);
    if (found?.verdict === "fresh") return this.#hit(ask, found, "hit");
    if (found?.verdict !== "stale") return await this.#forward(ask, found);
    call.waitUntil(this.#fetch(ask));
    return this.#hit(ask, found, "stale");
  }

  async #pass({ policy, origin }: CacheSubject, why: Forward): Promise<Answered> {
    this.#deps.counters.count(policy, "bypass");
    const outcome: Outcome = { kind: "forward", why, ageSeconds: 0 };
    try {
      return { kind: "response", response: (await origin()).response, outcome };
    } catch (error) {
      return { kind: "error", error, outcome };
    }
  }

  /** The newest that is held, wherever. */
  async #find(ask: Ask): Promise<Found | undefined> {
    const inMemory = this.#deps.memory.find(ask.key.hash);
    let best = this.#judged(ask, inMemory, "memory");
    const tiers = ask.policy.kv === "tier" ? [this.#deps.colo, this.#deps.kv] : [this.#deps.colo];
    for (const tier of tiers) {
      if (best?.verdict === "fresh") return best;
      best = newer(best, await this.#lookIn(tier, ask));
    }
    return best;
  }

  async #lookIn(tier: Tier, ask: Ask): Promise<Found | undefined> {
    const bytes = await tier.read(ask.key.hash);
    const found = bytes === undefined ? undefined : this.#judged(ask, decodeEntry(bytes, ask.key.text), tier.name);
    if (found?.verdict === "fresh" || found?.verdict === "stale") this.#deps.memory.put(ask.key.hash, found.entry);
    return found;
  }

  #judged({ call, stamps, policy }: Ask, entry: Entry | undefined, tier: string): Found | undefined {
    if (entry === undefined) return undefined;
    const verdict = judge(entry, stamps, { ms: call.clock(), changeSeconds: policy.changeSeconds });
    if (verdict === "gone") return undefined;
    return { entry, tier, verdict: isMadeFor(entry, call.request.headers) ? verdict : "other-variant" };
  }

  #hit(ask: Ask, { entry, tier }: Found, event: "hit" | "stale"): Answered {
    const nowMs = ask.call.clock();
    const outcome: Outcome = { kind: "hit", tier, ttlSeconds: ttlSeconds(entry, nowMs), ageSeconds: ageSeconds(entry, nowMs) };
    this.#deps.counters.count(ask.name, event);
    return this.#respond(ask, entry, outcome);
  }

  async #forward(ask: Ask, found: Found | undefined): Promise<Answered> {
    const why = found === undefined ? "uri-miss" : found.verdict === "other-variant" ? "vary-miss" : "stale";
    const { product, isCollapsed } = await this.#fetch(ask);
    if (isOutage(product)) {
      const last = found?.verdict === "last-resort" ? found : await this.#lastResort(ask);
      if (last !== undefined) return this.#inPlaceOf(ask, product, last);
      this.#deps.counters.count(ask.name, "failed");
    } else this.#deps.counters.count(ask.name, isCollapsed ? "collapsed" : "miss");
    const outcome = { kind: "forward", why, isCollapsed, ageSeconds: 0 } as const;
    if (product.kind === "error") return { kind: "error", error: product.error, outcome };
    if (product.kind === "own") return { kind: "response", response: product.response, outcome: { ...outcome, detail: product.reason } };
    const nowMs = ask.call.clock();
    const { entry, keep } = product;
    const isStored = keep !== "once";
    const ttl = isStored ? { ttlSeconds: ttlSeconds(entry, nowMs) } : {};
    return this.#respond(ask, entry, { ...outcome, isStored, ...ttl, ageSeconds: isStored ? ageSeconds(entry, nowMs) : 0 });
  }

  /** A stored answer in place of the origin's failure. */
  #inPlaceOf(ask: Ask, product: Product, { entry }: Found): Answered {
    const nowMs = ask.call.clock();
    this.#deps.counters.count(ask.name, "stale_if_error");
    return this.#respond(ask, entry, {
      kind: "forward",
      why: "stale",
      originStatus: statusOf(product),
      ttlSeconds: ttlSeconds(entry, nowMs),
      ageSeconds: ageSeconds(entry, nowMs),
      detail: "stale-if-error",
    });
  }

  /** KV was not asked before where its answers would hardly ever be fresh. */
  async #lastResort(ask: Ask): Promise<Found | undefined> {
    const found = ask.policy.kv === "backup" ? await this.#lookIn(this.#deps.kv, ask) : undefined;
    return found?.verdict === "other-variant" ? undefined : found;
  }

  /** With whoever asks for the same, unless what comes is for one alone or for another variant. */
  async #fetch(ask: Ask): Promise<{ readonly product: Product; readonly isCollapsed: boolean }> {
    const { key, call, stamps } = ask;
    const start = (): Promise<Product> => this.#produce(ask);
    const wish = { nowMs: call.clock(), changedMs: Math.max(stamps.changedMs, stamps.purgedMs), timeoutMs: collapseTimeoutMs, start };
    const joined = this.#flights.join(key.hash, wish);
    // Others may wait for it when this request's client has gone.
    call.waitUntil(joined.catch(() => undefined));
    try {
      const { result, isShared } = await joined;
      if (!isShared || isShareable(result, call)) return { product: result, isCollapsed: isShared };
      return { product: await start(), isCollapsed: false };
    } catch (error) {
      return { product: { kind: "error", error }, isCollapsed: true };
    }
  }

  async #produce({ key, name, origin, call }: Ask): Promise<Product> {
    const { headers } = call.request;
    const product = await produce({ key: key.text, policy: name, headers, origin, clock: () => call.clock() });
    if (product.kind === "entry" && product.keep !== "once") this.#store(key.hash, product.entry, { call, policy: policyOf(product.keep) });
    return product;
  }

  #store(hash: string, entry: Entry, { call, policy }: { readonly call: Call; readonly policy: Policy }): void {
    this.#deps.memory.put(hash, entry);
    const nowMs = call.clock();
    const keepSeconds = (entry.errorUntilMs - nowMs) / 1_000;
    if (keepSeconds <= 0) return;
    const bytes = encodeEntry(entry);
    call.waitUntil(this.#deps.colo.write(hash, { bytes, keepSeconds }));
    if (policy.kv !== "never" && !entry.isRefusal && this.#mayWriteKv(hash, nowMs)) {
      call.waitUntil(this.#deps.kv.write(hash, { bytes, keepSeconds }));
    }
  }

  #mayWriteKv(hash: string, nowMs: number): boolean {
    if (nowMs - (this.#kvWrites.get(hash) ?? Number.NEGATIVE_INFINITY) < kvWriteEveryMs) return false;
    this.#kvWrites.delete(hash);
    this.#kvWrites.set(hash, nowMs);
    const [oldest] = this.#kvWrites.keys();
    if (this.#kvWrites.size > kvWritesRemembered && oldest !== undefined) this.#kvWrites.delete(oldest);
    return true;
  }

  #respond({ call, isPublic, name }: Ask, entry: Entry, outcome: Outcome): Answered {
    try {
      const { method, headers } = call.request;
      const response = respond(entry, { method, headers, isPublic, nowMs: call.clock() });
      if (response.status === 304) this.#deps.counters.count(name, "not_modified");
      return { kind: "response", response, outcome };
    } catch (error) {
      return { kind: "error", error, outcome };
    }
  }
}

function newer(a: Found | undefined, b: Found | undefined): Found | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  // A variant for others is worth nothing beside one for this request.
  if ((a.verdict === "other-variant") !== (b.verdict === "other-variant")) return a.verdict === "other-variant" ? b : a;
  return b.entry.startedAtMs > a.entry.startedAtMs ? b : a;
}

/** Not a stream of somebody else's, not another variant, and not past the time up to which it is true. */
function isShareable(product: Product, { request, clock }: Call): boolean {
  if (product.kind !== "entry") return product.kind === "error";
  const { entry, keep } = product;
  return isMadeFor(entry, request.headers) && (keep === "once" || clock() < entry.errorUntilMs);
}
