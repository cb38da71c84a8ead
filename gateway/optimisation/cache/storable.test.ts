import { describe, expect, it } from "vitest";
import type { Policy } from "./policies.ts";
import { storabilityOf } from "./storable.ts";

const policy: Policy = {
  tag: "backend.chains",
  ttlSeconds: 60,
  staleWhileRevalidateSeconds: 30,
  staleIfErrorSeconds: 600,
  negativeSeconds: 5,
  sharedBy: "rights",
  bytesMax: 1_000,
  kv: "never",
  changeSeconds: 0,
};
const nowMs = Date.UTC(2026, 10, 24, 12);

function decide(headers: Record<string, string> = {}, rest: { status?: number; tookMs?: number; notAfterMs?: number } = {}) {
  const { status = 200, tookMs = 0, notAfterMs } = rest;
  return storabilityOf(policy, { status, headers: new Headers(headers), startedAtMs: nowMs - tookMs, nowMs, notAfterMs });
}

/** Seconds from now that it is fresh, may be served stale, and when the origin fails. */
function times(...args: Parameters<typeof decide>): number[] | string {
  const found = decide(...args);
  if (found.kind !== "store") return found.kind;
  const { freshUntilMs, staleUntilMs, errorUntilMs } = found.lifetime;
  return [freshUntilMs, staleUntilMs, errorUntilMs].map((ms) => (ms - nowMs) / 1_000);
}

describe("an answer is only for who asked when it", () => {
  it.each([
    [{ "set-cookie": "a=b" }],
    [{ "cache-control": "private" }],
    [{ "cache-control": 'max-age=60, Private="x-user"' }],
    [{ "cache-control": "public, NO-STORE" }],
    [{ vary: "*" }],
    [{ vary: "accept, *" }],
    [{ "content-encoding": "gzip" }],
  ])("says %j", (headers) => {
    expect(decide(headers).kind).toBe("own");
  });
});

describe("an answer is not kept when", () => {
  it.each([100, 201, 204, 301, 304, 400, 401, 403, 409, 410, 429, 500, 502, 503])("its status is %i", (status) => {
    expect(decide({}, { status }).kind).toBe("once");
  });

  it.each([
    [{ "cache-control": "no-cache" }],
    [{ "cache-control": "max-age=0" }],
    [{ "cache-control": "max-age=soon" }],
    [{ "cache-control": "max-age=60", age: "60" }],
    [{ "cache-control": "s-maxage=0, max-age=60" }],
    [{ expires: "0" }],
    [{ expires: "Tue, 24 Nov 2026 11:59:59 GMT" }],
  ])("its origin says %j", (headers) => {
    expect(decide(headers).kind).toBe("once");
  });

  it("came only after it had grown too old", () => {
    expect(times({}, { tookMs: 60_000 })).toBe("once");
    expect(times({}, { tookMs: 59_000 })).toEqual([1, 31, 601]);
  });
});

describe("an answer is kept", () => {
  it.each<[string, Record<string, string>, number[]]>([
    ["as the policy says, where its origin says nothing", {}, [60, 90, 660]],
    ["no longer than the policy says", { "cache-control": "max-age=86400" }, [60, 90, 660]],
    ["no longer than its origin says", { "cache-control": "max-age=10" }, [10, 40, 610]],
    ["by what is said to shared caches first", { "cache-control": "max-age=30, s-maxage=10" }, [10, 10, 10]],
    ["until it expires", { expires: "Tue, 24 Nov 2026 12:00:07 GMT" }, [7, 37, 607]],
    ["less the time it spent elsewhere", { age: "20" }, [40, 70, 640]],
    ["never stale where its origin forbids it", { "cache-control": "must-revalidate" }, [60, 60, 60]],
  ])("%s", (_, headers, expected) => {
    expect(times(headers)).toEqual(expected);
  });

  it("as absent for a few seconds, and not a moment longer", () => {
    expect(times({}, { status: 404 })).toEqual([5, 5, 5]);
  });

  it("never beyond the time it is true for, whoever is down", () => {
    expect(times({}, { notAfterMs: nowMs + 70_000 })).toEqual([60, 70, 70]);
    expect(times({}, { notAfterMs: nowMs + 400 })).toEqual([0.4, 0.4, 0.4]);
  });

  it("for requests like the one it was made for; who asks, from where and with which coding are settled elsewhere", () => {
    expect(decide({ vary: "Accept-Language, Authorization, accept-encoding, Origin, X-API-Key, accept, Accept" })).toMatchObject({
      varying: ["accept", "accept-language"],
    });
  });
});
