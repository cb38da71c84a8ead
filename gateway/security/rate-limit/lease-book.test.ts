import { describe, expect, it } from "vitest";
import { emptyBucket, takeFrom } from "../../../durable-objects/rate-limiter/bucket.ts";
import { limiterLeaseMs, limiterLeaseReturnMs } from "../../../schemas/limits-requests.ts";
import type { Allowance, TakeReply } from "../../../schemas/rate-limit.ts";
import { LeaseBook } from "./lease-book.ts";
import type { Question, Standing } from "./lease-book.ts";

const allowance: Allowance = { intervalMs: 900, burst: 150 };
const keep = (work: Promise<unknown>): void => void work.catch(() => undefined);

/** A limiter over the real rules, with a clock of its own. */
function limiter(rate: Allowance, now: () => number): { ask(question: Question): Promise<TakeReply>; questions: Question[] } {
  let bucket = emptyBucket;
  const questions: Question[] = [];
  const ask = async (question: Question): Promise<TakeReply> => {
    questions.push(question);
    const terms = { nowMs: now(), allowance: rate, leaseMs: limiterLeaseReturnMs, leaseId: questions.length };
    const { granted, lease, remaining, retryAfterMs, bucket: after } = takeFrom(bucket, { returned: undefined, ...question }, terms);
    bucket = after;
    const held = lease === undefined ? {} : { lease: { id: lease.id, tokens: lease.tokens, ttlMs: limiterLeaseMs } };
    return { v: 1, granted, remaining, retryAfterMs, fullAfterMs: Math.max(0, after.tatMs - now()), ...held };
  };
  return { ask, questions };
}

const kinds = (standings: readonly Standing[], kind: Standing["kind"]): number =>
  standings.filter((standing) => standing.kind === kind).length;

describe("an isolate", () => {
  it("asks once for all who come while a question is under way", async () => {
    const now = (): number => 1_000_000;
    const book = new LeaseBook(now);
    const { ask, questions } = limiter(allowance, now);
    const held = Promise.withResolvers<void>();
    const blocked = async (question: Question): Promise<TakeReply> => {
      await held.promise;
      return ask(question);
    };
    const standings = Array.from({ length: 300 }, () => book.take({ key: "k", allowance, ask: blocked, keep }));
    held.resolve();
    const all = await Promise.all(standings);
    expect([kinds(all, "allowed"), kinds(all, "refused")]).toEqual([150, 150]);
    expect(questions.map(({ need }) => need)).toEqual([1, 299]);
    // First come, first served.
    expect(kinds(all.slice(0, 150), "allowed")).toBe(150);
  });

  it("decides without a question while it knows that all must wait, and asks again when it is time", async () => {
    let nowMs = 1_000_000;
    const book = new LeaseBook(() => nowMs);
    const tight = { intervalMs: 900, burst: 1 };
    const { ask, questions } = limiter(tight, () => nowMs);
    const take = (): Standing | Promise<Standing> => book.take({ key: "k", allowance: tight, ask, keep });
    expect(await take()).toMatchObject({ kind: "allowed", remaining: 0 });
    expect(await take()).toMatchObject({ kind: "refused", retryAfterMs: 900 });
    nowMs += 400;
    const refused = take();
    expect(refused).not.toBeInstanceOf(Promise);
    expect(refused).toMatchObject({ kind: "refused", retryAfterMs: 500 });
    expect(questions.length).toBe(2);
    nowMs += 500;
    expect(await take()).toMatchObject({ kind: "allowed" });
  });

  it("holds tokens of a busy key: a question for many requests, and the limit is the same", async () => {
    let nowMs = 1_000_000;
    const book = new LeaseBook(() => nowMs);
    const wide = { intervalMs: 1, burst: 1_500 };
    const { ask, questions } = limiter(wide, () => nowMs);
    const standings: Standing[] = [];
    for (let count = 0; count < 5_000; count += 1) {
      nowMs += 2;
      standings.push(await book.take({ key: "k", allowance: wide, ask, keep }));
    }
    expect(kinds(standings, "allowed")).toBe(5_000);
    expect(questions.length).toBeLessThan(100);
  });

  it("brings back what it held for a key that is not asked for any more, and what it held too long", async () => {
    let nowMs = 1_000_000;
    const book = new LeaseBook(() => nowMs);
    const { ask, questions } = limiter(allowance, () => nowMs);
    const kept: Promise<unknown>[] = [];
    const take = (): Standing | Promise<Standing> => book.take({ key: "k", allowance, ask, keep: (work) => void kept.push(work) });
    for (let count = 0; count < 6; count += 1) await take();
    const asked = questions.length;
    await Promise.all(kept);
    expect(questions.slice(asked)).toEqual([{ need: 0, want: 0, returned: { lease: expect.any(Number), unused: expect.any(Number) } }]);
    expect((await ask({ need: 0, want: 0 })).remaining).toBe(144);
    // Busy for longer than a lease lasts: nothing of it is used, all of it is brought back with the next question.
    for (let count = 0; count < 6; count += 1) await take();
    nowMs += limiterLeaseMs;
    await take();
    expect((await ask({ need: 0, want: 0 })).remaining).toBeGreaterThanOrEqual(150 - 13);
  });

  it("asks for each request of a quiet key, and holds nothing that others could use", async () => {
    let nowMs = 1_000_000;
    const book = new LeaseBook(() => nowMs);
    const { ask, questions } = limiter(allowance, () => nowMs);
    for (let count = 0; count < 20; count += 1) {
      nowMs += 700;
      await book.take({ key: "k", allowance, ask, keep });
    }
    expect(questions.map(({ want }) => want)).toEqual(Array.from({ length: 20 }, () => 0));
  });

  it("forgets a refusal when the limit is changed", async () => {
    const now = (): number => 1_000_000;
    const book = new LeaseBook(now);
    const none = async (): Promise<TakeReply> => ({ v: 1, granted: 0, remaining: 0, fullAfterMs: 9_000_000, retryAfterMs: 9_000_000 });
    expect(await book.take({ key: "k", allowance, ask: none, keep })).toMatchObject({ kind: "refused" });
    const raised = { intervalMs: 1, burst: 1_000 };
    const { ask } = limiter(raised, now);
    expect(await book.take({ key: "k", allowance: raised, ask, keep })).toMatchObject({ kind: "allowed" });
  });

  it("lets nobody wait for an answer that never comes", async () => {
    const book = new LeaseBook(() => 1_000_000);
    const never = (): Promise<TakeReply> => new Promise(() => undefined);
    const leader = book.take({ key: "k", allowance, ask: never, keep });
    const follower = book.take({ key: "k", allowance, ask: () => Promise.reject(new Error("gone")), keep });
    expect(await follower).toEqual({ kind: "unreachable" });
    void leader;
  });

  it("that fails passes on what it held, and says of the others that nobody could be asked", async () => {
    let nowMs = 1_000_000;
    const book = new LeaseBook(() => nowMs);
    const { ask } = limiter(allowance, () => nowMs);
    const gone = (): Promise<TakeReply> => Promise.reject(new Error("gone"));
    for (let count = 0; count < 6; count += 1) await book.take({ key: "k", allowance, ask, keep });
    const standings = await Promise.all(Array.from({ length: 60 }, () => book.take({ key: "k", allowance, ask: gone, keep })));
    expect(kinds(standings, "allowed")).toBeGreaterThan(0);
    expect(kinds(standings, "unreachable")).toBeGreaterThan(0);
    expect(kinds(standings, "refused")).toBe(0);
    nowMs += 1;
  });

  it("and others like it never let more pass together than the limit", async () => {
    let nowMs = 1_000_000;
    const rate = { intervalMs: 100, burst: 60 };
    const { ask, questions } = limiter(rate, () => nowMs);
    const books = Array.from({ length: 4 }, () => new LeaseBook(() => nowMs));
    const passes: number[] = [];
    let sent = 0;
    for (let round = 0; round < 400; round += 1) {
      nowMs += (round * 7) % 23;
      const book = books[(round * round) % books.length];
      if (book === undefined) throw new Error("there are four");
      const all = await Promise.all(Array.from({ length: 1 + (round % 3) }, () => book.take({ key: "k", allowance: rate, ask, keep })));
      sent += all.length;
      for (const { kind } of all) if (kind === "allowed") passes.push(nowMs);
    }
    // No window has more than burst and rate allow iff a single GCRA over all of them never overflows.
    let tatMs = 0;
    for (const atMs of passes) {
      tatMs = Math.max(tatMs, atMs) + rate.intervalMs;
      expect(tatMs - atMs).toBeLessThanOrEqual(rate.burst * rate.intervalMs);
    }
    // Nearly all that the rate allows passes although four share it.
    expect(passes.length).toBeGreaterThan((60 + (nowMs - 1_000_000) / 100) * 0.8);
    expect(questions.length).toBeLessThan(sent);
  });
});
