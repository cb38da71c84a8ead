import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { AppError } from "../../../platform/errors.ts";
import type { CacheTag } from "../../../schemas/cache.ts";
import { clockOf, counting, isolate, noStore, realColo, realKv } from "../../../tests/support/answers.ts";
import { announceChange, changedHereMs } from "../../../stores/changes.ts";
import type { TierStore } from "./tier.ts";

const down = new AppError("UPSTREAM_UNAVAILABLE", "the backend is out of reach", { retryAfterSeconds: 1 });
const fails = (): Promise<never> => Promise.reject(down);
const json = { headers: { "content-type": "application/json" } };

let made = 0;
/** No test finds what another has stored. */
function fresh(): string {
  made += 1;
  return `/api/proxy/chains/${made}/config`;
}

describe("a store that fails", () => {
  const rejecting: TierStore = {
    read: () => Promise.reject(new Error("KV GET failed: 502")),
    write: () => Promise.reject(new Error("KV PUT failed: 400 Invalid expiration_ttl")),
    stamp: () => Promise.reject(new Error("KV GET failed: 502")),
  };
  const throwing: TierStore = {
    read: () => {
      throw new Error("not a promise");
    },
    write: () => {
      throw new Error("not a promise");
    },
    stamp: () => {
      throw new Error("not a promise");
    },
  };
  const never = new Promise<never>(() => undefined);
  const silent: TierStore = { read: () => never, write: () => never, stamp: () => never };
  const garbage: TierStore = {
    read: async () => new TextEncoder().encode('{"v":1}\nnothing'),
    write: async () => undefined,
    stamp: async () => Number.NaN,
  };

  it.each([
    ["rejects", rejecting],
    ["throws", throwing],
    ["never answers", silent],
    ["answers nonsense", garbage],
  ])("%s: reads go on to their origin and are answered, from memory where that holds them", async (_, store) => {
    const clock = clockOf();
    const edge = isolate(clock, { colo: store, kv: store });
    const path = fresh();
    const { seen, origin } = counting("chains", json);
    const first = await edge.ask({ path, origin });
    const second = await edge.ask({ path, origin });
    expect([first.status, first.text, second.text, seen.asked]).toEqual([200, "chains-1", "chains-1", 1]);
    // Nothing is left: memory too small for anything.
    const bare = isolate(clock, { colo: store, kv: store, memoryBytes: 0 });
    const answers = [];
    for (let index = 0; index < 5; index += 1) answers.push((await bare.ask({ path, origin })).status);
    expect(answers).toEqual([200, 200, 200, 200, 200]);
  });

  it("is left alone after three times, and tried again a second later", async () => {
    let asked = 0;
    const counted: TierStore = {
      ...noStore,
      read: () => {
        asked += 1;
        return Promise.reject(new Error("down"));
      },
    };
    const clock = clockOf();
    const edge = isolate(clock, { colo: counted, kv: noStore, memoryBytes: 0 });
    const { origin } = counting("x");
    for (let index = 0; index < 10; index += 1) await edge.ask({ path: fresh(), origin });
    expect([asked, edge.colo.failures]).toEqual([3, 3]);
    clock.nowMs += 1_001;
    await edge.ask({ path: fresh(), origin });
    expect(asked).toBeGreaterThan(3);
  });
});

describe("when the origin fails", () => {
  it("and nothing is held, its failure is told, with what the cache did", async () => {
    const edge = isolate(clockOf());
    const answer = await edge.ask({ path: fresh(), origin: fails });
    expect([answer.error, answer.cacheStatus, answer.age]).toEqual([down, "ArbitrageX-Edge; fwd=uri-miss", "0"]);
    expect(edge.counters.snapshot()).toMatchObject({ "backend.chains": { failed: 1, miss: 0 } });
  });

  it("another isolate in another data centre serves what KV holds, says how old it is, and asks again the next time", async () => {
    const clock = clockOf();
    const path = fresh();
    const { origin } = counting("strategies", json);
    await isolate(clock).ask({ path, policy: "backend.strategies", origin });
    clock.nowMs += 600_000;
    const elsewhere = isolate(clock, { colo: noStore });
    const stale = await elsewhere.ask({ path, policy: "backend.strategies", origin: fails });
    expect([stale.status, stale.text, stale.age]).toEqual([200, "strategies-1", "600"]);
    expect(stale.cacheStatus).toBe("ArbitrageX-Edge; fwd=stale; fwd-status=503; ttl=-540; detail=stale-if-error");
    expect(stale.headers.get("cache-control")).toBe("public, max-age=600");
    expect((await elsewhere.ask({ path, policy: "backend.strategies", origin })).text).toBe("strategies-2");
  });

  it("what is read from KV only then is found all the same", async () => {
    const clock = clockOf();
    const path = fresh();
    const { origin } = counting("executions", json);
    await isolate(clock).ask({ path, policy: "backend.executions", origin });
    clock.nowMs += 60_000;
    const stale = await isolate(clock, { colo: noStore }).ask({ path, policy: "backend.executions", origin: fails });
    expect([stale.text, stale.age]).toEqual(["executions-1", "60"]);
  });

  it.each([500, 502, 503, 504])("by status %i too", async (status) => {
    const clock = clockOf();
    const edge = isolate(clock);
    const path = fresh();
    await edge.ask({ path, origin: counting("chains").origin });
    clock.nowMs += 600_000;
    const stale = await edge.ask({ path, origin: counting("broken", { status }).origin });
    expect([stale.status, stale.text]).toEqual([200, "chains-1"]);
  });

  it.each([
    ["a refusal", () => Promise.reject(new AppError("FORBIDDEN", "no"))],
    ["a bug of ours", () => Promise.reject(new Error("bug"))],
    ["a limit", counting("slow down", { status: 429 }).origin],
    ["an absence", counting("none", { status: 404 }).origin],
  ])("%s is no failure: nothing stale is served in its place", async (_, origin) => {
    const clock = clockOf();
    const edge = isolate(clock);
    const path = fresh();
    await edge.ask({ path, origin: counting("chains").origin });
    clock.nowMs += 600_000;
    expect((await edge.ask({ path, origin })).text).not.toBe("chains-1");
  });

  it("opportunities of half a minute ago are no answer, nor is health of a moment ago", async () => {
    const clock = clockOf();
    const edge = isolate(clock);
    const [prices, health] = [fresh(), fresh()];
    await edge.ask({ path: prices, policy: "backend.opportunities", origin: counting("prices").origin });
    await edge.ask({ path: health, policy: "backend.health", origin: counting("healthy").origin });
    clock.nowMs += 5_000;
    expect((await edge.ask({ path: health, policy: "backend.health", origin: fails })).error).toBe(down);
    expect((await edge.ask({ path: prices, policy: "backend.opportunities", origin: fails })).text).toBe("prices-1");
    clock.nowMs += 30_000;
    expect((await edge.ask({ path: prices, policy: "backend.opportunities", origin: fails })).error).toBe(down);
  });
});

describe("a failure is never kept", () => {
  it.each([
    ["a status", counting("broken", { status: 500 }).origin],
    ["a throw", fails],
    ["what belongs to one", counting("mine", { headers: { "set-cookie": "session=1" } }).origin],
    ["what its origin forbids", counting("secret", { headers: { "cache-control": "no-store" } }).origin],
    ["what is private", counting("private", { headers: { "cache-control": "private, max-age=60" } }).origin],
  ])("%s", async (_, origin) => {
    const clock = clockOf();
    const path = fresh();
    const edge = isolate(clock);
    const first = await edge.ask({ path, origin });
    expect(first.cacheStatus).not.toContain("stored");
    const { seen, origin: healthy } = counting("healthy");
    expect((await edge.ask({ path, origin: healthy })).text).toBe("healthy-1");
    expect((await isolate(clock).ask({ path, origin: healthy })).text).toBe("healthy-1");
    expect(seen.asked).toBe(1);
  });

  it("and what is told once keeps its cookie and its own rule", async () => {
    const { origin } = counting("mine", { headers: { "set-cookie": "session=1", "cache-control": "private" } });
    const { headers, cacheStatus } = await isolate(clockOf()).ask({ path: fresh(), origin });
    expect([headers.get("set-cookie"), headers.get("cache-control"), cacheStatus]).toEqual([
      "session=1",
      "private",
      "ArbitrageX-Edge; fwd=uri-miss; detail=set-cookie",
    ]);
  });
});

describe("an answer", () => {
  it("comes from its origin once, then from memory, from the colo in another isolate, from KV in another colo", async () => {
    const clock = clockOf();
    const path = fresh();
    const { seen, origin } = counting("chains", json);
    const edge = isolate(clock);
    const first = await edge.ask({ path, origin });
    clock.nowMs += 2_500;
    const rest = [
      await edge.ask({ path, origin }),
      await isolate(clock).ask({ path, origin }),
      await isolate(clock, { colo: noStore }).ask({ path, origin }),
    ];
    expect(first.cacheStatus).toBe("ArbitrageX-Edge; fwd=uri-miss; stored; ttl=60");
    expect(rest.map(({ cacheStatus, age, text }) => [cacheStatus, age, text])).toEqual(
      ["memory", "colo", "kv"].map((tier) => [`ArbitrageX-Edge; hit; ttl=57; detail=${tier}`, "2", "chains-1"]),
    );
    expect([seen.asked, rest[0]?.headers.get("content-type"), rest[0]?.headers.get("cache-control")]).toEqual([
      1,
      "application/json",
      "public, max-age=59",
    ]);
  });

  it("past its time is served once more while a new one is fetched, by one for all", async () => {
    const clock = clockOf();
    const path = fresh();
    const { seen, origin } = counting("chains");
    const edge = isolate(clock);
    await edge.ask({ path, origin });
    clock.nowMs += 61_000;
    const stale = await Promise.all(Array.from({ length: 20 }, () => edge.ask({ path, origin })));
    expect(new Set(stale.map(({ text, cacheStatus }) => `${text} ${cacheStatus}`))).toEqual(
      new Set(["chains-1 ArbitrageX-Edge; hit; ttl=-1; detail=memory"]),
    );
    expect([(await edge.ask({ path, origin })).text, seen.asked]).toEqual(["chains-2", 2]);
  });

  it("stays when fetching a new one fails behind its readers' backs", async () => {
    const clock = clockOf();
    const path = fresh();
    const edge = isolate(clock);
    await edge.ask({ path, origin: counting("chains").origin });
    clock.nowMs += 61_000;
    expect([(await edge.ask({ path, origin: fails })).text, (await edge.ask({ path, origin: fails })).text]).toEqual([
      "chains-1",
      "chains-1",
    ]);
  });

  it("is 304 for who holds it, fresh or just made, and has no body for HEAD", async () => {
    const clock = clockOf();
    const path = fresh();
    const { seen, origin } = counting("chains", { headers: { etag: '"v1"', "content-type": "text/plain" } });
    const edge = isolate(clock);
    const held = { "if-none-match": 'W/"v0", W/"v1"' };
    const [first, second, other] = [
      await edge.ask({ path, origin, headers: held }),
      await edge.ask({ path, origin, headers: held }),
      await edge.ask({ path, origin, headers: { "if-none-match": '"v0"' } }),
    ];
    const head = await edge.ask({ path, origin, method: "HEAD" });
    expect([first, second, other, head].map(({ status, text }) => [status, text])).toEqual([
      [304, ""],
      [304, ""],
      [200, "chains-1"],
      [200, ""],
    ]);
    expect([seen.asked, second.headers.get("etag"), second.headers.get("vary"), head.headers.get("content-type")]).toEqual([
      1,
      '"v1"',
      "Authorization, X-API-Key",
      "text/plain",
    ]);
    expect(edge.counters.snapshot()["backend.chains"]).toMatchObject({ miss: 1, hit: 3, not_modified: 2 });
  });

  it("has a tag of its own where its origin gives none", async () => {
    const clock = clockOf();
    const path = fresh();
    const edge = isolate(clock);
    const { headers } = await edge.ask({ path, origin: counting("chains").origin });
    expect((await edge.ask({ path, origin: fails, headers: { "if-none-match": headers.get("etag") ?? "" } })).status).toBe(304);
  });

  it("that is not there is remembered for a few seconds, with its origin's own words", async () => {
    const clock = clockOf();
    const path = fresh();
    const { seen, origin } = counting("no such chain", { status: 404 });
    const edge = isolate(clock);
    expect([(await edge.ask({ path, origin })).status, (await edge.ask({ path, origin })).text, seen.asked]).toEqual([
      404,
      "no such chain-1",
      1,
    ]);
    clock.nowMs += 30_000;
    expect((await edge.ask({ path, origin: counting("chains").origin })).text).toBe("chains-1");
  });

  it("that is refused as not there is refused anew to each, from what is remembered", async () => {
    const clock = clockOf();
    const path = fresh();
    const edge = isolate(clock);
    const absent = new AppError("NOT_FOUND", "no such id", { details: { id: "x" } });
    await edge.ask({ path, origin: () => Promise.reject(absent) });
    const again = await isolate(clock).ask({ path, origin: counting("never asked").origin });
    expect(again.error).not.toBe(absent);
    expect(again.error).toMatchObject({ code: "NOT_FOUND", message: "no such id", details: { id: "x" } });
    expect(again.cacheStatus).toBe("ArbitrageX-Edge; hit; ttl=30; detail=colo");
  });

  it("larger than may be kept passes whole and is kept nowhere", async () => {
    const clock = clockOf();
    const path = fresh();
    const edge = isolate(clock);
    const large = "x".repeat(1_048_577);
    const answer = await edge.ask({ path, origin: async () => new Response(large) });
    expect([answer.text === large, answer.cacheStatus]).toEqual([true, "ArbitrageX-Edge; fwd=uri-miss; detail=large"]);
    expect((await edge.ask({ path, origin: counting("small").origin })).text).toBe("small-1");
  });

  it("that varies on a header is for requests with that header alone, whether kept or on its way", async () => {
    const clock = clockOf();
    const path = fresh();
    const edge = isolate(clock);
    const speak = (language: string) => async () => new Response(language, { headers: { vary: "Accept-Language" } });
    const ask = (language: string) => edge.ask({ path, origin: speak(language), headers: { "accept-language": language } });
    const together = await Promise.all([ask("de"), ask("en"), ask("de")]);
    expect(together.map(({ text }) => text)).toEqual(["de", "en", "de"]);
    const after = [await ask("fr"), await ask("fr"), await ask("de")];
    expect(after.map(({ text }) => text)).toEqual(["fr", "fr", "de"]);
    expect([after[0]?.cacheStatus, after[1]?.cacheStatus]).toEqual([
      "ArbitrageX-Edge; fwd=vary-miss; stored; ttl=60",
      "ArbitrageX-Edge; hit; ttl=60; detail=memory",
    ]);
    expect(after[1]?.headers.get("vary")).toBe("accept-language, Authorization, X-API-Key");
  });

  it("is never used past the time it is true for, not even in an outage", async () => {
    const clock = clockOf();
    const path = fresh();
    const edge = isolate(clock);
    const notAfterMs = clock.nowMs + 1_500;
    const first = await edge.ask({ path, policy: "opportunities", origin: async () => ({ response: new Response("list"), notAfterMs }) });
    // Rounded down: no client holds it for longer either.
    expect(first.headers.get("cache-control")).toBe("public, max-age=1");
    clock.nowMs = notAfterMs;
    for (const one of [edge, isolate(clock)]) expect((await one.ask({ path, policy: "opportunities", origin: fails })).error).toBe(down);
  });

  it("is private to the browser that asked where not everybody may have it", async () => {
    const { headers } = await isolate(clockOf()).ask({ path: fresh(), partition: "rights:a", origin: counting("x").origin });
    expect(headers.get("cache-control")).toBe("private, max-age=60");
  });
});

describe("the cache stands aside", () => {
  it.each<[string, object, string]>([
    ["for a method that changes something", { method: "POST" }, "method"],
    ["for a method that it does not know", { method: "OPTIONS" }, "method"],
    ["for who cannot be told from others", { partition: undefined }, "bypass"],
    ["for a query it does not know", { query: undefined }, "bypass"],
  ])("%s", async (_, rest, why) => {
    const edge = isolate(clockOf());
    const path = fresh();
    const { seen, origin } = counting("answer");
    const answers = [await edge.ask({ path, origin, ...rest }), await edge.ask({ path, origin, ...rest })];
    expect(answers.map(({ text, cacheStatus }) => [text, cacheStatus])).toEqual([
      ["answer-1", `ArbitrageX-Edge; fwd=${why}`],
      ["answer-2", `ArbitrageX-Edge; fwd=${why}`],
    ]);
    expect([seen.asked, edge.memory.size]).toEqual([2, 0]);
  });
});

describe("200 who ask for what nobody holds", () => {
  it("cost one call, and all but one are told that they waited for it", async () => {
    const edge = isolate(clockOf());
    const path = fresh();
    const { promise, resolve } = Promise.withResolvers<Response>();
    let asked = 0;
    const origin = (): Promise<Response> => {
      asked += 1;
      return promise;
    };
    const all = Array.from({ length: 200 }, () => edge.ask({ path, origin }));
    resolve(new Response("once"));
    const answers = await Promise.all(all);
    expect([asked, new Set(answers.map(({ text }) => text))]).toEqual([1, new Set(["once"])]);
    expect(answers.filter(({ cacheStatus }) => cacheStatus.includes("collapsed"))).toHaveLength(199);
  });

  it("of a dead origin cost one call too", async () => {
    const edge = isolate(clockOf(), { colo: noStore, kv: noStore });
    const path = fresh();
    const { promise, reject } = Promise.withResolvers<Response>();
    let asked = 0;
    const origin = (): Promise<Response> => {
      asked += 1;
      return promise;
    };
    const all = Array.from({ length: 200 }, () => edge.ask({ path, origin }));
    // A turn of the loop: with stores that answer at once, all have come as far as the origin by then.
    await new Promise((resolve) => setTimeout(resolve, 0));
    reject(down);
    expect(new Set((await Promise.all(all)).map(({ error }) => error))).toEqual(new Set([down]));
    expect(asked).toBe(1);
  });

  it("each get their own where what comes is for one alone", async () => {
    const edge = isolate(clockOf());
    const path = fresh();
    const { seen, origin } = counting("mine", { headers: { "cache-control": "private" } });
    const answers = await Promise.all(Array.from({ length: 20 }, () => edge.ask({ path, origin })));
    expect([seen.asked, new Set(answers.map(({ text }) => text)).size]).toEqual([20, 20]);
  });
});

describe("what has changed", () => {
  it("is not answered from before the change any more, in no isolate that knows of it", async () => {
    const clock = clockOf();
    const path = fresh();
    const changed = new Map<CacheTag, number>();
    const edge = isolate(clock, { changed });
    const { origin } = counting("list");
    await edge.ask({ path, policy: "strategies", origin });
    clock.nowMs += 10;
    expect((await edge.ask({ path, policy: "strategies", origin })).text).toBe("list-1");
    changed.set("strategies", clock.nowMs);
    clock.nowMs += 1;
    const answer = await edge.ask({ path, policy: "strategies", origin });
    expect([answer.text, answer.cacheStatus]).toEqual(["list-2", "ArbitrageX-Edge; fwd=stale; stored; ttl=60"]);
  });

  it("while it was being read is read again by the next", async () => {
    const clock = clockOf();
    const path = fresh();
    const changed = new Map<CacheTag, number>();
    const edge = isolate(clock, { changed });
    const slow = Promise.withResolvers<Response>();
    const begun = Promise.withResolvers<void>();
    const old = (): Promise<Response> => {
      begun.resolve();
      return slow.promise;
    };
    const first = edge.ask({ path, policy: "strategies", origin: old });
    await begun.promise;
    clock.nowMs += 10;
    changed.set("strategies", clock.nowMs);
    clock.nowMs += 10;
    const { origin } = counting("new");
    expect((await edge.ask({ path, policy: "strategies", origin })).text).toBe("new-1");
    slow.resolve(new Response("old"));
    expect((await first).text).toBe("old");
    expect((await edge.ask({ path, policy: "strategies", origin })).text).toBe("new-1");
  });

  it("is known to the colo's other isolates within a second, and is still there for an outage", async () => {
    const clock = clockOf();
    const path = fresh();
    const told = { atMs: 0 };
    const colo: TierStore = { ...realColo, stamp: async () => told.atMs };
    const edge = isolate(clock, { colo });
    const { origin } = counting("list");
    await edge.ask({ path, policy: "strategies", origin });
    told.atMs = clock.nowMs + 1;
    clock.nowMs += 1_000;
    expect((await edge.ask({ path, policy: "strategies", origin: fails })).text).toBe("list-1");
    expect((await edge.ask({ path, policy: "strategies", origin })).text).toBe("list-2");
  });

  it("many times a second is asked of the backend once a second", async () => {
    const clock = clockOf();
    const path = fresh();
    const changed = new Map<CacheTag, number>();
    const edge = isolate(clock, { changed });
    const { seen, origin } = counting("prices");
    for (let tenth = 0; tenth < 50; tenth += 1) {
      changed.set("backend.opportunities", clock.nowMs);
      await edge.ask({ path, policy: "backend.opportunities", origin });
      clock.nowMs += 100;
    }
    expect(seen.asked).toBe(5);
  });
});

describe("what was purged", () => {
  it("is gone for good: in this isolate at once, elsewhere when KV says so, and no outage brings it back", async () => {
    const clock = clockOf();
    const path = fresh();
    const purged = { atMs: 0 };
    const kv: TierStore = { ...realKv, stamp: async () => purged.atMs };
    const [here, elsewhere] = [isolate(clock, { kv }), isolate(clock, { kv })];
    const { origin } = counting("wrong");
    await here.ask({ path, origin });
    await elsewhere.ask({ path, origin });
    clock.nowMs += 10;
    purged.atMs = clock.nowMs;
    here.cache.stamps.purgedHere("backend.chains", clock.nowMs);
    expect((await here.ask({ path, origin: fails })).error).toBe(down);
    expect((await elsewhere.ask({ path, origin: fails })).text).toBe("wrong-1");
    clock.nowMs += 25_000;
    // Whoever comes first then has KV asked, and need not wait for what it says.
    await elsewhere.ask({ path, origin: fails });
    expect((await elsewhere.ask({ path, origin: fails })).error).toBe(down);
    expect((await isolate(clock, { kv }).ask({ path, origin: fails })).error).toBe(down);
  });
});

describe("KV", () => {
  it("is written once a minute and key at most, and holds no answer that is a refusal", async () => {
    const written: number[] = [];
    const kv: TierStore = {
      ...noStore,
      write: async (_, { keepSeconds }) => {
        written.push(keepSeconds);
      },
    };
    const clock = clockOf();
    const edge = isolate(clock, { kv, colo: noStore, memoryBytes: 0 });
    const path = fresh();
    for (let second = 0; second < 130; second += 10) {
      await edge.ask({ path, policy: "backend.executions", origin: counting("x").origin });
      clock.nowMs += 10_000;
    }
    expect(written).toHaveLength(3);
    const absent = () => Promise.reject(new AppError("NOT_FOUND", "none"));
    await edge.ask({ path: fresh(), policy: "backend.executions", origin: absent });
    expect(written).toHaveLength(3);
  });

  it("holds nothing of prices", async () => {
    const before = (await env.API_CACHE.list({ prefix: "answer/" })).keys.length;
    await isolate(clockOf()).ask({ path: fresh(), policy: "opportunities", origin: counting("x").origin });
    expect((await env.API_CACHE.list({ prefix: "answer/" })).keys).toHaveLength(before);
  });
});

it("a change is known at once in the isolate that made it", async () => {
  await announceChange("backend.analytics", { nowMs: 5_000 });
  await announceChange("backend.analytics", { nowMs: 4_000 });
  expect(changedHereMs("backend.analytics")).toBe(5_000);
});
