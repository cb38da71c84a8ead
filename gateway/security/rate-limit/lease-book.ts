/** What this isolate knows of allowances: tokens it holds, and who has to wait. A request that finds a token, or that must wait, is decided
 *  here and now. The others ask the limiter together: while one question is under way, all who come meanwhile are the next one. */
import { limiterEntriesMax, limiterHotRequests, limiterLeaseMs, limiterQueuePatience } from "../../../schemas/limits-requests.ts";
import type { Allowance, TakeReply, TakeRequest } from "../../../schemas/rate-limit.ts";
import { withPatience } from "../../../platform/timeout.ts";

export type Standing =
  | { readonly kind: "allowed" | "refused"; readonly remaining: number; readonly fullAfterMs: number; readonly retryAfterMs: number }
  /** Nobody could be asked. */
  | { readonly kind: "unreachable" };

export type Question = Pick<TakeRequest, "need" | "want" | "returned">;
export type AskLimiter = (question: Question) => Promise<TakeReply>;

export interface Order {
  readonly key: string;
  readonly allowance: Allowance;
  readonly ask: AskLimiter;
  /** Keeps a question alive that others wait for, should this request end. */
  keep(work: Promise<unknown>): void;
}

/** Undefined: it was not answered. */
type Answer = { readonly granted: number } | undefined;

interface Batch {
  count: number;
  readonly answer: PromiseWithResolvers<Answer>;
}

interface Entry {
  allowance: Allowance;
  tokens: number;
  lease: { readonly id: number; readonly endsMs: number } | undefined;
  remaining: number;
  fullAtMs: number;
  refusedUntilMs: number;
  asked: Promise<unknown> | undefined;
  next: Batch | undefined;
  /** Requests of this second and of the one before. */
  seen: { secondMs: number; now: number; before: number };
}

export class LeaseBook {
  readonly #now: () => number;
  /** Insertion order is the order in which they were last used. */
  readonly #entries = new Map<string, Entry>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** A promise only when the limiter has to be asked. */
  take(order: Order): Standing | Promise<Standing> {
    const nowMs = this.#now();
    const entry = this.#entryOf(order, nowMs);
    count(entry, nowMs);
    if (nowMs < entry.refusedUntilMs) return refused(entry, nowMs);
    if (entry.tokens > 0 && isHeld(entry, nowMs) && entry.next === undefined) {
      entry.tokens -= 1;
      return allowed(entry, nowMs, 0);
    }
    return this.#join(entry, order);
  }

  async #join(entry: Entry, order: Order): Promise<Standing> {
    if (entry.next !== undefined) {
      const place = entry.next.count;
      entry.next.count += 1;
      const answer = await unlessLost(entry.next.answer.promise);
      return this.#standing(entry, answer, place);
    }
    const batch: Batch = { count: 1, answer: Promise.withResolvers() };
    entry.next = batch;
    if (entry.asked !== undefined) await unlessLost(entry.asked);
    const work = this.#settle(entry, batch, order);
    entry.asked = work;
    order.keep(work);
    const answer = await work;
    if (entry.asked === work) entry.asked = undefined;
    return this.#standing(entry, answer, 0);
  }

  /** Uses what is held first; the answer before may have brought it, or the news that all must wait. */
  async #settle(entry: Entry, batch: Batch, order: Order): Promise<Answer> {
    entry.next = undefined;
    const answer = await this.#answer(entry, batch.count, order.ask);
    if (entry.lease !== undefined) order.keep(this.#returnLater(entry, entry.lease.id, order.ask));
    batch.answer.resolve(answer);
    return answer;
  }

  async #answer(entry: Entry, needed: number, ask: AskLimiter): Promise<Answer> {
    const sentMs = this.#now();
    if (sentMs < entry.refusedUntilMs) return { granted: 0 };
    const own = isHeld(entry, sentMs) ? Math.min(entry.tokens, needed) : 0;
    entry.tokens -= own;
    if (own === needed) return { granted: own };
    // What goes back is not used meanwhile.
    const { lease, tokens } = entry;
    entry.tokens = 0;
    entry.lease = undefined;
    const returned = lease === undefined ? {} : { returned: { lease: lease.id, unused: tokens } };
    try {
      const reply = await ask({ need: needed - own, want: wanted(entry), ...returned });
      this.#learn(entry, reply, { sentMs, needed: needed - own });
      return { granted: own + reply.granted };
    } catch {
      return own === 0 ? undefined : { granted: own };
    }
  }

  /** A key that is not asked for any more loses nothing by what was held for it. */
  async #returnLater(entry: Entry, lease: number, ask: AskLimiter): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, limiterLeaseMs));
    const { tokens } = entry;
    if (entry.lease?.id !== lease || tokens === 0 || entry.asked !== undefined) return;
    entry.tokens = 0;
    entry.lease = undefined;
    await ask({ need: 0, want: 0, returned: { lease, unused: tokens } }).catch(() => undefined);
  }

  #learn(entry: Entry, reply: TakeReply, { sentMs, needed }: { sentMs: number; needed: number }): void {
    const nowMs = this.#now();
    entry.remaining = reply.remaining;
    entry.fullAtMs = nowMs + reply.fullAfterMs;
    if (reply.granted < needed) entry.refusedUntilMs = nowMs + Math.max(1, reply.retryAfterMs);
    if (reply.lease === undefined) return;
    entry.tokens = reply.lease.tokens;
    entry.lease = { id: reply.lease.id, endsMs: sentMs + reply.lease.ttlMs };
  }

  #standing(entry: Entry, answer: Answer, place: number): Standing {
    if (answer === undefined) return { kind: "unreachable" };
    return place < answer.granted ? allowed(entry, this.#now(), answer.granted - place - 1) : refused(entry, this.#now());
  }

  #entryOf({ key, allowance }: Order, nowMs: number): Entry {
    const entry = this.#entries.get(key) ?? fresh(allowance, nowMs);
    // A limit that was changed is asked for anew.
    if (!isSame(entry.allowance, allowance)) Object.assign(entry, { allowance, refusedUntilMs: 0 });
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > limiterEntriesMax && oldest !== undefined) this.#entries.delete(oldest);
    return entry;
  }
}

/** The request that asks may be given up by its client, and its question with it. */
async function unlessLost<T>(work: Promise<T>): Promise<T | undefined> {
  return await withPatience(work, limiterQueuePatience, "the limiter").catch(() => undefined);
}

function fresh(allowance: Allowance, nowMs: number): Entry {
  const seen = { secondMs: nowMs, now: 0, before: 0 };
  return { allowance, tokens: 0, lease: undefined, remaining: 0, fullAtMs: 0, refusedUntilMs: 0, asked: undefined, next: undefined, seen };
}

function isSame(a: Allowance, b: Allowance): boolean {
  return a.burst === b.burst && a.intervalMs === b.intervalMs;
}

function isHeld({ lease }: Entry, nowMs: number): boolean {
  return lease !== undefined && nowMs < lease.endsMs;
}

function count({ seen }: Entry, nowMs: number): void {
  const passed = nowMs - seen.secondMs;
  if (passed >= 1_000) Object.assign(seen, { secondMs: nowMs, before: passed < 2_000 ? seen.now : 0, now: 0 });
  seen.now += 1;
}

/** About a second's worth, for a key that is asked for often. */
function wanted({ seen, allowance }: Entry): number {
  const often = Math.max(seen.now, seen.before);
  return often < limiterHotRequests ? 0 : Math.min(often, Math.floor(allowance.burst / 4));
}

function allowed(entry: Entry, nowMs: number, others: number): Standing {
  const remaining = entry.remaining + entry.tokens + others;
  return { kind: "allowed", remaining, fullAfterMs: Math.max(0, entry.fullAtMs - nowMs), retryAfterMs: 0 };
}

function refused(entry: Entry, nowMs: number): Standing {
  const retryAfterMs = Math.max(1, entry.refusedUntilMs - nowMs);
  return { kind: "refused", remaining: 0, fullAfterMs: Math.max(retryAfterMs, entry.fullAtMs - nowMs), retryAfterMs };
}
