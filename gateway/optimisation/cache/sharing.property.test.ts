/** Issue 5, "What it must show", 3: whoever asks for whatever, in whatever order and at whatever time, through memory, colo, KV or somebody else's
 *  fetch: an answer reaches only those it was made for. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AppError } from "../../../platform/errors.ts";
import type { Claims } from "../../../platform/claims.ts";
import { clockOf, isolate, noStore, realColo, realKv } from "../../../tests/support/answers.ts";
import type { Reader } from "../../security/reader.ts";
import { partitionOf } from "./partition.ts";
import type { PolicyName } from "./policies.ts";
import type { TierStore } from "./tier.ts";

const claims = (rest: Partial<Claims>): Reader => ({
  kind: "client",
  claims: { sub: "u1", role: "trader", channels: undefined, exp: 9, ...rest },
});

/** Names say who has the same rights as whom: all before the slash. */
const readers: Readonly<Record<string, Reader>> = {
  "nobody/1": { kind: "anonymous" },
  "operator/1": { kind: "operator" },
  "trader/1": claims({}),
  "trader/2": claims({ sub: "u2", jti: "t2", role: "Trader" }),
  "viewer/1": claims({ role: "viewer" }),
  "arbitrum/1": claims({ role: undefined, channels: { "opportunities:arbitrum": ["subscribe"], executions: ["history"] } }),
  "arbitrum/2": claims({ sub: "u2", role: undefined, channels: { executions: ["history"], "opportunities:arbitrum": ["subscribe"] } }),
  "base/1": claims({ role: undefined, channels: { "opportunities:base": ["subscribe"] } }),
};

const routes = [
  { policy: "backend.chains", path: "/api/proxy/chains", isPublic: true },
  { policy: "backend.strategies", path: "/api/proxy/strategies", isPublic: false },
  { policy: "strategies", path: "/api/strategies", isPublic: false },
] as const satisfies readonly { policy: PolicyName; path: string; isPublic: boolean }[];

const query = fc.constantFrom("", "chain=base");
const language = fc.constantFrom(undefined, "de", "en");
/** What the origin does: it answers, answers for a header, for one alone, or not at all. */
const manner = fc.constantFrom("plain", "plain", "varying", "varying", "private", "cookie", "absent", "down");

const asker = { reader: fc.constantFrom(...Object.keys(readers)), language };
const step = fc.record({
  ...asker,
  /** Who ask for the same in the same moment. */
  crowd: fc.array(fc.record(asker), { maxLength: 3 }),
  route: fc.constantFrom(...routes),
  sharedBy: fc.constantFrom("rights" as const, "user" as const),
  query,
  manner,
  method: fc.constantFrom("GET", "GET", "HEAD", "POST"),
  /** Memories that share the stores; the third is in another colo. */
  isolate: fc.nat(2),
  /** Whether it waits for the one before. */
  isAlone: fc.constantFrom(true, false, false),
  waitMs: fc.constantFrom(0, 0, 0, 1, 900, 4_000, 61_000, 700_000),
});
type Step = (typeof step extends fc.Arbitrary<infer S> ? S : never) & { readonly run: number };

/** What an answer made for this step says of whom it is for. */
function markOf({ reader, route, sharedBy, query: asked, run }: Step, varied: string): string {
  const [rights = "", user = ""] = reader.split("/");
  const who = route.isPublic ? "all" : sharedBy === "rights" ? rights : `${rights}/${user}`;
  return [run, route.path, asked, sharedBy, who, varied].join(" ");
}

function originOf(made: Step): () => Promise<Response> {
  const mark = (varied = "any"): string => markOf(made, varied);
  return async () => {
    // In its own time, so that others come meanwhile.
    await new Promise((resolve) => setTimeout(resolve, 0));
    if (made.manner === "down") throw new AppError("UPSTREAM_UNAVAILABLE", "down");
    if (made.manner === "absent") return new Response(mark(), { status: 404 });
    if (made.manner === "private") return new Response(mark(`alone-${made.reader}`), { headers: { "cache-control": "private" } });
    if (made.manner === "cookie") return new Response(mark(`alone-${made.reader}`), { headers: { "set-cookie": "s=1" } });
    if (made.manner === "varying") return new Response(mark(`in-${made.language}`), { headers: { vary: "Accept-Language" } });
    return new Response(mark());
  };
}

/** As fast as memory, so that thousands of orders can be tried. */
function shelf(): TierStore {
  const held = new Map<string, Uint8Array>();
  return {
    read: async (hash) => held.get(hash),
    write: async (hash, { bytes }) => {
      held.set(hash, bytes);
    },
    stamp: async () => 0,
  };
}

describe.each<[string, number, () => readonly [colo: TierStore, kv: TierStore]]>([
  ["stores as fast as memory", 60, () => [shelf(), shelf()]],
  ["the real stores", 5, () => [realColo, realKv]],
])("over %s", (_, numRuns, stores) => {
  it("an answer made for one never reaches another whose rights, query or headers differ", { timeout: 120_000 }, async () => {
    const tally = { hits: 0, collapsed: 0, stale: 0 };
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 40 }), async (steps) => {
        run += 1;
        const clock = clockOf(1_800_000_000_000);
        const [colo, kv] = stores();
        const isolates = [isolate(clock, { colo, kv }), isolate(clock, { colo, kv }), isolate(clock, { colo: noStore, kv })];
        const under: Promise<void>[] = [];
        for (const one of steps) {
          if (one.isAlone) await Promise.all(under);
          clock.nowMs += one.waitMs;
          for (const who of [{}, ...one.crowd]) under.push(check({ ...one, ...who, run }, isolates[one.isolate], tally));
        }
        await Promise.all(under);
      }),
      // Shrinking would ask thousands of times more.
      { numRuns, endOnFailure: true },
    );
    // The property holds for a cache that shares nothing, too: this one did share. (A few orders alone may be too few for it.)
    if (numRuns > 10) expect(Math.min(tally.hits, tally.stale, tally.collapsed)).toBeGreaterThan(0);
  });
});

let run = 0;

async function check(made: Step, edge: ReturnType<typeof isolate> | undefined, tally: { hits: number; collapsed: number; stale: number }) {
  const { route, sharedBy, reader } = made;
  const known = readers[reader];
  if (known === undefined || edge === undefined) throw new Error(reader);
  const partition = partitionOf({ sharedBy, reader: known, isPublic: route.isPublic, publicChannels: [] });
  const headers: Record<string, string> = made.language === undefined ? {} : { "accept-language": made.language };
  const path = `${route.path}/${made.run}/${sharedBy}`;
  const { policy } = route;
  const seen = await edge.ask({ policy, path, query: made.query, partition, method: made.method, headers, origin: originOf(made) });
  if (seen.cacheStatus.includes("; hit")) tally.hits += 1;
  if (seen.cacheStatus.includes("collapsed")) tally.collapsed += 1;
  if (seen.cacheStatus.includes("stale-if-error")) tally.stale += 1;
  const allowed = ["any", `in-${made.language}`, `alone-${made.reader}`].map((varied) => markOf(made, varied));
  expect(["", ...allowed], JSON.stringify(made)).toContain(seen.text);
}
