import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import type { TakeReply } from "../../schemas/rate-limit.ts";
import { originMs } from "./gcra.ts";
import type { RateLimiter } from "./rate-limiter.ts";

/** An interval of minutes, so that no second of a slow machine grows a token. */
const allowance = { intervalMs: 90_000, burst: 150 };

function limiter(name: string): DurableObjectStub<RateLimiter> {
  return env.RATE_LIMITERS.get(env.RATE_LIMITERS.idFromName(name));
}

function take(stub: DurableObjectStub<RateLimiter>, key: string, need = 1, want = 0): Promise<TakeReply> {
  // A stub dies with its object.
  return env.RATE_LIMITERS.get(stub.id).take({ v: 1, key, allowance, need, want });
}

function rows(stub: DurableObjectStub<RateLimiter>): Promise<number> {
  return runInDurableObject(stub, (_, { storage }) => Number(storage.sql.exec("SELECT COUNT(*) AS n FROM debts").one().n));
}

/** Lines of the object's log of writes: each is a billed row. */
function writes(stub: DurableObjectStub<RateLimiter>): Promise<number> {
  return runInDurableObject(stub, (_, { storage }) => Number(storage.sql.exec("SELECT COALESCE(MAX(seq), 0) AS n FROM debts").one().n));
}

/** Dies between two lines, with what no timer has written yet. */
async function kill(stub: DurableObjectStub<RateLimiter>): Promise<void> {
  await runInDurableObject(stub, (_, ctx) => ctx.abort("killed by a test")).catch(() => undefined);
}

describe("a limiter that dies without notice", () => {
  it.each([
    ["killed", kill],
    ["evicted", evictDurableObject],
  ])("gives no burst back when it is %s: what was used up stays used up", async (how, end) => {
    const stub = limiter(`used-up-${how}`);
    for (let count = 0; count < 150; count += 1) expect((await take(stub, "key")).granted).toBe(1);
    expect((await take(stub, "key")).granted).toBe(0);
    await end(stub);
    expect((await take(stub, "key", 150)).granted).toBe(0);
    expect((await take(stub, "other", 150)).granted).toBe(150);
  });

  it.each([19, 75, 120, 149])("at %i of 150 taken, grants no more than were left", async (taken) => {
    const stub = limiter(`partly-${taken}`);
    for (let count = 0; count < taken; count += 1) await take(stub, "key");
    await kill(stub);
    expect((await take(stub, "key", 150)).granted).toBeLessThanOrEqual(150 - taken);
  });

  it("gives back an eighth of the burst at most, of a debt too young to be written", async () => {
    const stub = limiter("young");
    await take(stub, "key", 18);
    expect(await rows(stub)).toBe(0);
    await kill(stub);
    expect((await take(stub, "key", 150)).granted).toBe(150);
  });

  it("counts the tokens of a lease as taken", async () => {
    const stub = limiter("leased");
    const { granted, lease } = await take(stub, "key", 50, 50);
    expect([granted, lease?.tokens]).toEqual([50, 50]);
    await kill(stub);
    expect((await take(stub, "key", 150)).granted).toBeLessThanOrEqual(50);
  });
});

describe("what is written", () => {
  it("is a row for many requests of a busy key, none for a key that asks now and then", async () => {
    const stub = limiter("rows");
    for (let count = 0; count < 150; count += 1) await take(stub, "busy");
    expect(await writes(stub)).toBeLessThanOrEqual(8);
    const before = await writes(stub);
    for (let count = 0; count < 20; count += 1) await take(stub, `quiet-${count}`);
    expect(await writes(stub)).toBe(before);
  });

  it("is exact once a key is quiet: a later life grants what is left", async () => {
    const stub = limiter("exact");
    for (let count = 0; count < 100; count += 1) await take(stub, "key");
    await vi.waitFor(
      async () => {
        const text = await runInDurableObject(stub, (_, { storage }) =>
          String(storage.sql.exec("SELECT text FROM debts ORDER BY seq DESC LIMIT 1").one().text),
        );
        const [[, tatMs]] = JSON.parse(text) as [[string, number]];
        expect(tatMs + originMs - Date.now()).toBeLessThanOrEqual(100 * allowance.intervalMs);
      },
      { timeout: 6_000, interval: 200 },
    );
    await evictDurableObject(stub);
    expect((await take(stub, "key", 150)).granted).toBe(50);
  });

  it("is rewritten in few rows before it becomes long, and nothing of it is lost", async () => {
    const stub = limiter("many");
    for (let count = 0; count < 100; count += 1) await take(stub, `key-${count}`, 150);
    expect(await rows(stub)).toBeLessThanOrEqual(64);
    await evictDurableObject(stub);
    for (const count of [0, 1, 50, 98, 99]) expect((await take(stub, `key-${count}`)).granted).toBe(0);
  });

  it("is left out where it cannot be read, and the limiter starts", async () => {
    const stub = limiter("foreign");
    await take(stub, "key", 150);
    await runInDurableObject(stub, (_, { storage }) => {
      storage.sql.exec('INSERT INTO debts VALUES (50, 50, 9e15, \'[[1,2],{"a":1},["other","x"]]\')');
      storage.sql.exec("INSERT INTO debts VALUES (51, 51, 9e15, 'not json')");
    });
    await evictDurableObject(stub);
    expect((await take(stub, "key")).granted).toBe(0);
    expect((await take(stub, "other", 150)).granted).toBe(150);
  });
});

it("keeps keys apart, and serves concurrent callers exactly", async () => {
  const stub = limiter("concurrent");
  const replies = await Promise.all(Array.from({ length: 300 }, () => take(stub, "a")));
  expect(replies.reduce((sum, { granted }) => sum + granted, 0)).toBe(150);
  expect((await take(stub, "b")).granted).toBe(1);
});
